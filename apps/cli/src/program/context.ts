import type { Link } from '@shoal/mqtt-link';
import { connect, type ConnectOptions } from '../connection/connect.ts';
import type { Io } from '../io.ts';
import { withProgress } from '../output/progress.ts';
import type { Style } from '../output/style.ts';
import type { Settings } from '../settings/settings.ts';

/** How the answer is to be printed. */
export type Format = 'text' | 'json' | 'jsonl';

export interface Context {
  readonly io: Io;
  readonly settings: Settings;
  readonly format: Format;
  /** Of standard output. */
  readonly style: Style;
  /** Aborts on SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  /** One line on standard error. */
  note(text: string): void;
  /** A piece of a stream: the text for people at once, or the record with `--jsonl`. With `--json` the caller collects. */
  tell(text: string, record: unknown): void;
  /** Says what is waited for when it takes longer than a second. */
  waiting<T>(what: string, work: Promise<T>): Promise<T>;
  /** A connection that is closed when the command ends. */
  connect(options?: ConnectOptions): Promise<Link>;
  /** Runs at the end, the last one first. */
  atEnd(close: () => void | Promise<void>): void;
}

export interface ContextInit {
  readonly io: Io;
  readonly settings: Settings;
  readonly format: Format;
  readonly style: Style;
}

export function createContext({ io, settings, format, style }: ContextInit): {
  readonly context: Context;
  /** Never rejects. */
  readonly close: () => Promise<void>;
} {
  const closing: (() => void | Promise<void>)[] = [];
  const context: Context = {
    io,
    settings,
    format,
    style,
    signal: io.signal,
    note: (text) => io.stderr.write(`${text}\n`),
    tell(text, record) {
      if (format === 'text' && text !== '') io.stdout.write(`${text}\n`);
      if (format === 'jsonl') io.stdout.write(`${JSON.stringify(record)}\n`);
    },
    waiting: (what, work) => withProgress(io.stderr, what, work),
    async connect(options) {
      const link = await withProgress(
        io.stderr,
        `connecting to ${settings.url}`,
        connect(io, settings, options),
      );
      closing.push(() => link.close());
      if (options?.stays === true) tellLoss(link, context);
      return link;
    },
    atEnd: (close) => void closing.push(close),
  };
  return {
    context,
    async close() {
      for (const end of closing.toReversed()) {
        try {
          await end();
        } catch (error) {
          io.stderr.write(`while closing: ${error instanceof Error ? error.message : String(error)}\n`);
        }
      }
    },
  };
}

function tellLoss(link: Link, context: Context): void {
  context.atEnd(
    link.on('offline', () => context.note('the connection to the broker was lost: waiting until it is back')),
  );
  context.atEnd(link.on('online', ({ reconnect }) => reconnect && context.note('connected again')));
}
