import type { Link, Logger, PublishAck } from '@shoal/mqtt-link';
import type { JsonRpcError, StreamResponse, Task } from '@shoal/protocol';
import { USER_PROPERTIES } from '@shoal/protocol';
import type { Caller } from '../core/caller.ts';
import type { ReplyPath } from '../core/decode-request.ts';
import type { JsonRpcId } from '../core/payloads.ts';
import { errorPayload, replyPayload, streamItemPayload } from '../core/payloads.ts';
import { viewTask } from '../core/task-record.ts';
import { publishReply } from './publish-reply.ts';

interface Addressee {
  readonly id: JsonRpcId;
  readonly reply: ReplyPath;
}

/** Everything a responder says. A reply that cannot be published is logged: its requester asks again. */
export class Replies {
  readonly #link: Link;
  readonly #logger: Logger;

  constructor(link: Link, logger: Logger) {
    this.#link = link;
    this.#logger = logger;
  }

  result(to: Addressee, result: unknown): void {
    this.payload(to.reply, replyPayload(to.id, result));
  }

  error(to: Addressee, error: JsonRpcError): void {
    this.payload(to.reply, errorPayload(to.id, error));
  }

  /** The one reply of SendMessage. */
  task(to: Caller, task: Task): void {
    this.payload(to.reply, replyPayload(to.id, { task: viewTask(task, to) }), to.properties);
  }

  /** A stream of one item. */
  onlyItem(to: Caller, item: StreamResponse): void {
    this.payload(to.reply, streamItemPayload(to.id, item), to.properties);
  }

  /** The next item of a stream, as JSON. */
  item(to: Caller, encoded: string): Promise<PublishAck> {
    const seq = String(to.seq);
    to.seq += 1;
    return publishReply(this.#link, to.reply, streamItemPayload(to.id, encoded), {
      userProperties: { ...to.properties, [USER_PROPERTIES.streamSeq]: seq },
    });
  }

  payload(path: ReplyPath, payload: string, properties?: Caller['properties']): void {
    publishReply(
      this.#link,
      path,
      payload,
      properties === undefined ? {} : { userProperties: properties },
    ).catch((error: unknown) =>
      this.#logger.warn('a reply could not be published', { error: String(error) }),
    );
  }
}
