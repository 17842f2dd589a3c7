import type { TextSink } from '../io.ts';

const PATIENCE_MS = 1_000;
const REDRAW_MS = 250;

/** Says what is waited for when it takes longer than a second: a line that counts on a terminal, one plain line elsewhere. */
export async function withProgress<T>(sink: TextSink, what: string, work: Promise<T>): Promise<T> {
  const startedAt = performance.now();
  let redraw: NodeJS.Timeout | undefined;
  const show = (): void => {
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    sink.write(`\r\u001B[K… ${what}, ${seconds} s`);
  };
  const timer = setTimeout(() => {
    if (!sink.isTTY) return sink.write(`… ${what}\n`);
    show();
    redraw = setInterval(show, REDRAW_MS);
  }, PATIENCE_MS);
  try {
    return await work;
  } finally {
    clearTimeout(timer);
    if (redraw !== undefined) {
      clearInterval(redraw);
      sink.write('\r\u001B[K');
    }
  }
}
