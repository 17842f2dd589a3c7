import { randomUUID } from 'node:crypto';
import type { IPublishPacket, UserProperties } from 'mqtt-packet';
import type { AgentAddress } from '@shoal/protocol';
import { clientIdOf, requestTopic } from '@shoal/protocol';
import { at } from '../core/reply.ts';
import { Arrivals } from './arrivals.ts';
import { parse } from './client.ts';
import { Wire, type WireOptions } from './wire.ts';

export interface SeenRequest {
  readonly packet: IPublishPacket;
  readonly atMs: number;
  readonly json: unknown;
  readonly id: unknown;
  readonly method: unknown;
  /** Of the message, or the `id` of an operation on a task. */
  readonly taskId: string;
  readonly contextId: string;
}

export interface FakeResponderOptions extends Omit<WireOptions, 'clientId'> {
  readonly address: AgentAddress;
  readonly timeoutMs: number;
  /** Default: the request topic of the address. */
  readonly filter?: string;
}

/** A responder that says exactly what a scenario tells it to. */
export class FakeResponder {
  readonly wire: Wire;
  readonly address: AgentAddress;
  readonly #timeoutMs: number;
  readonly #arrivals = new Arrivals<SeenRequest>();
  #read = 0;

  static async open(options: FakeResponderOptions): Promise<FakeResponder> {
    const wire = await Wire.open({ ...options, clientId: clientIdOf(options.address) });
    const responder = new FakeResponder(wire, options);
    await wire.subscribe(options.filter ?? requestTopic(options.address), (packet) =>
      responder.#receive(packet),
    );
    return responder;
  }

  private constructor(wire: Wire, options: FakeResponderOptions) {
    this.wire = wire;
    this.address = options.address;
    this.#timeoutMs = options.timeoutMs;
  }

  get requests(): readonly SeenRequest[] {
    return this.#arrivals.items;
  }

  /** The next request; fails when none comes in time. */
  async next(timeoutMs = this.#timeoutMs): Promise<SeenRequest> {
    const request = await this.tryNext(timeoutMs);
    if (request === undefined)
      throw new Error(`no ${this.#read === 0 ? 'request' : 'further request'} within ${timeoutMs} ms`);
    return request;
  }

  /** The next request, or undefined when none comes in time. */
  async tryNext(timeoutMs: number): Promise<SeenRequest | undefined> {
    const request = await this.#arrivals.find(() => true, timeoutMs, this.#read);
    if (request !== undefined) this.#read += 1;
    return request;
  }

  reply(
    to: SeenRequest,
    body: { readonly result?: unknown; readonly error?: unknown },
    userProperties?: UserProperties,
  ): Promise<number> {
    return this.replyRaw(
      to,
      JSON.stringify({ jsonrpc: '2.0', id: to.id, ...body }),
      to.packet.properties?.correlationData,
      userProperties,
    );
  }

  /** A reply with any payload and correlation. */
  replyRaw(
    to: SeenRequest,
    payload: string,
    correlationData: Buffer | undefined,
    userProperties?: UserProperties,
  ): Promise<number> {
    return this.wire.publish(to.packet.properties?.responseTopic ?? '', payload, {
      properties: {
        payloadFormatIndicator: true,
        contentType: 'application/json',
        ...(correlationData === undefined ? {} : { correlationData }),
        ...(userProperties === undefined ? {} : { userProperties }),
      },
    });
  }

  /** Answers with a task in a state, its artifact holding `text`. */
  replyTask(to: SeenRequest, state: string, text?: string, userProperties?: UserProperties): Promise<number> {
    return this.reply(to, { result: { task: taskOf(to, state, text) } }, userProperties);
  }

  /** A status update of the task, as a stream item. */
  replyStatus(to: SeenRequest, state: string, userProperties?: UserProperties): Promise<number> {
    const { taskId, contextId } = to;
    return this.reply(
      to,
      { result: { statusUpdate: { taskId, contextId, status: statusOf(state) } } },
      userProperties,
    );
  }

  close(): Promise<void> {
    return this.wire.close();
  }

  #receive(packet: IPublishPacket): void {
    const json = parse(packet.payload);
    const taskId = at(json, 'params', 'message', 'taskId') ?? at(json, 'params', 'id');
    const contextId = at(json, 'params', 'message', 'contextId');
    this.#arrivals.push({
      packet,
      atMs: performance.now(),
      json,
      id: at(json, 'id'),
      method: at(json, 'method'),
      taskId: typeof taskId === 'string' ? taskId : randomUUID(),
      contextId: typeof contextId === 'string' ? contextId : randomUUID(),
    });
  }
}

/** The task that a request is about. */
export function taskOf(request: SeenRequest, state: string, text?: string) {
  const { taskId, contextId } = request;
  const artifacts = text === undefined ? {} : { artifacts: [{ artifactId: 'a', parts: [{ text }] }] };
  return { id: taskId, contextId, status: statusOf(state), ...artifacts };
}

function statusOf(state: string) {
  return { state, timestamp: new Date().toISOString() };
}
