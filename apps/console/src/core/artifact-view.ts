import type { Part } from '@shoal/protocol';

/** How a part is shown. Nothing of it is trusted: who shows it sanitises it. */
export type PartView =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'markdown'; readonly text: string }
  | { readonly kind: 'html'; readonly text: string }
  | { readonly kind: 'svg'; readonly text: string }
  | { readonly kind: 'image'; readonly mediaType: string; readonly base64: string; readonly name: string }
  | {
      readonly kind: 'table';
      readonly columns: readonly string[];
      readonly rows: readonly (readonly string[])[];
      readonly left: number;
    }
  | { readonly kind: 'json'; readonly value: unknown }
  | { readonly kind: 'link'; readonly url: string; readonly name: string }
  | { readonly kind: 'file'; readonly name: string; readonly mediaType: string; readonly base64: string };

const IMAGES: ReadonlySet<string> = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp']);
const MOST_ROWS = 200;
const MOST_COLUMNS = 24;

export function partView(part: Part): PartView {
  const { mediaType = '', filename = '' } = part;
  const type = mediaType.split(';')[0]!.trim().toLowerCase();
  if (typeof part.text === 'string') return textView(part.text, type, filename);
  if (typeof part.raw === 'string') {
    if (type === 'image/svg+xml') return { kind: 'svg', text: utf8(part.raw) };
    if (IMAGES.has(type)) return { kind: 'image', mediaType: type, base64: part.raw, name: filename };
    if (type.startsWith('text/')) return textView(utf8(part.raw), type, filename);
    return { kind: 'file', name: filename === '' ? 'file' : filename, mediaType: type, base64: part.raw };
  }
  if (typeof part.url === 'string') return { kind: 'link', url: part.url, name: filename };
  return tableOf(part.data) ?? { kind: 'json', value: part.data };
}

function textView(text: string, type: string, filename: string): PartView {
  if (type === 'image/svg+xml' || (type === '' && /^\s*<svg[\s>]/.test(text))) return { kind: 'svg', text };
  if (type === 'text/html') return { kind: 'html', text };
  if (type === 'text/markdown' || filename.endsWith('.md')) return { kind: 'markdown', text };
  return { kind: 'text', text };
}

/** A list of flat objects is a table. */
function tableOf(value: unknown): PartView | undefined {
  const list = Array.isArray(value) ? value : onlyListIn(value);
  if (list === undefined || list.length === 0 || !list.every(isFlat)) return undefined;
  const columns = [...new Set(list.flatMap((row) => Object.keys(row)))].slice(0, MOST_COLUMNS);
  const rows = list.slice(0, MOST_ROWS).map((row) => columns.map((column) => cell(row[column])));
  return { kind: 'table', columns, rows, left: list.length - rows.length };
}

function onlyListIn(value: unknown): unknown[] | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const entries = Object.values(value);
  return entries.length === 1 && Array.isArray(entries[0]) ? entries[0] : undefined;
}

function isFlat(row: unknown): row is Record<string, unknown> {
  return (
    typeof row === 'object' &&
    row !== null &&
    !Array.isArray(row) &&
    Object.values(row).every((entry) => typeof entry !== 'object' || entry === null)
  );
}

function cell(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function utf8(base64: string): string {
  try {
    return new TextDecoder().decode(bytesOfBase64(base64));
  } catch {
    return '';
  }
}

/** Also the URL alphabet. Throws DOMException for what is no base64. */
export function bytesOfBase64(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}
