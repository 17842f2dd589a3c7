import type { JsonRpcId, ReplyPath } from '@shoal/agent-sdk';
import { errorPayload, publishReply, replyPayload, streamItemPayload } from '@shoal/agent-sdk';
import type { Link, Logger } from '@shoal/mqtt-link';
import type { JsonRpcError } from '@shoal/protocol';
import { USER_PROPERTIES } from '@shoal/protocol';

/** Items of one correlation that may be unacknowledged before the stream waits for the broker. */
const WINDOW = 64;

/** One correlation that hears of an operation. A reply that cannot be published is logged: its requester asks again. */
export class ReplyLine {
  readonly streaming: boolean;
  readonly #link: Link;
  readonly #logger: Logger;
  readonly #id: JsonRpcId;
  readonly #path: ReplyPath;
  #seq = 0;
  #unacknowledged = 0;
  #gone = false;

  constructor(
    io: { readonly link: Link; readonly logger: Logger },
    id: JsonRpcId,
    path: ReplyPath,
    streaming: boolean,
  ) {
    this.#link = io.link;
    this.#logger = io.logger;
    this.#id = id;
    const { responseTopic, correlationData } = path;
    // What came from the socket is a view that keeps its whole buffer alive for as long as the task runs.
    this.#path =
      correlationData === undefined
        ? { responseTopic }
        : { responseTopic, correlationData: new Uint8Array(correlationData) };
    this.streaming = streaming;
  }

  result(result: unknown, extensions: readonly string[] | undefined): void {
    void this.#publish(replyPayload(this.#id, result), propertiesOf(extensions));
  }

  error(error: JsonRpcError): void {
    void this.#publish(errorPayload(this.#id, error), {});
  }

  /** Returns a promise only when the broker is behind; resolves also when the requester is gone. */
  item(encoded: string, extensions: readonly string[] | undefined): Promise<void> | undefined {
    if (this.#gone) return undefined;
    const properties = { ...propertiesOf(extensions), [USER_PROPERTIES.streamSeq]: String(this.#seq) };
    this.#seq += 1;
    const published = this.#publish(streamItemPayload(this.#id, encoded), properties);
    return this.#unacknowledged > WINDOW ? published : undefined;
  }

  get isGone(): boolean {
    return this.#gone;
  }

  async #publish(payload: string, userProperties: Record<string, string>): Promise<void> {
    this.#unacknowledged += 1;
    try {
      const { noMatchingSubscribers } = await publishReply(this.#link, this.#path, payload, {
        userProperties,
      });
      if (noMatchingSubscribers) this.#gone = true;
    } catch (error) {
      this.#gone = true;
      this.#logger.warn('a reply could not be published', { error: String(error) });
    } finally {
      this.#unacknowledged -= 1;
    }
  }
}

/** The extensions that the agent activated, told on every reply (A2A §3.2.6). */
function propertiesOf(extensions: readonly string[] | undefined): Record<string, string> {
  return extensions === undefined || extensions.length === 0
    ? {}
    : { [USER_PROPERTIES.extensions]: extensions.join(',') };
}
