import { createReadStream, createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { Check } from 'typebox/value';
import { matchTopic, type Link } from '@shoal/mqtt-link';
import { collect, positive, type CollectLimits, type Collector } from '../connection/collect.ts';
import { toTraceEntry } from '../core/trace-entry.ts';
import { usageError } from '../errors.ts';
import { printable } from '../output/printable.ts';
import type { Context } from '../program/context.ts';
import { implement } from '../program/leaf.ts';
import { TraceEntry, type Trace } from '../shapes/projects.ts';

interface TraceFlags extends CollectLimits {
  readonly filter?: readonly string[];
  readonly kind?: readonly string[];
  readonly of?: string;
  readonly payload?: boolean;
  readonly retained?: boolean;
  readonly record?: string;
  readonly replay?: string;
  readonly speed?: string;
  readonly send?: boolean;
}

export const trace = implement<Trace>({
  async run(context, _args, given) {
    const flags = given as TraceFlags;
    if (flags.send === true && flags.replay === undefined)
      throw usageError('--send publishes a recording: name it with --replay');
    const collector = collect<TraceEntry>(context, flags);
    const sink = recorder(context, flags.record);
    const link =
      flags.replay === undefined || flags.send === true ? await context.connect({ stays: true }) : undefined;
    const take = (entry: TraceEntry): boolean => {
      if (!wanted(entry, flags)) return false;
      if (!collector.add(lineOf(entry, context, flags.payload === true), entry)) return false;
      sink(entry);
      return true;
    };
    if (flags.replay !== undefined) await replay(context, flags, take, collector, link);
    else if (link !== undefined) await listen(context, link, flags, take, collector);
    return { entries: [...collector.records], dropped: collector.dropped };
  },
  text: () => '',
});

async function listen(
  { settings }: Context,
  link: Link,
  flags: TraceFlags,
  take: (entry: TraceEntry) => boolean,
  collector: Collector<TraceEntry>,
): Promise<void> {
  const { org = '+', unit = '+' } = settings;
  const filters = flags.filter ?? [
    ...['discovery', 'request', 'reply', 'event'].map((tree) => `$a2a/v1/${tree}/${org}/${unit}/#`),
    `shoal/v1/${org}/${unit}/#`,
  ];
  for (const filter of filters)
    await link.subscribe(filter, (message) => void take(toTraceEntry(message, new Date().toISOString())), {
      qos: 0,
      retainHandling: flags.retained === true ? 0 : 2,
      retainAsPublished: true,
    });
  await collector.done;
}

/** Shows a recording as it went, `--speed` times as fast (0: at once). With `--send` it is published too. */
async function replay(
  context: Context,
  flags: TraceFlags,
  take: (entry: TraceEntry) => boolean,
  collector: Collector<TraceEntry>,
  link: Link | undefined,
): Promise<void> {
  const speed =
    flags.speed === undefined || flags.speed === '0' ? 0 : (positive('--speed', flags.speed) ?? 0);
  let lastMs: number | undefined;
  let ended = false;
  void collector.done.then(() => (ended = true));
  for await (const entry of readRecording(resolve(context.io.cwd, flags.replay ?? ''))) {
    if (ended || context.signal.aborted) break;
    const atMs = Date.parse(entry.at);
    if (speed > 0 && lastMs !== undefined && atMs > lastMs)
      await delay((atMs - lastMs) / speed, undefined, { signal: context.signal }).catch(() => undefined);
    lastMs = atMs;
    if (take(entry))
      await link?.publish(entry.topic, Buffer.from(entry.payload, entry.encoding), publishOptions(entry));
    // Lets what is done above become known.
    await Promise.resolve();
  }
}

function publishOptions({ qos, retain, responseTopic, correlationData, userProperties }: TraceEntry) {
  return {
    qos: qos as 0 | 1 | 2,
    retain,
    userProperties,
    ...(responseTopic === null ? {} : { responseTopic }),
    ...(correlationData === null ? {} : { correlationData: Buffer.from(correlationData, 'base64') }),
  };
}

async function* readRecording(path: string): AsyncGenerator<TraceEntry> {
  const file = createReadStream(path);
  // Opened before it is read line by line, which would not say that it is missing.
  await once(file, 'open').catch((cause: unknown) => {
    throw usageError(cause instanceof Error ? cause.message : String(cause), 'unreadable-file');
  });
  let line = 0;
  for await (const text of createInterface({ input: file })) {
    line += 1;
    if (text === '') continue;
    const entry = tryParse(text);
    if (!Check(TraceEntry, entry))
      throw usageError(`${path}:${line}: is no entry of a trace`, 'invalid-recording');
    yield entry;
  }
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function recorder(context: Context, file: string | undefined): (entry: TraceEntry) => void {
  if (file === undefined) return () => undefined;
  // Payloads are whatever agents say to each other: for the eyes of who records alone.
  const stream = createWriteStream(resolve(context.io.cwd, file), { mode: 0o600 });
  stream.on('error', (error) => context.note(`--record: ${error.message}`));
  context.atEnd(() => new Promise<void>((done) => void stream.end(() => done())));
  return (entry) => void stream.write(`${JSON.stringify(entry)}\n`);
}

function wanted(entry: TraceEntry, { filter, kind, of }: TraceFlags): boolean {
  if (kind !== undefined && !kind.includes(entry.kind)) return false;
  if (of !== undefined && !(entry.of ?? '').split(' ').some((part) => part === of || of.startsWith(part)))
    return false;
  return filter === undefined || filter.some((one) => matchTopic(one, entry.topic));
}

function lineOf(entry: TraceEntry, { style }: Context, payload: boolean): string {
  const flags = `${entry.retain ? 'r' : ' '}${entry.qos}`;
  const head = `${style.dim(entry.at.slice(11, 23))} ${flags} ${entry.kind.padEnd(13)} ${printable(entry.of ?? '').padEnd(20)} ${printable(entry.summary)}`;
  const body = payload ? `\n    ${style.dim(printable(entry.topic))}\n    ${printable(entry.payload)}` : '';
  return `${head}${body}`;
}
