import { randomUUID } from 'node:crypto';
import type { IPublishPacket, UserProperties } from 'mqtt-packet';
import { clientIdOf, isIdentifier, replyTopic } from '@shoal/protocol';
import { at, isLast, propertyValues, stateOf, textOf } from '../src/core/reply.ts';
import { parse } from '../src/io/client.ts';
import type { Launch, Subject } from '../src/io/subject.ts';
import { Wire } from '../src/io/wire.ts';
import { Arrivals } from '../src/io/arrivals.ts';

/** A requester of the profile, small and in this process, that can be made wrong in one way. Independent of Shoal's SDK. */
export function modelRequester(fault = ''): Launch {
  return (values) => new ModelRequester(values, fault);
}

interface Call {
  readonly method: string;
  readonly params: Record<string, unknown>;
  readonly taskId: string;
  readonly topic: string;
  readonly pooled: boolean;
}

interface Answer {
  readonly json: unknown;
  readonly packet: IPublishPacket;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

class ModelRequester implements Subject {
  ended: string | undefined;
  readonly exited: Promise<string>;
  readonly #values: Readonly<Record<string, string>>;
  readonly #fault: string;
  readonly #address: { org: string; unit: string; agentId: string };
  readonly #answers = new Map<string, Arrivals<Answer>>();
  readonly #stray = new Arrivals<Answer>();
  readonly #owners = new Map<string, string>();
  readonly #replyTopic: string;
  #wire: Wire | undefined;
  #exit: (how: string) => void = () => undefined;
  #stdout = '';

  constructor(values: Readonly<Record<string, string>>, fault: string) {
    this.#values = values;
    this.#fault = fault;
    const { org = '', unit = '', agentId = '' } = values;
    this.#address = { org, unit, agentId };
    const suffix = this.#is('fixed-suffix')
      ? 'replies-of-mine'
      : this.#is('short-suffix')
        ? randomUUID().slice(0, 4)
        : randomUUID();
    this.#replyTopic = this.#is('foreign-reply-topic')
      ? `replies/${suffix}`
      : replyTopic(this.#address, suffix);
    this.exited = new Promise((resolve) => {
      this.#exit = (how) => {
        this.ended ??= how;
        resolve(this.ended);
      };
    });
    this.#main().then(
      () => this.#exit('exited with 0'),
      (error: unknown) => this.#exit(`exited with 1: ${(error as Error).message}`),
    );
  }

  kill(): void {
    this.#exit('was killed');
    this.#wire?.destroy();
  }

  stop(): Promise<void> {
    this.kill();
    return Promise.resolve();
  }

  output() {
    return { stdout: this.#stdout, stderr: '' };
  }

  #is(fault: string): boolean {
    return this.#fault === fault;
  }

