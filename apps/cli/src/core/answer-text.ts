import type { Artifact, Part } from '@shoal/protocol';
import { printable } from '../output/printable.ts';

/** Parts for people: text as it is, data as JSON, files by name and size. */
export function partsText(parts: readonly Part[]): string {
  return parts.map(partText).join('\n');
}

function partText(part: Part): string {
  const {
    text,
    url,
    raw,
    filename = 'file',
    mediaType = 'unknown type',
  } = part as {
    text?: string;
    url?: string;
    raw?: string;
    filename?: string;
    mediaType?: string;
  };
  if (text !== undefined) return printable(text, 'lines');
  if (url !== undefined) return printable(`[${filename}, ${mediaType}, ${url}]`);
  if (raw !== undefined)
    return printable(`[${filename}, ${mediaType}, ${Math.floor((raw.length * 3) / 4)} bytes]`);
  return printable(JSON.stringify((part as { data?: unknown }).data ?? null, undefined, 2), 'lines');
}

export function artifactText({ parts }: Artifact): string {
  return partsText(parts);
}
