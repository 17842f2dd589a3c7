import { createPublicKey, randomUUID, verify, type JsonWebKey } from 'node:crypto';
import type { IPublishPacket, UserProperties } from 'mqtt-packet';
import {
  a2aError,
  authError,
  bindingError,
  clientIdOf,
  discoveryTopic,
  groupIdOf,
  invalidParams,
  isTaskId,
  jsonRpcError,
  METHODS,
  poolRequestTopic,
  requestTopic,
  validateParams,
  type JsonRpcError,
  type MethodName,
} from '@shoal/protocol';
import { parse } from '../src/io/client.ts';
import type { Launch, Subject } from '../src/io/subject.ts';
import { Wire, type PublishProperties } from '../src/io/wire.ts';
import { at, propertyValues } from '../src/core/reply.ts';
import { offlineCard } from '../src/scenarios/requester-requests.ts';

/** Ways to be wrong, one at a time: each breaks one rule that some scenario has to notice. */
export type Fault = string;

interface Caller {
  readonly topic: string;
  readonly correlation: Buffer;
  readonly id: unknown;
  readonly streaming: boolean;
  readonly pooled: boolean;
  readonly handover?: string;
  readonly mode?: string;
  readonly token?: string;
}

interface ModelTask {
  readonly id: string;
  contextId: string;
  state: string;
  stamp: string;
  readonly artifacts: { artifactId: string; parts: object[] }[];
  readonly history: Record<string, unknown>[];
  readonly messageIds: Set<string>;
  callers: Caller[];
  canceled: boolean;
  noTask: boolean;
}

const ENDED = /COMPLETED|FAILED|CANCELED|REJECTED/;
const PAUSED = /REQUIRED/;

/** A responder of the profile, small and in this process, that can be made wrong in one way. Independent of Shoal's SDK. */
export function modelResponder(fault: Fault = ''): Launch {
  return (values) => new ModelResponder(values, fault);
}

class ModelResponder implements Subject {
  ended: string | undefined;
  readonly exited: Promise<string>;
  readonly #values: Readonly<Record<string, string>>;
  readonly #fault: Fault;
  readonly #tasks = new Map<string, ModelTask>();
  readonly #counts = new Map<string, number>();
  readonly #address: { org: string; unit: string; agentId: string };
  #wire: Wire | undefined;
  #exit: (how: string) => void = () => undefined;
  #running = 0;
  readonly #queue: (() => void)[] = [];

