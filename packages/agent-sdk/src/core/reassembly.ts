import type { Artifact, TaskArtifactUpdateEvent } from '@shoal/protocol';
import type { ArtifactInfo, ReceivedChunk } from './artifact-chunks.ts';
import { encodeBase64 } from './base64.ts';

/** Artifacts that may be incomplete at once; one more is a fault. */
const MAX_OPEN = 64;
/** Finished artifacts whose late repeats are recognized; one more forgets the oldest. */
const MAX_FINISHED = 1_000;

export type Assembled =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'repeated' }
  | { readonly kind: 'complete'; readonly update: TaskArtifactUpdateEvent }
  | {
      readonly kind: 'fault';
      readonly code: 'artifact-too-large' | 'invalid-response';
      readonly why: string;
    };

interface Open {
  readonly chunks: Map<number, Uint8Array>;
  info: ArtifactInfo;
  mediaType: string | undefined;
  /** Chunks that there are, once the last one is known. */
  count: number | undefined;
}

/** Puts the chunks of artifacts back together: in the order of their numbers, whatever order they come in, each once. */
export class Reassembly {
  readonly #maxBytes: number;
  readonly #open = new Map<string, Open>();
  readonly #finished = new Set<string>();
  #bytes = 0;

  /** `maxBytes`: what all incomplete artifacts may hold together. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Chunks are missing. */
  get incomplete(): boolean {
    return this.#open.size > 0;
  }

  add(chunk: ReceivedChunk): Assembled {
    const { artifactId, seqno, bytes, last } = chunk;
    if (this.#finished.has(artifactId)) return { kind: 'repeated' };
    const open = this.#open.get(artifactId) ?? this.#begin(artifactId);
    if (open === undefined)
      return fault('invalid-response', `more than ${MAX_OPEN} artifacts are incomplete`);
    if (open.chunks.has(seqno)) return { kind: 'repeated' };
    if (open.count !== undefined && (seqno >= open.count || last))
      return fault('invalid-response', `chunk ${seqno} of ${artifactId} comes after the last one`);
    this.#bytes += bytes.length;
    if (this.#bytes > this.#maxBytes)
      return fault('artifact-too-large', `incomplete artifacts are larger than ${this.#maxBytes} bytes`);
    // What came from the socket is a view of its buffer.
    open.chunks.set(seqno, bytes.slice());
    if (seqno === 0) {
      open.info = chunk.info;
      open.mediaType = chunk.mediaType;
    }
    if (last) open.count = seqno + 1;
    return open.chunks.size === open.count ? this.#finish(chunk, open) : { kind: 'waiting' };
  }

  #begin(artifactId: string): Open | undefined {
    if (this.#open.size >= MAX_OPEN) return undefined;
    const open = { chunks: new Map<number, Uint8Array>(), info: {}, mediaType: undefined, count: undefined };
    this.#open.set(artifactId, open);
    return open;
  }

  #finish({ taskId, contextId, artifactId }: ReceivedChunk, open: Open): Assembled {
    this.#open.delete(artifactId);
    this.#finished.add(artifactId);
    const [oldest] = this.#finished;
    if (this.#finished.size > MAX_FINISHED && oldest !== undefined) this.#finished.delete(oldest);
    const whole = join(open);
    this.#bytes -= whole.length;
    const { filename, ...info } = open.info;
    const artifact: Artifact = {
      artifactId,
      ...info,
      parts: [
        {
          raw: encodeBase64(whole),
          ...(open.mediaType === undefined ? {} : { mediaType: open.mediaType }),
          ...(filename === undefined ? {} : { filename }),
        },
      ],
    };
    return { kind: 'complete', update: { taskId, contextId, artifact, lastChunk: true } };
  }
}

function join({ chunks, count = 0 }: Open): Uint8Array {
  let bytes = 0;
  for (const chunk of chunks.values()) bytes += chunk.length;
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (let seqno = 0; seqno < count; seqno += 1) {
    const chunk = chunks.get(seqno)!;
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

function fault(code: 'artifact-too-large' | 'invalid-response', why: string): Assembled {
  return { kind: 'fault', code, why };
}
