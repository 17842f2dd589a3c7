import type { InboundMessage, Link, UserProperties } from '@shoal/mqtt-link';
import { openLink } from '@shoal/mqtt-link';
import type { AgentAddress, JsonRpcError, Message, TaskState } from '@shoal/protocol';
import { clientIdOf, requestTopic } from '@shoal/protocol';

export interface SeenRequest {
  readonly message: InboundMessage;
  readonly id: string;
  readonly method: string;
  readonly params: { readonly message: Message; readonly id?: string };
}

/** A responder that says exactly what a test tells it to. */
export class FakeResponder {
  readonly link: Link;
  readonly address: AgentAddress;
  readonly requests: SeenRequest[] = [];
  #read = 0;
  #notify: (() => void) | undefined;

  private constructor(link: Link, address: AgentAddress) {
    this.link = link;
    this.address = address;
  }

  static async open(url: string, address: AgentAddress): Promise<FakeResponder> {
    const link = await openLink({ url, clientId: clientIdOf(address) });
    const responder = new FakeResponder(link, address);
    await link.subscribe(requestTopic(address), (message) => responder.#receive(message));
    return responder;
  }

  /** Takes the requests of another topic too. */
  async listen(topic: string): Promise<void> {
    await this.link.subscribe(topic, (message) => this.#receive(message));
  }

  /** Requests in the order in which they came. Rejects after 8 s without one. */
  async next(): Promise<SeenRequest> {
    if (this.#read >= this.requests.length) {
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error('no request within 8 s')), 8_000);
        this.#notify = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return this.requests[this.#read++] as SeenRequest;
  }

  reply(
    to: SeenRequest,
    body: { result?: unknown; error?: JsonRpcError },
    userProperties?: UserProperties,
  ): Promise<unknown> {
    return this.#publish(
      to,
      JSON.stringify({ jsonrpc: '2.0', id: to.id, ...body }),
      to.message.correlationData,
      userProperties,
    );
  }

  /** A reply with any payload and correlation. */
  replyRaw(to: SeenRequest, payload: string, correlation: Uint8Array | undefined): Promise<unknown> {
    return this.#publish(to, payload, correlation);
  }

  replyTask(to: SeenRequest, state: TaskState, userProperties?: UserProperties): Promise<unknown> {
    return this.reply(to, { result: { task: taskOf(to, state) } }, userProperties);
  }

  close(): Promise<void> {
    return this.link.close();
  }

  #publish(
    to: SeenRequest,
    payload: string,
    correlationData: Uint8Array | undefined,
    userProperties?: UserProperties,
  ) {
    return this.link.publish(to.message.responseTopic ?? '', payload, {
      ...(correlationData === undefined ? {} : { correlationData }),
      ...(userProperties === undefined ? {} : { userProperties }),
    });
  }

  #receive(message: InboundMessage): void {
    const { id, method, params } = JSON.parse(message.text()) as SeenRequest;
    this.requests.push({ message, id, method, params });
    this.#notify?.();
    this.#notify = undefined;
  }
}

/** The task that a request is about, in some state. */
export function taskOf(request: SeenRequest, state: TaskState) {
  const { message, id } = request.params;
  return { id: message?.taskId ?? id, contextId: message?.contextId ?? 'c', status: { state } };
}
