import type { OpenSeries } from './artifact-chunks.ts';
import { copyBytes } from './copy-bytes.ts';
import type { ReplyPath } from './decode-request.ts';
import type { JsonRpcId } from './payloads.ts';

export interface CallerOptions {
  readonly streaming: boolean;
  readonly historyLength?: number | undefined;
  /** User properties of every reply to it, for example the activated extensions. */
  readonly properties?: Readonly<Record<string, string>> | undefined;
  /** Artifacts may be sent to it in chunks. */
  readonly binary?: boolean;
}

/** One correlation that wants to hear of a task: a stream, or the single reply of a blocking SendMessage. */
export class Caller {
  readonly id: JsonRpcId;
  readonly reply: ReplyPath;
  readonly streaming: boolean;
  readonly historyLength: number | undefined;
  readonly properties: Readonly<Record<string, string>> | undefined;
  /** Artifacts that are being sent to it in chunks; undefined: it takes JSON. */
  readonly series: OpenSeries | undefined;
  /** Number of the next stream item. */
  seq = 0;

  constructor(id: JsonRpcId, reply: ReplyPath, options: CallerOptions) {
    this.id = id;
    // What came from the socket is a view that keeps its whole buffer alive for as long as the task runs.
    const { correlationData } = reply;
    this.reply =
      correlationData === undefined ? reply : { ...reply, correlationData: copyBytes(correlationData) };
    this.streaming = options.streaming;
    this.historyLength = options.historyLength;
    this.properties = options.properties;
    this.series = options.binary === true ? new Map() : undefined;
  }
}