  constructor(values: Readonly<Record<string, string>>, fault: Fault) {
    this.#values = values;
    this.#fault = fault;
    const { org = '', unit = '', agentId = '' } = values;
    this.#address = { org, unit, agentId };
    this.exited = new Promise((resolve) => {
      this.#exit = (how) => {
        this.ended ??= how;
        resolve(this.ended);
      };
    });
    this.#connect().catch((error: unknown) => this.#exit(`failed: ${(error as Error).message}`));
  }

  kill(): void {
    if (this.#is('kill-is-clean')) void this.#wire?.close();
    else this.#wire?.destroy();
    this.#exit('was killed');
  }

  async stop(): Promise<void> {
    if (!this.#is('no-graceful-offline')) await this.#publishCard('offline');
    this.ended ??= 'stopped';
    if (this.#is('stop-with-will')) this.#wire?.destroy();
    else await this.#wire?.close();
    this.#exit('stopped');
  }

  output() {
    return { stdout: '', stderr: '' };
  }

  #is(fault: Fault): boolean {
    return this.#fault === fault;
  }

  #die(why: string): void {
    this.#wire?.destroy();
    this.#exit(why);
  }

  async #connect(again = false): Promise<void> {
    const { url = '', pool = '', variant } = this.#values;
    const will = {
      topic: discoveryTopic(this.#address),
      payload: Buffer.from(this.#card()),
      qos: this.#is('will-qos-0') ? (0 as const) : (1 as const),
      retain: true,
      properties: {
        userProperties: {
          'a2a-status': this.#is('will-online') ? 'online' : 'offline',
          'a2a-status-source': 'lwt',
        },
      },
    };
    const wire = await Wire.open({
      url,
      clientId: this.#is('client-id-suffix') ? `${clientIdOf(this.#address)}-1` : clientIdOf(this.#address),
      ...(this.#is('no-will') ? {} : { will }),
      ...(this.#is('mqtt-311') ? { protocolVersion: 4 } : {}),
    });
    this.#wire = wire;
    void wire.closed.then(() => {
      if (this.ended === undefined && !this.#is('no-reconnect')) return this.#connect(true);
      return undefined;
    });
    const topic = this.#is('wide-subscription')
      ? requestTopic(this.#address).replace(/[^/]+$/, '+')
      : requestTopic(this.#address);
    await wire.subscribe(topic, (packet) => this.#guard(packet, false));
    if (variant === 'pool') {
      const address = { org: this.#address.org, unit: this.#address.unit, poolId: pool };
      let group = this.#is('random-group') ? randomUUID() : groupIdOf(address);
      if (this.#is('long-group')) group = `a2a.${address.org}.${address.unit}.${pool}`;
      if (this.#is('pool-unshared')) {
        await wire.subscribe(`$share/${randomUUID()}/${poolRequestTopic(address)}`, (packet) =>
          this.#guard(packet, true),
        );
      } else
        await wire.subscribe(`$share/${group}/${poolRequestTopic(address)}`, (packet) =>
          this.#guard(packet, true),
        );
    }
    if (!(again && this.#is('no-card-after-reconnect'))) await this.#publishCard('online');
  }

  #card(): string {
    const card = JSON.parse(offlineCard(this.#address.agentId)) as Record<string, unknown>;
    if (this.#is('invalid-card')) delete card['skills'];
    if (this.#is('card-version'))
      card['supportedInterfaces'] = [
        { url: 'mqtt://x', protocolBinding: 'MQTTv5+JSONRPCv2', protocolVersion: '1.0.0' },
      ];
    return JSON.stringify(card);
  }

  async #publishCard(status: string): Promise<void> {
    const userProperties: UserProperties = {
      'a2a-status': this.#is('card-without-status')
        ? 'unknown'
        : this.#is('always-online')
          ? 'online'
          : status,
      ...(this.#is('card-without-source') ? {} : { 'a2a-status-source': 'agent' }),
    };
    const topic = this.#is('card-topic')
      ? discoveryTopic(this.#address).replace('v1', 'v0')
      : discoveryTopic(this.#address);
    await this.#wire?.publish(topic, this.#card(), {
      qos: this.#is('card-qos-0') ? 0 : 1,
      retain: !this.#is('card-not-retained'),
      properties: { contentType: 'application/json', userProperties },
    });
  }

  #guard(packet: IPublishPacket, pooled: boolean): void {
    try {
      this.#receive(packet, pooled);
    } catch (error) {
      this.#die(`died of ${(error as Error).message}`);
    }
  }

  #receive(packet: IPublishPacket, pooled: boolean): void {
    const { responseTopic, correlationData } = packet.properties ?? {};
    const receivedAtMs = performance.now();
    if (responseTopic === undefined) {
      if (this.#is('answers-nowhere'))
        this.#send(
          {
            topic: '$a2a/v1/reply/o/u/a/s',
            correlation: Buffer.from('x'),
            id: null,
            streaming: false,
            pooled,
          },
          { result: {}, echo: packet.payload.toString() },
        );
      return;
    }
    const text = packet.payload.toString();
    const json = parse(text);
    const caller: Caller = {
      topic: responseTopic,
      correlation: correlationData ?? Buffer.alloc(0),
      id: at(json, 'id') ?? null,
      streaming: at(json, 'method') === 'SendStreamingMessage' || at(json, 'method') === 'SubscribeToTask',
      pooled,
      mode: propertyValues(packet, 'a2a-artifact-mode')[0] ?? 'json',
      token: propertyValues(packet, 'a2a-authorization')[0] ?? '',
    };
    if (correlationData === undefined && !this.#is('executes-uncorrelated')) {
      this.#error(caller, bindingError('transport_protocol_error', 'no Correlation Data'));
      return;
    }
    if (this.#is('deaf-when-busy') && this.#running > 0 && at(json, 'method') === 'GetTask') return;
    if (
      this.#is('dies-of-binary-correlation') &&
      correlationData?.toString('utf8').includes('\uFFFD') === true
    )
      throw new Error('UnicodeDecodeError');
    if (this.#is('dies-of-arrays') && (Array.isArray(json) || Array.isArray(at(json, 'params'))))
      throw new Error('AttributeError');
    if (this.#is('dies-of-empty') && text === '') throw new Error('empty');
    if (this.#is('dies-of-bad-utf8') && text.includes('\uFFFD')) throw new Error('utf8');
    const fault = this.#faultOfEnvelope(packet, json);
    if (fault !== undefined) return this.#error(caller, fault);
    const method = at(json, 'method') as MethodName;
    const params = at(json, 'params');
    if (method === 'SendMessage' || method === 'SendStreamingMessage')
      return this.#message(caller, packet, at(params, 'message') as Record<string, unknown>, receivedAtMs);
    this.#operation(caller, method, params);
  }

  #faultOfEnvelope(packet: IPublishPacket, json: unknown): JsonRpcError | undefined {
    const invalid = jsonRpcError('InvalidRequest', 'not a request');
    if (json === undefined) {
      return this.#is('parse-as-invalid') ? invalid : jsonRpcError('ParseError', 'not JSON');
    }
    if (typeof json !== 'object' || json === null || Array.isArray(json))
      return this.#is('invalid-as-parse') ? jsonRpcError('InternalError', 'x') : invalid;
    if (at(json, 'jsonrpc') !== '2.0' && !this.#is('any-jsonrpc')) return invalid;
    const method = at(json, 'method');
    if (typeof method !== 'string')
      return this.#is('no-method-ok') ? jsonRpcError('MethodNotFound', 'x') : invalid;
    if (!(method in METHODS)) {
      if (!(this.#is('any-method') && at(json, 'params', 'message') !== undefined))
        return jsonRpcError('MethodNotFound', method);
      (json as Record<string, unknown>)['method'] = 'SendMessage';
    }
    const version = propertyValues(packet, 'a2a-version')[0];
    if (this.#is('no-patch-versions') && version === '1.0.7') return a2aError('VersionNotSupported', version);
    if (version !== undefined && !version.startsWith('1.0') && !this.#is('any-version'))
      return a2aError('VersionNotSupported', version);
    if (this.#is('unknown-properties') && propertyValues(packet, 'a2a-foo').length > 0)
      return jsonRpcError('InvalidRequest', 'a2a-foo');
    const extension = 'urn:conformance:extension';
    if (this.#values['variant'] === 'extension' && !this.#is('extension-optional')) {
      const asked = propertyValues(packet, 'a2a-extensions').join();
      if (!asked.includes(extension)) return a2aError('ExtensionSupportRequired', extension);
    }
    if (this.#values['variant'] === 'bearer') {
      const denied = this.#unauthenticated(propertyValues(packet, 'a2a-authorization')[0]);
      if (denied) return authError('Unauthenticated', 'no');
    }
    return undefined;
  }

  #unauthenticated(value: string | undefined): boolean {
    if (value === undefined) return !this.#is('token-optional');
    const [header = '', body = '', signature = ''] = value.replace(/^Bearer /, '').split('.');
    const [key] = at(parse(this.#values['jwks'] ?? ''), 'keys') as JsonWebKey[];
    const algorithm = at(parse(Buffer.from(header, 'base64url')), 'alg');
    const isSigned =
      (this.#is('alg-none') && algorithm === 'none') ||
      this.#is('signature-ignored') ||
      verify(
        'sha256',
        Buffer.from(`${header}.${body}`),
        { key: createPublicKey({ key: key as never, format: 'jwk' }), dsaEncoding: 'ieee-p1363' },
        Buffer.from(signature, 'base64url'),
      );
    const claims = parse(Buffer.from(body, 'base64url'));
    const checks = {
      exp: Number(at(claims, 'exp')) * 1_000 > Date.now(),
      iss: at(claims, 'iss') === this.#values['issuer'],
      aud: at(claims, 'aud') === this.#values['audience'],
      scope: String(at(claims, 'scope')).split(' ').includes('tasks'),
    };
    return !isSigned || Object.entries(checks).some(([name, holds]) => !holds && !this.#is(`token-${name}`));
  }

  #message(
    caller: Caller,
    packet: IPublishPacket,
    message: Record<string, unknown>,
    receivedAtMs: number,
  ): void {
    if (this.#is('null-message') && message === null)
      return this.#error(caller, jsonRpcError('ParseError', 'null'));
    const method = 'SendMessage';
    const valid = validateParams(method, { message });
    const taskId = at(message, 'taskId') ?? (this.#is('snake-reply') ? at(message, 'task_id') : undefined);
    if (!valid.ok && !this.#is('no-validation')) {
      const lenient =
        this.#fault.startsWith('lenient-') && JSON.stringify(valid.violations).includes(this.#fault.slice(8));
      if (!lenient) {
        const error = invalidParams(valid.violations);
        return this.#error(
          caller,
          this.#is('error-without-data') ? { code: error.code, message: error.message } : error,
        );
      }
    }
    if (this.#is('null-data-refused') && JSON.stringify(message).includes('"data":null'))
      return this.#error(caller, jsonRpcError('InvalidParams', 'data'));
    const isUuid =
      typeof taskId === 'string' && (this.#is('lower-case-only') ? /^[0-9a-f-]+$/.test(taskId) : true);
    const loose =
      (this.#is('any-task-id') && typeof taskId === 'string') ||
      (this.#is('any-uuid') && /^[0-9a-f-]{36}$/.test(String(taskId))) ||
      (this.#is('no-task-id-ok') && taskId === undefined);
    if ((!isUuid || !isTaskId(taskId)) && !loose) {
      const error = bindingError('transport_protocol_error', 'task id');
      if (this.#is('binding-misnamed'))
        return this.#error(caller, { ...error, data: { a2a_error: 'request_expired' } });
      return this.#error(
        caller,
        this.#is('binding-without-name') ? { code: error.code, message: error.message } : error,
      );
    }
    const property = propertyValues(packet, 'a2a-context-id')[0];
    if (property !== undefined && property !== message['contextId'] && !this.#is('context-property-ignored'))
      return this.#error(caller, bindingError('transport_protocol_error', 'a2a-context-id'));
    const id = typeof taskId === 'string' ? taskId : randomUUID();
    const known = this.#tasks.get(id.toLowerCase());
    if (known !== undefined && !this.#is('no-dedup')) return this.#again(caller, known, message);
    if (this.#values['variant'] === 'busy') {
      if (this.#running > 0 && this.#queue.length >= 1 && !this.#is('queue-without-limit'))
        return this.#error(
          caller,
          this.#is('busy-without-name')
            ? jsonRpcError('InternalError', 'busy')
            : bindingError('responder_unavailable', 'busy'),
        );
    }
    const contextId =
      typeof message['contextId'] === 'string'
        ? message['contextId']
        : this.#is('empty-context')
          ? ''
          : randomUUID();
    const task: ModelTask = {
      id: this.#is('own-task-id') ? randomUUID() : id,
      contextId: this.#is('own-context-id') ? randomUUID() : contextId,
      state: 'TASK_STATE_SUBMITTED',
      stamp: this.#stamp(),
      artifacts: [],
      history: [],
      messageIds: new Set(),
      callers: [caller],
      canceled: false,
      noTask: false,
    };
    this.#tasks.set(id.toLowerCase(), task);
    this.#run(task, message, caller, expiryOf(packet, receivedAtMs));
  }

  /** Another message with an id that is known: a retry, an answer, or a mistake. */
  #again(caller: Caller, task: ModelTask, message: Record<string, unknown>): void {
    const contextId = message['contextId'];
    if (contextId !== undefined && contextId !== task.contextId && !this.#is('context-unchecked'))
      return this.#error(
        caller,
        this.#is('context-wrong-code')
          ? bindingError('transport_protocol_error', 'context')
          : jsonRpcError('InvalidParams', 'contextId'),
      );
    const isRetry =
      task.messageIds.has(String(message['messageId'])) ||
      (contextId === undefined && ENDED.test(task.state));
    if (isRetry) {
      if (this.#is('retry-new-artifact'))
        for (const artifact of task.artifacts) artifact.artifactId = randomUUID();
      if (this.#is('retry-reruns')) return this.#run(task, message, caller, undefined);
      if (this.#is('retry-gets-snapshot-only'))
        return this.#reply(caller, {
          task: { ...this.#view(task), status: { state: 'TASK_STATE_WORKING', timestamp: this.#stamp() } },
        });
      if (this.#is('context-lost'))
        return this.#reply(caller, { task: { ...this.#view(task), contextId: '' } });
      if (ENDED.test(task.state) || caller.streaming) this.#reply(caller, { task: this.#view(task) });
      if (!ENDED.test(task.state)) task.callers.push(caller);
      return;
    }
    if (PAUSED.test(task.state) && !this.#is('no-continuation')) {
      task.callers = this.#is('continues-on-old') ? [...task.callers, caller] : [caller];
      return this.#run(task, message, caller, undefined);
    }
    if (ENDED.test(task.state) && this.#is('terminal-reopens'))
      return this.#run(task, message, caller, undefined);
    this.#error(caller, a2aError('UnsupportedOperation', 'it has ended or is at work'));
  }

  #run(
    task: ModelTask,
    message: Record<string, unknown>,
    caller: Caller,
    expiresAtMs: number | undefined,
  ): void {
    task.messageIds.add(String(message['messageId']));
    task.history.push(message);
    const isAnswer = task.history.length > 1 && !this.#is('retry-reruns');
    const words = texts(message);
    const handover = words.startsWith('handover ') ? words.slice(9) : undefined;
    if (handover !== undefined && !this.#is('no-handover'))
      task.callers = task.callers.map((one) => ({ ...one, handover }));
    const begin = (): void => {
      const isStale = expiresAtMs !== undefined && performance.now() > expiresAtMs;
      if (isStale && !this.#is('expiry-ignored')) {
        this.#tasks.delete(task.id.toLowerCase());
        this.#error(
          caller,
          this.#is('expired-without-name')
            ? { code: -32003, message: 'late' }
            : bindingError('request_expired', 'late'),
        );
        return this.#next();
      }
      const [word = ''] = words.split(' ');
      if (word !== 'message' && !isAnswer && !this.#is('no-first-task'))
        this.#item(task, { task: this.#view(task) });
      void this.#obey(task, isAnswer ? `answer ${words}` : words).finally(() => this.#next());
    };
    if (this.#values['variant'] !== 'busy' && !this.#is('one-at-a-time')) {
      this.#running += 1;
      return begin();
    }
    if (this.#running > 0) this.#queue.push(begin);
    else {
      this.#running += 1;
      begin();
    }
  }

  #next(): void {
    this.#running -= 1;
    const begin = this.#queue.shift();
    if (begin === undefined) return;
    this.#running += 1;
    begin();
  }

  async #obey(task: ModelTask, words: string): Promise<void> {
    const [word = '', ...rest] = words.split(' ');
    const argument = rest.join(' ');
    const end = (state: string, text?: string): void => this.#end(task, `TASK_STATE_${state}`, text);
    switch (word) {
      case 'count': {
        const count = (this.#counts.get(argument) ?? 0) + 1;
        this.#counts.set(argument, count);
        return end('COMPLETED', `${argument}=${count}`);
      }
      case 'slow':
        this.#status(task, 'TASK_STATE_WORKING');
        await new Promise((resolve) => setTimeout(resolve, Number(argument)));
        return task.canceled
          ? undefined
          : end(this.#is('dies-with-requester') ? 'FAILED' : 'COMPLETED', 'done');
      case 'progress': {
        const numbers = Array.from({ length: Number(argument) }, (_, n) => n);
        if (this.#is('disordered')) numbers.reverse();
        for (const n of numbers) this.#status(task, 'TASK_STATE_WORKING', String(n));
        return end('COMPLETED');
      }
      case 'chunks':
        this.#artifact(task, 'one', false);
        this.#artifact(task, 'two', true);
        return end('COMPLETED');
      case 'ask':
        return end(this.#is('asks-as-failed') ? 'FAILED' : 'INPUT_REQUIRED');
      case 'authorize':
        return end(this.#is('asks-as-failed') ? 'FAILED' : 'AUTH_REQUIRED');
      case 'fail':
        return end(this.#is('fails-as-completed') ? 'COMPLETED' : 'FAILED', argument);
      case 'reject':
        return end(this.#is('fails-as-completed') ? 'COMPLETED' : 'REJECTED', argument);
      case 'message': {
        const message = {
          messageId: randomUUID(),
          role: 'ROLE_AGENT',
          contextId: task.contextId,
          parts: [{ text: argument }],
        };
        if (!this.#is('message-leaves-task')) this.#tasks.delete(task.id.toLowerCase());
        for (const caller of task.callers)
          this.#reply(caller, this.#is('message-as-task') ? { task: this.#view(task) } : { message });
        return;
      }
      case 'bytes':
        return this.#bytes(task, Number(argument));
      default:
        return end('COMPLETED', `echo ${words}`);
    }
  }

  #bytes(task: ModelTask, count: number): void {
    const content = Buffer.from(Array.from({ length: count }, (_, n) => n % 251));
    const [caller] = task.callers;
    const isBinary =
      caller?.mode === 'binary' ||
      (this.#is('zip-is-binary') && caller?.mode === 'zip') ||
      (this.#is('always-binary') && caller?.mode !== 'zip');
    if (caller === undefined || !isBinary) {
      const raw = (this.#is('bytes-damaged') ? content.subarray(1) : content).toString('base64');
      this.#item(task, {
        artifactUpdate: {
          taskId: task.id,
          contextId: task.contextId,
          artifact: { artifactId: 'b', parts: [{ raw }] },
        },
      });
      return this.#end(task, 'TASK_STATE_COMPLETED');
    }
    if (this.#is('last-chunk-ends')) this.#end(task, 'TASK_STATE_COMPLETED');
    const size = 1_000;
    for (let start = 0; start < count; start += size) {
      const properties: PublishProperties = {
        correlationData: caller.correlation,
        contentType: 'application/octet-stream',
        userProperties: {
          'a2a-event-type': 'task-artifact-update',
          'a2a-task-id': task.id,
          'a2a-artifact-id': 'b',
          'a2a-chunk-seqno': String(start / size + (this.#is('chunks-from-one') ? 1 : 0)),
          'a2a-last-chunk': String(start + size >= count),
          ...(this.#is('mode-unnamed') ? {} : { 'a2a-artifact-mode': 'binary' }),
        },
      };
      void this.#wire?.publish(caller.topic, content.subarray(start, start + size), { properties });
    }
    if (!this.#is('last-chunk-ends')) this.#end(task, 'TASK_STATE_COMPLETED');
  }

  #operation(caller: Caller, method: MethodName, params: unknown): void {
    if (/PushNotification/.test(method))
      return this.#error(
        caller,
        this.#is('push-shape')
          ? bindingError('request_expired', 'no')
          : a2aError('PushNotificationNotSupported', 'no'),
      );
    if (method === 'GetExtendedAgentCard')
      return this.#error(
        caller,
        this.#is('extended-card')
          ? jsonRpcError('InternalError', 'no')
          : a2aError('UnsupportedOperation', 'no'),
      );
    const valid = validateParams(method, params);
    if (!valid.ok && !(method === 'ListTasks' && this.#is('any-page-size')))
      return this.#error(caller, invalidParams(valid.violations));
    if (method === 'ListTasks') return this.#list(caller, params);
    const task = this.#tasks.get(String(at(params, 'id')).toLowerCase());
    if (task === undefined || task.noTask) {
      const wrong = this.#is(`unknown-${method}`);
      return this.#error(
        caller,
        wrong ? bindingError('transport_protocol_error', 'unknown') : a2aError('TaskNotFound', 'unknown'),
      );
    }
    if (method === 'GetTask')
      return this.#reply(
        caller,
        this.#is('get-wrapped') ? { task: this.#view(task) } : this.#view(task, at(params, 'historyLength')),
      );
    if (method === 'CancelTask') return this.#cancel(caller, task);
    if (ENDED.test(task.state))
      return this.#error(
        caller,
        this.#is('subscribe-ended')
          ? jsonRpcError('InternalError', 'x')
          : a2aError('UnsupportedOperation', 'ended'),
      );
    if (!this.#is('subscribe-without-task')) this.#reply(caller, { task: this.#view(task) });
    task.callers.push(caller);
  }

  #cancel(caller: Caller, task: ModelTask): void {
    if (ENDED.test(task.state) && !task.canceled && !this.#is('cancel-completed'))
      return this.#error(caller, a2aError('TaskNotCancelable', 'ended'));
    if (!task.canceled && !ENDED.test(task.state)) {
      task.canceled = true;
      if (this.#is('cancel-silent')) {
        task.state = 'TASK_STATE_CANCELED';
        task.callers = [];
      } else this.#end(task, 'TASK_STATE_CANCELED');
    }
    const { id, contextId } = task;
    this.#reply(
      caller,
      this.#is('cancel-as-update')
        ? { statusUpdate: { taskId: id, contextId, status: this.#statusOf(task) } }
        : this.#view(task),
    );
  }

  #list(caller: Caller, params: unknown): void {
    const {
      contextId,
      pageSize = 50,
      pageToken = '',
    } = params as { contextId?: string; pageSize?: number; pageToken?: string };
    const all = [...this.#tasks.values()].filter(
      (task) => contextId === undefined || task.contextId === contextId,
    );
    const start = Number(pageToken);
    const page = all.slice(start, start + (this.#is('pages-ignored') ? 100 : pageSize));
    const next = start + page.length;
    this.#reply(caller, {
      tasks: page.map((task) => ({ id: task.id, contextId: task.contextId, status: this.#statusOf(task) })),
      nextPageToken: next < all.length ? String(next) : '',
      pageSize: page.length,
      totalSize: all.length,
    });
  }

  #view(task: ModelTask, historyLength?: unknown) {
    const history = historyLength === 0 && !this.#is('history-always') ? {} : { history: task.history };
    const artifacts = task.artifacts.length === 0 ? {} : { artifacts: structuredClone(task.artifacts) };
    return { id: task.id, contextId: task.contextId, status: this.#statusOf(task), ...artifacts, ...history };
  }

  #statusOf(task: ModelTask) {
    return {
      state: this.#is('kebab-states') ? task.state.slice(11).toLowerCase() : task.state,
      timestamp: task.stamp,
    };
  }

  #stamp(): string {
    const now = new Date().toISOString();
    return this.#is('timestamps') ? now.replace('Z', '+00:00') : now;
  }

  #status(task: ModelTask, state: string, text?: string): void {
    task.state = state;
    task.stamp = this.#stamp();
    const message =
      text === undefined
        ? {}
        : {
            message: {
              messageId: randomUUID(),
              role: 'ROLE_AGENT',
              contextId: task.contextId,
              parts: [{ text }],
            },
          };
    this.#item(task, {
      statusUpdate: {
        taskId: task.id,
        contextId: task.contextId,
        status: { ...this.#statusOf(task), ...message },
      },
    });
  }

  #artifact(task: ModelTask, text: string, append: boolean): void {
    const artifact = { artifactId: 'a', parts: [{ text }] };
    const known = task.artifacts.find(({ artifactId }) => artifactId === 'a');
    if (known === undefined) task.artifacts.push(structuredClone(artifact));
    else known.parts.push({ text });
    const chunk = this.#is('chunks-unmarked') ? {} : { append, lastChunk: append };
    this.#item(task, { artifactUpdate: { taskId: task.id, contextId: task.contextId, artifact, ...chunk } });
  }

  #end(task: ModelTask, state: string, text?: string): void {
    if (text !== undefined && state === 'TASK_STATE_COMPLETED') {
      const artifact = { artifactId: randomUUID(), parts: [{ text }] };
      task.artifacts.push(artifact);
      this.#item(task, { artifactUpdate: { taskId: task.id, contextId: task.contextId, artifact } });
    }
    this.#status(task, state);
    for (const caller of task.callers.filter((one) => !one.streaming))
      this.#reply(caller, { task: this.#view(task) });
    if (this.#is('two-ends')) this.#status(task, state);
    if (this.#is('unary-twice'))
      for (const caller of task.callers) this.#reply(caller, { task: this.#view(task) });
    task.callers = this.#is('continues-on-old') && PAUSED.test(state) ? task.callers : [];
  }

  /** A stream item goes to those who stream. */
  #item(task: ModelTask, result: object): void {
    const streaming = task.callers.filter((one) => one.streaming || this.#is('unary-streams'));
    const heard = this.#is('one-subscriber') ? streaming.slice(0, 1) : streaming;
    for (const caller of heard) this.#reply(caller, result);
  }

  #reply(caller: Caller, result: object): void {
    const text = this.#is('snake-reply')
      ? JSON.stringify(result).replaceAll('contextId', 'context_id').replaceAll('taskId', 'task_id')
      : undefined;
    this.#send(caller, { result: text === undefined ? result : (JSON.parse(text) as object) });
  }

  #error(caller: Caller, error: JsonRpcError): void {
    this.#send(caller, this.#is('error-as-result') ? { result: { error } } : { error });
  }

  #send(caller: Caller, body: object): void {
    const correlation = this.#is('correlation-dropped')
      ? undefined
      : this.#is('correlation-as-text')
        ? Buffer.from(caller.correlation.toString('utf8'))
        : this.#is('correlation-cut')
          ? caller.correlation.subarray(0, 1_000)
          : this.#is('correlation-padded')
            ? Buffer.concat([caller.correlation, Buffer.from(' ')])
            : caller.correlation;
    const isError = 'error' in body;
    const id =
      this.#is('id-is-correlation') && isError
        ? caller.correlation.toString()
        : this.#is('id-as-text')
          ? String(caller.id)
          : caller.id;
    const userProperties: UserProperties = {
      ...(caller.pooled && !this.#is('pool-nameless')
        ? { 'a2a-responder-agent-id': this.#address.agentId }
        : {}),
      ...(caller.handover === undefined ? {} : { 'a2a-responder-agent-id': caller.handover }),
      ...(this.#is('foreign-properties') ? { 'x-vendor': '1' } : {}),
      ...(this.#values['variant'] === 'extension' ? { 'a2a-extensions': 'urn:conformance:extension' } : {}),
    };
    const topic = this.#is('reply-topic')
      ? `${caller.topic}x`
      : this.#is('own-reply-topic')
        ? caller.topic.startsWith('$a2a/v1/reply/')
          ? caller.topic
          : `$a2a/v1/reply/${clientIdOf(this.#address)}/s`
        : caller.topic;
    const secret = this.#is('token-echoed') ? { token: caller.token } : {};
    const payload = JSON.stringify({
      jsonrpc: this.#is('json-rpc-1') ? '1.0' : '2.0',
      id,
      ...body,
      ...secret,
    });
    void this.#wire
      ?.publish(topic, payload, {
        qos: this.#is('reply-qos-0') ? 0 : 1,
        retain: this.#is('reply-retained'),
        properties: {
          ...(this.#is('no-content-type') ? {} : { contentType: 'application/json' }),
          ...(correlation === undefined || correlation.length === 0 ? {} : { correlationData: correlation }),
          userProperties,
        },
      })
      .catch(() => undefined);
  }
}

function texts(message: Record<string, unknown>): string {
  return (message['parts'] as { text?: string }[] | undefined)?.map((part) => part.text ?? '').join('') ?? '';
}

function expiryOf(packet: IPublishPacket, receivedAtMs: number): number | undefined {
  const seconds = packet.properties?.messageExpiryInterval;
  return seconds === undefined ? undefined : receivedAtMs + seconds * 1_000;
}