  #print(outcome: object): void {
    this.#stdout += `${JSON.stringify(outcome)}\n`;
  }

  async #connect(): Promise<void> {
    const { url = '' } = this.#values;
    const clientId = this.#is('client-id-suffix')
      ? `${clientIdOf(this.#address)}-1`
      : clientIdOf(this.#address);
    const wire = await Wire.open({ url, clientId, ...(this.#is('mqtt-311') ? { protocolVersion: 4 } : {}) });
    this.#wire = wire;
    if (!this.#is('no-reconnect')) void this.#reconnectAfter(wire);
    if (!this.#is('late-subscribe')) await this.#listen(wire);
  }

  async #reconnectAfter(wire: Wire): Promise<void> {
    await wire.closed;
    while (this.ended === undefined) {
      await sleep(20);
      if (this.ended !== undefined) return;
      // Nobody there yet, or no more. A connection that was made and lost again has a watch of its own.
      const isMade = await this.#connect().then(
        () => true,
        () => this.#wire !== wire,
      );
      if (isMade) return;
    }
  }

  async #listen(wire: Wire): Promise<void> {
    await wire.subscribe(this.#replyTopic, (packet) => this.#receive(packet));
  }

  #receive(packet: IPublishPacket): void {
    const answer = { packet, json: parse(packet.payload) };
    const known = this.#answers.get(packet.properties?.correlationData?.toString('hex') ?? '');
    if (known !== undefined) known.push(answer);
    else if (this.#is('any-correlation') || this.#is('first-wins')) {
      for (const arrivals of new Set(this.#answers.values())) arrivals.push(answer);
    } else this.#stray.push(answer);
    if (this.#is('first-wins') && known !== undefined)
      for (const arrivals of new Set(this.#answers.values())) if (arrivals !== known) arrivals.push(answer);
    if (this.#is('prints-every-reply') && stateOf(answer.json) === 'TASK_STATE_COMPLETED')
      this.#print({ outcome: 'completed', text: textOf(answer.json) });
  }

  async #main(): Promise<void> {
    const { target = '', operation = 'send', text = '', argument = '' } = this.#values;
    if (!isIdentifier(target) && !this.#is('any-target')) throw new Error('target');
    if (this.#is('status-believed')) await this.#believeStatus(target);
    if (operation === 'bearer' && !this.#is('token-in-plain')) throw new Error('a token needs TLS');
    await this.#connect();
    if (operation === 'parallel') {
      const outcomes = await Promise.all([this.#send(text), this.#send(argument)]);
      for (const outcome of outcomes) this.#print(outcome);
    } else if (operation === 'get' || operation === 'cancel')
      this.#print(await this.#operate(operation, argument));
    else if (operation === 'converse') this.#print(await this.#converse(text, argument));
    else this.#print(await this.#send(text));
    await this.#wire?.close();
  }

  async #believeStatus(target: string): Promise<void> {
    const { url = '', org = '', unit = '' } = this.#values;
    const wire = await Wire.open({ url, clientId: `${clientIdOf(this.#address)}-look` });
    const seen = new Arrivals<IPublishPacket>();
    await wire.subscribe(`$a2a/v1/discovery/${org}/${unit}/${target}`, (packet) => seen.push(packet));
    const card = await seen.find(() => true, 100);
    await wire.close();
    if (card !== undefined && propertyValues(card, 'a2a-status')[0] === 'offline')
      throw new Error('it is offline');
  }

  #requestTopic(target: string): string {
    const { org, unit } = this.#address;
    if (this.#is('request-topic')) return `$a2a/v1/request/${org}/${unit}/${target}/x`;
    if (this.#values['operation'] !== 'pool') return `$a2a/v1/request/${org}/${unit}/${target}`;
    const pool = `$a2a/v1/request/${org}/${unit}/pool/${target}`;
    return this.#is('pool-to-share') ? `$share/g/${pool}` : pool;
  }

  #send(text: string, known?: { taskId: string; contextId: string }): Promise<object> {
    const { target = '' } = this.#values;
    const taskId = known?.taskId ?? (this.#is('no-uuid') ? 'task-1' : randomUUID());
    const contextId = known?.contextId ?? (this.#is('no-context') ? undefined : randomUUID());
    const message = {
      messageId: randomUUID(),
      ...(this.#is('no-role') ? {} : { role: 'ROLE_USER' }),
      parts: [{ text }],
      taskId: known !== undefined && this.#is('new-task-for-answer') ? randomUUID() : taskId,
      contextId,
    };
    const method = this.#values['operation'] === 'send' ? 'SendMessage' : 'SendStreamingMessage';
    const owner = this.#owners.get(taskId) ?? target;
    return this.#call({
      method,
      params: { message },
      taskId,
      topic: known === undefined ? this.#requestTopic(target) : this.#requestTopic(owner),
      pooled: this.#values['operation'] === 'pool',
    });
  }

  async #operate(operation: string, id: string): Promise<object> {
    const method = operation === 'get' ? 'GetTask' : 'CancelTask';
    const taskId = this.#is('wrong-id-operated') ? randomUUID() : id;
    return this.#call({
      method,
      params: { id: taskId },
      taskId,
      topic: this.#requestTopic(this.#values['target'] ?? ''),
      pooled: false,
    });
  }

  async #converse(text: string, answer: string): Promise<object> {
    const ids = { taskId: randomUUID(), contextId: randomUUID() };
    const first = await this.#send(text, ids);
    if (at(first, 'state') !== 'TASK_STATE_INPUT_REQUIRED') return first;
    return this.#send(answer, ids);
  }

  /** The retry profile: publish, wait, publish again; then the stream. */
  async #call(call: Call): Promise<object> {
    const firstMs = this.#is('timeout-fixed')
      ? 5_000
      : this.#is('impatient')
        ? Number(this.#values['firstReplyTimeoutMs']) / 3
        : Number(this.#values['firstReplyTimeoutMs']);
    const arrivals = new Arrivals<Answer>();
    const id = randomUUID();
    let correlation = Buffer.from(
      this.#is('correlation-is-task') ? call.taskId : this.#is('same-correlation') ? 'k' : randomUUID(),
    );
    const attempts = this.#is('one-attempt') ? 1 : this.#is('four-attempts') ? 4 : 3;
    for (let attempt = 1; attempt <= attempts; attempt += 1) {
      if (attempt > 1) {
        await sleep(this.#is('no-backoff') ? 0 : 1_000 * 2 ** (attempt - 2));
        if (!this.#is('retry-same-correlation')) correlation = Buffer.from(randomUUID());
        if (this.#is('retry-new-task'))
          Object.assign(call.params['message'] as object, { taskId: randomUUID() });
        if (this.#is('old-correlations-forgotten')) this.#answers.clear();
      }
      if (!this.#is('no-inflight')) this.#answers.set(correlation.toString('hex'), arrivals);
      const published = await this.#publish(call, id, correlation);
      if (!published && this.#is('refused-is-final')) return { outcome: 'error', error: 'refused' };
      if (!published) continue;
      const answer = await this.#first(arrivals, firstMs, call.pooled);
      if (answer === undefined) continue;
      if (this.#is('publishes-twice')) await this.#publish(call, id, Buffer.from(randomUUID()));
      return this.#follow(call, id, arrivals);
    }
    return { outcome: this.#is('timeout-as-completed') ? 'completed' : 'timeout' };
  }

  #first(arrivals: Arrivals<Answer>, timeoutMs: number, pooled: boolean): Promise<Answer | undefined> {
    const nameless = ({ packet }: Answer): boolean =>
      propertyValues(packet, 'a2a-responder-agent-id').length === 0;
    return arrivals.find(
      (answer) => !pooled || this.#is('nameless-accepted') || !nameless(answer),
      timeoutMs,
    );
  }

  async #publish(call: Call, id: unknown, correlation: Buffer): Promise<boolean> {
    const { operation, argument = '' } = this.#values;
    const contextId = at(call.params, 'message', 'contextId');
    const userProperties: UserProperties = {
      ...(operation === 'bearer' ? { 'a2a-authorization': `Bearer ${argument}` } : {}),
      ...(this.#is('context-property-wrong')
        ? { 'a2a-context-id': randomUUID() }
        : typeof contextId === 'string'
          ? { 'a2a-context-id': contextId }
          : {}),
      ...(this.#is('foreign-properties') ? { vendor: '1' } : {}),
    };
    const properties = {
      ...(this.#is('no-content-type') ? {} : { contentType: 'application/json' }),
      ...(this.#is('short-expiry') ? { messageExpiryInterval: 5 } : {}),
      ...(this.#is('no-response-topic') ? {} : { responseTopic: this.#replyTopic }),
      correlationData: correlation,
      userProperties,
    };
    const payload = JSON.stringify({ jsonrpc: '2.0', id, method: call.method, params: call.params });
    const wire = this.#wire as Wire;
    try {
      const code = await wire.publish(call.topic, payload, { properties, qos: this.#is('qos-0') ? 0 : 1 });
      if (this.#is('late-subscribe')) await this.#listen(wire);
      return code < 0x80;
    } catch {
      return false;
    }
  }

  async #follow(call: Call, id: unknown, arrivals: Arrivals<Answer>): Promise<object> {
    const idleMs = Number(this.#values['streamIdleTimeoutMs']);
    let texts = '';
    let read = 0;
    for (;;) {
      const answer = await arrivals.find(() => true, idleMs, read);
      if (answer === undefined) {
        if (this.#is('idle-repeats')) await this.#publish(call, id, Buffer.from(randomUUID()));
        if (this.#is('idle-gives-up') || this.#is('idle-repeats')) return { outcome: 'timeout' };
        return this.#recover(call);
      }
      read += 1;
      const named = propertyValues(answer.packet, 'a2a-responder-agent-id')[0];
      const keeps = this.#is('first-handover-wins')
        ? !this.#owners.has(call.taskId)
        : !this.#is('handover-ignored');
      if (named !== undefined && keeps) this.#owners.set(call.taskId, named);
      texts += textOf(answer.json);
      if (this.#is('dup-text') && at(answer.json, 'result', 'task') !== undefined) texts += texts;
      if (this.#ends(answer.json)) return this.#outcome(answer.json, texts);
    }
  }

  #ends(json: unknown): boolean {
    const state = stateOf(json)?.slice(11).toLowerCase();
    if (this.#fault === `not-final-${state}`) return false;
    if (this.#is('message-ignored') && at(json, 'result', 'message') !== undefined) return false;
    return isLast(json);
  }

  async #recover(call: Call): Promise<object> {
    const owner = this.#owners.get(call.taskId);
    const { org, unit } = this.#address;
    const taskId = this.#is('wrong-id-recovered') ? randomUUID() : call.taskId;
    const topic = owner === undefined ? call.topic : `$a2a/v1/request/${org}/${unit}/${owner}`;
    return this.#call({
      method: 'GetTask',
      params: { id: taskId },
      taskId,
      topic: this.#is('follow-up-to-pool') ? call.topic : topic,
      pooled: false,
    });
  }

  #outcome(json: unknown, text: string): object {
    const error = at(json, 'error');
    if (error !== undefined) {
      const code = Number(at(error, 'code'));
      const named = at(error, 'data', 'a2a_error');
      const byNumber = {
        [-32003]: 'request_expired',
        [-32004]: 'responder_unavailable',
        [-32005]: 'transport_protocol_error',
      }[code as -32003];
      const name = this.#is('errors-by-number') ? byNumber : named;
      const retryable =
        this.#is('all-retryable') ||
        (!this.#is('none-retryable') && (name === 'request_expired' || name === 'responder_unavailable'));
      return { outcome: 'error', code, error: name, retryable };
    }
    if (at(json, 'result', 'message') !== undefined) return { outcome: 'completed', text };
    const state = stateOf(json) ?? '';
    const outcome = state.endsWith('COMPLETED')
      ? 'completed'
      : state.endsWith('REQUIRED')
        ? 'interrupted'
        : 'failed';
    return { outcome, state, text };
  }
}
