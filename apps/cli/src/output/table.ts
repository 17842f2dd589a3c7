import { printable } from './printable.ts';
import type { Paint, Style } from './style.ts';

export interface Column<R> {
  readonly title: string;
  readonly value: (row: R) => string;
  readonly paint?: (row: R) => Paint;
  readonly right?: boolean;
}

const GAP = '  ';
const LEAST = 8;

/** Columns as wide as what is in them. On a terminal the last one is cut so that a row stays one line. */
export function formatTable<R>(rows: readonly R[], columns: readonly Column<R>[], style: Style): string {
  const cells = rows.map((row) => columns.map((column) => printable(column.value(row))));
  const widths = columns.map(({ title }, i) =>
    Math.max(title.length, ...cells.map((line) => widthOf(line[i] ?? ''))),
  );
  fit(widths, style.columns);
  const head = columns.map(({ title, right }, i) => style.dim(pad(title, widths[i] ?? 0, right)));
  const lines = cells.map((line, r) =>
    line.map((cell, i) => {
      const column = columns[i]!;
      const padded = pad(cell, widths[i] ?? 0, column.right);
      return column.paint === undefined ? padded : column.paint(rows[r]!)(padded);
    }),
  );
  return [head, ...lines].map((line) => `${line.join(GAP).trimEnd()}\n`).join('');
}

/** `name  value` lines. */
export function formatFields(
  fields: readonly (readonly [name: string, value: string | undefined])[],
  style: Style,
): string {
  const shown = fields.filter((field): field is readonly [string, string] => field[1] !== undefined);
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${style.dim(name.padEnd(width))}  ${printable(value)}\n`).join('');
}

function fit(widths: number[], columns: number | undefined): void {
  const last = widths.length - 1;
  if (columns === undefined || last < 0) return;
  const before = widths.slice(0, last).reduce((sum, width) => sum + width + GAP.length, 0);
  widths[last] = Math.min(widths[last] ?? 0, Math.max(LEAST, columns - before));
}

function pad(text: string, width: number, right = false): string {
  const length = widthOf(text);
  if (length > width)
    return `${Array.from(text)
      .slice(0, Math.max(0, width - 1))
      .join('')}…`;
  return right ? `${' '.repeat(width - length)}${text}` : `${text}${' '.repeat(width - length)}`;
}

function widthOf(text: string): number {
  return Array.from(text).length;
}
