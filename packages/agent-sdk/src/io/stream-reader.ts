import type { InboundMessage } from '@shoal/mqtt-link';
import type { StreamResponse, Task } from '@shoal/protocol';
import { USER_PROPERTIES } from '@shoal/protocol';
import { isChunk, readChunk } from '../core/artifact-chunks.ts';
import { ItemBuffer } from '../core/item-buffer.ts';
import { readItem } from '../core/read-reply.ts';
import type { Reply } from '../core/read-reply.ts';
import { Reassembly } from '../core/reassembly.ts';
import { first } from '../core/service-parameters.ts';
import { checkSequence, isStreamEnd } from '../core/stream.ts';
import type { A2aError } from '../errors.ts';
import { localError } from '../errors.ts';
import type { Call } from './call.ts';
import type { CallHandlers, Heard } from './calls.ts';

export interface StreamSource {
  readonly taskId: string;
  readonly capacity: number;
  /** Bytes that incomplete artifacts may hold. */
  readonly maxArtifactBytes: number;
  /** A SubscribeToTask stream may begin with a task that waits for authorization and goes on after it. */
  readonly subscribes: boolean;
  faultOf(item: StreamResponse): A2aError | undefined;
  open(handlers: CallHandlers): Call;
  /** GetTask: `settle` when the task is at rest or, unless `softly`, cannot be read; else `running`. */
  recover(
    call: Call,
    settle: (reply: Reply<Task>) => void,
    running: (task: Task) => void,
    softly: boolean,
  ): void;
}

/** A stream as its consumer sees it: one order, no repeats, a bounded line, the task itself where items are missing, an end. */
export class StreamReader implements AsyncIterable<StreamResponse>, AsyncIterator<StreamResponse, undefined> {
  readonly taskId: string;
  readonly #source: StreamSource;
  readonly #buffer: ItemBuffer<StreamResponse>;
  #chunks: Reassembly | undefined;
  #call: Call | undefined;
  #started = false;
  /** The attempt whose items are passed on; those of other attempts repeat them. */
  #attempt: number | undefined;
  /** Number of the next item by the responder's count. */
  #expected = 0;
  #lastPayload: Uint8Array | undefined;
  /** Items are left out until the task itself, by GetTask, stands for all that came before it on the same topic. */
  #behind = false;
  skipped = 0;

  constructor(source: StreamSource) {
    this.taskId = source.taskId;
    this.#source = source;
    this.#buffer = new ItemBuffer(source.capacity);
  }

  [Symbol.asyncIterator](): AsyncIterator<StreamResponse, undefined> {
    if (this.#started)
      throw localError('invalid-message', 'a stream can be iterated once; call stream() again for another');
    this.#started = true;
    this.#call = this.#source.open({
      onReply: (message, attempt) => this.#receive(message, attempt),
      onFailure: (error) => this.#buffer.end({ error }),
      onSilence: (softly) => this.#recover(softly),
    });
    this.#call.start();
    return this;
  }

  next(): Promise<IteratorResult<StreamResponse, undefined>> {
    const result = this.#buffer.next();
    if (this.#behind && this.#buffer.size <= this.#source.capacity / 2) this.#call?.suspect();
    return result;
  }

  return(): Promise<IteratorResult<StreamResponse, undefined>> {
    this.#call?.end();
    this.#buffer.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  #receive(message: InboundMessage, attempt: number): Heard {
    if (isChunk(message.userProperties)) return this.#receiveChunk(message, attempt);
    const reply = readItem(message);
    if ('error' in reply) return this.#end(reply.error);
    const item = reply.value;
    const fault = this.#source.faultOf(item);
    if (fault !== undefined) return this.#end(fault);
    const last = this.#isEnd(item);
    this.#attempt ??= attempt;
    if (attempt !== this.#attempt) return last ? this.#deliver(item, last) : 'more';
    if (!this.#isNext(message)) return 'more';
    if (last && this.#chunks?.incomplete === true) {
      // Chunks are lost: the task itself, with its artifacts in JSON, is the last item (profile: Native Binary 11).
      queueMicrotask(() => this.#call?.suspect());
      return 'more';
    }
    if (this.#behind && item.message === undefined) {
      this.skipped += 1;
      return 'more';
    }
    return this.#deliver(item, last);
  }

  /** An artifact is an item when all of it is there. */
  #receiveChunk(message: InboundMessage, attempt: number): Heard {
    const chunk = readChunk(message);
    if ('fault' in chunk) return this.#end(localError('invalid-response', chunk.fault));
    this.#attempt ??= attempt;
    if (attempt !== this.#attempt) return 'more';
    this.#chunks ??= new Reassembly(this.#source.maxArtifactBytes);
    const assembled = this.#chunks.add(chunk);
    if (assembled.kind === 'fault') return this.#end(localError(assembled.code, assembled.why));
    if (assembled.kind !== 'complete') return 'more';
    const item = { artifactUpdate: assembled.update };
    const fault = this.#source.faultOf(item);
    if (fault !== undefined) return this.#end(fault);
    if (this.#behind) {
      this.skipped += 1;
      return 'more';
    }
    return this.#deliver(item, false);
  }

  #isEnd(item: StreamResponse): boolean {
    if (
      this.#source.subscribes &&
      this.#expected === 0 &&
      item.task?.status.state === 'TASK_STATE_AUTH_REQUIRED'
    )
      return false;
    return isStreamEnd(item);
  }

  /** Drops repeats; after a gap the task itself fills in what was missed. */
  #isNext(message: InboundMessage): boolean {
    const seq = first(message.userProperties[USER_PROPERTIES.streamSeq]);
    const expected = this.#expected;
    if (seq === undefined) {
      const repeated = message.duplicate && sameBytes(message.payload, this.#lastPayload);
      this.#lastPayload = message.payload;
      if (!repeated) this.#expected += 1;
      return !repeated;
    }
    const sequence = checkSequence(expected, seq);
    if (sequence === 'repeated') return false;
    this.#expected = sequence === 'gap' ? Number(seq) + 1 : expected + 1;
    if (sequence === 'gap') {
      this.skipped += Number(seq) - expected;
      this.#behind = true;
      queueMicrotask(() => this.#call?.suspect());
    }
    return true;
  }

  #deliver(item: StreamResponse, last: boolean): Heard {
    if (this.#buffer.push(item)) {
      if (last) this.#buffer.end();
      return last ? 'last' : 'more';
    }
    this.skipped += 1;
    this.#behind = true;
    return 'more';
  }

  #recover(softly: boolean): void {
    const call = this.#call;
    if (call === undefined) return;
    this.#source.recover(
      call,
      (reply) => {
        if ('error' in reply) this.#end(reply.error);
        else {
          this.#buffer.push({ task: reply.value }, true);
          this.#buffer.end();
        }
      },
      (task) => {
        if (this.#behind) this.#behind = !this.#buffer.push({ task });
      },
      softly,
    );
  }

  #end(error: A2aError): Heard {
    this.#call?.telemetry?.failed(error.code);
    this.#buffer.end({ error });
    return 'refused';
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return b !== undefined && a.length === b.length && a.every((byte, index) => byte === b[index]);
}
