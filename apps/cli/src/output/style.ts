/** Colours when the reader is a person at a terminal who wants them, else the text as it is. */
export interface Style {
  readonly columns: number | undefined;
  readonly good: Paint;
  readonly bad: Paint;
  readonly warn: Paint;
  readonly dim: Paint;
  readonly bold: Paint;
}

export type Paint = (text: string) => string;

const plain: Paint = (text) => text;

const paint =
  (code: number): Paint =>
  (text) =>
    `\u001B[${code}m${text}\u001B[0m`;

/** https://no-color.org: any value but the empty one turns colours off. */
export function createStyle(
  sink: { readonly isTTY: boolean; readonly columns: number | undefined },
  env: Readonly<Record<string, string | undefined>>,
  noColor: boolean,
): Style {
  const off = noColor || !sink.isTTY || (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
  const columns = sink.isTTY ? sink.columns : undefined;
  if (off) return { columns, good: plain, bad: plain, warn: plain, dim: plain, bold: plain };
  return { columns, good: paint(32), bad: paint(31), warn: paint(33), dim: paint(90), bold: paint(1) };
}

/** By what a word means, so that a state looks the same in every table. */
export function paintState(style: Style, state: string): Paint {
  if (['online', 'completed', 'done', 'pass'].includes(state)) return style.good;
  if (['failed', 'lost', 'offline', 'rejected', 'unknown', 'fail'].includes(state)) return style.bad;
  if (
    ['suspect', 'asleep', 'retrying', 'paused', 'input-required', 'canceled', 'canceling', 'warn'].includes(
      state,
    )
  )
    return style.warn;
  return plain;
}
