import type { Link, Logger, PublishAck } from '@shoal/mqtt-link';
import type { JsonRpcError, StreamResponse } from '@shoal/protocol';
import { USER_PROPERTIES } from '@shoal/protocol';
import type { Chunk } from '../core/artifact-chunks.ts';
import type { Caller } from '../core/caller.ts';
import type { ReplyPath } from '../core/decode-request.ts';
import type { JsonRpcId } from '../core/payloads.ts';
import { errorPayload, replyPayload, streamItemPayload } from '../core/payloads.ts';
import type { TaskRecord } from '../core/task-record.ts';
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
  readonly #announces: boolean;

  /** `announces`: tells requesters to whom a task was handed over. */
  constructor(link: Link, logger: Logger, announces = true) {
    this.#announces = announces;
    this.#link = link;
    this.#logger = logger;
  }

  result(to: Addressee, result: unknown, owner?: string): void {
    this.payload(to.reply, replyPayload(to.id, result), this.#ownedBy(owner));
  }

  error(to: Addressee, error: JsonRpcError): void {
    this.payload(to.reply, errorPayload(to.id, error));
  }

  /** The one reply of SendMessage. */
  task(to: Caller, { task, handedOverTo }: TaskRecord): void {
    const properties = this.#ownedBy(handedOverTo, to.properties);
    this.payload(to.reply, replyPayload(to.id, { task: viewTask(task, to) }), properties);
  }

  /** A stream of one item. */
  onlyItem(to: Caller, item: StreamResponse, owner?: string): void {
    this.payload(to.reply, streamItemPayload(to.id, item), this.#ownedBy(owner, to.properties));
  }

  /** The next item of a stream, as JSON. */
  item(to: Caller, encoded: string, owner: string | undefined): Promise<PublishAck> {
    const seq = String(to.seq);
    to.seq += 1;
    return publishReply(this.#link, to.reply, streamItemPayload(to.id, encoded), {
      userProperties: { ...this.#ownedBy(owner, to.properties), [USER_PROPERTIES.streamSeq]: seq },
    });
  }

  /** A piece of an artifact, as bytes (profile: Native Binary Artifact Mode 8 and 10). */
  chunk(
    to: Caller,
    { bytes, contentType, userProperties }: Chunk,
    owner: string | undefined,
  ): Promise<PublishAck> {
    const { responseTopic, correlationData } = to.reply;
    return this.#link.publish(responseTopic, bytes, {
      qos: 1,
      payloadIsUtf8: false,
      userProperties: { ...this.#ownedBy(owner, to.properties), ...userProperties },
      ...(contentType === undefined ? {} : { contentType }),
      ...(correlationData === undefined ? {} : { correlationData }),
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

  /** `owner`: the agent that the task was handed over to (profile: Task Handover 2). */
  #ownedBy(owner: string | undefined, properties?: Caller['properties']): Caller['properties'] {
    if (owner === undefined || !this.#announces) return properties;
    return { ...properties, [USER_PROPERTIES.responderAgentId]: owner };
  }
}
