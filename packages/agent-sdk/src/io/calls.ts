import type { InboundMessage, Logger } from '@shoal/mqtt-link';
import { createReplyRouter, silentLogger } from '@shoal/mqtt-link';
import type { MethodName } from '@shoal/protocol';
import { A2A_VERSION, USER_PROPERTIES, replyTopic } from '@shoal/protocol';
import type { Reply } from '../core/read-reply.ts';
import type { RetryProfile } from '../core/retry.ts';
import { DEFAULT_RETRY } from '../core/retry.ts';
import type { Target } from '../core/target.ts';
import { assertTarget } from '../core/target.ts';
import type { A2aError } from '../errors.ts';
import { localError } from '../errors.ts';
import { Call } from './call.ts';
import type { CallIo, CallSpec } from './call.ts';
import { CallSecurity, assertNoToken } from './call-security.ts';
import type { CallSecurityOptions } from './call-security.ts';
import { systemClock } from './clock.ts';
import { Correlations } from './correlations.ts';
import type { CallOptions, RequesterOptions } from './requester-types.ts';
import { memoryTaskRoutes } from './task-routes.ts';
import { startCall } from './telemetry.ts';
import type { WayOptions } from './way.ts';
import { Way } from './way.ts';

export interface Operation {
  readonly target: Target;
  readonly method: MethodName;
  readonly params: object;
  readonly options: CallOptions;
  /** The task that it is about: where that is known to be, the operation goes. */
  readonly taskId?: string | undefined;
}

/** What one reply of a unary call means; undefined: more replies follow. */
export type Read<T> = (message: InboundMessage) => Reply<T> | undefined;

/** `refused`: an error, after which nothing follows. */
export type Heard = 'more' | 'last' | 'refused';

/** A responder comes back when we do: it is asked so long after that, at the earliest, and up to three times that. */
const RETURN_MS = 500;

export interface CallHandlers extends Pick<CallSpec, 'onFailure' | 'onSilence'> {
  onReply(message: InboundMessage, attempt: number): Heard;
}

/** The calls of one requester that are under way: one reply topic, one profile, one end. */
export class Calls {
  readonly #io: CallIo;
  readonly #logger: Logger;
  readonly #profile: RetryProfile;
  readonly #ways: WayOptions;
  readonly #security: CallSecurityOptions;
  readonly #open = new Set<Call>();
  readonly #onProtocolError: RequesterOptions['onProtocolError'];
  readonly #stopListening: (() => void)[];
  readonly #onEnd = (call: Call): void => void this.#open.delete(call);
  #lastId = 0;
  #cancelReturn: (() => void) | undefined;
  #closed = false;

  constructor(options: RequesterOptions, newId: () => string) {
    const { link, clock = systemClock, random = Math.random, logger = silentLogger } = options;
    this.#logger = logger;
    this.#profile = { ...DEFAULT_RETRY, ...options.retry };
    this.#onProtocolError = options.onProtocolError;
    const { routes = memoryTaskRoutes(), directory } = options;
    this.#ways = { routes, directory, random, logger };
    const { address, encryption, token, allowTokenOnLoopback } = options;
    const onProblem = this.#problem.bind(this);
    this.#security = { link, address, logger, encryption, token, allowTokenOnLoopback, onProblem };
    const router = createReplyRouter(link, {
      replyTopic: replyTopic(options.address, newId()),
      onUnmatched: (message) => this.#unmatched(message),
    });
    this.#io = { router, correlations: new Correlations(), clock, random };
    const failAll = (): void => this.#failAll('the link is closed');
    this.#stopListening = [
      link.on('closed', failAll),
      link.on('fenced', failAll),
      link.on('online', ({ reconnect }) => reconnect && this.#returnSoon()),
    ];
  }

  /** The call is not started. Throws A2aError `closed`. */
  open(operation: Operation, handlers: CallHandlers): Call {
    if (this.#closed) throw localError('closed', 'the requester is closed');
    const { target, method, options, taskId } = operation;
    assertTarget(target);
    const { tenant } = options;
    const params = tenant === undefined ? operation.params : { tenant, ...operation.params };
    const profile = this.#profileOf(options);
    this.#checkExpiry(options, profile);
    assertNoToken(options.userProperties);
    const way = new Way(this.#ways, target, taskId);
    const telemetry = startCall(method, taskId, options.traceContext);
    const payload = JSON.stringify({ jsonrpc: '2.0', id: (this.#lastId += 1), method, params });
    const userProperties = {
      [USER_PROPERTIES.version]: A2A_VERSION,
      ...(options.artifactMode === undefined ? {} : { [USER_PROPERTIES.artifactMode]: options.artifactMode }),
      ...telemetry?.properties,
      ...options.userProperties,
    };
    const security = this.#securityOf(target, options);
    const request = {
      nextTopic: way.next.bind(way),
      payload,
      userProperties,
      messageExpirySeconds: options.messageExpirySeconds,
      ...(security === undefined
        ? {}
        : {
            prepare: (topic: string, correlationData: Uint8Array) =>
              security.prepare({ payload, userProperties }, topic, correlationData),
          }),
    };
    const call: Call = new Call(
      this.#io,
      {
        request,
        profile,
        signal: options.signal,
        onFailure: (error) => handlers.onFailure(error),
        ...(handlers.onSilence === undefined ? {} : { onSilence: (softly) => handlers.onSilence?.(softly) }),
        ...(telemetry === undefined ? {} : { onAttempt: (topic: string) => telemetry.attempt(topic) }),
        ...(security === undefined
          ? {}
          : {
              open: async (message: InboundMessage) => {
                const opened = await security.open(message);
                if (opened === undefined || !(await security.mayAskAgain(opened))) return opened;
                call.again();
                return undefined;
              },
            }),
        onReply: (message, attempt) => {
          const fault = way.faultOf(message);
          if (fault !== undefined) {
            this.#problem(fault.message, message.topic);
            call.fail(fault);
            return true;
          }
          const heard = handlers.onReply(message, attempt);
          if (heard !== 'refused') way.heard(message);
          return heard !== 'more';
        },
      },
      telemetry === undefined
        ? this.#onEnd
        : () => {
            telemetry.end();
            this.#onEnd(call);
          },
    );
    call.telemetry = telemetry;
    this.#open.add(call);
    return call;
  }

  /** `recover`: something was heard and then nothing more, or (`softly`) the connection was away amid it. */
  unary<T>(
    operation: Operation,
    read: Read<T>,
    recover?: (call: Call, settle: (reply: Reply<T>) => void, softly: boolean) => void,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const settle = (reply: Reply<T>): void => ('error' in reply ? fail(reply.error) : resolve(reply.value));
      const fail = (error: A2aError): void => {
        call.telemetry?.failed(error.code);
        reject(error);
      };
      const call: Call = this.open(operation, {
        onReply: (message) => {
          const reply = read(message);
          if (reply === undefined) return 'more';
          settle(reply);
          return 'error' in reply ? 'refused' : 'last';
        },
        onFailure: reject,
        ...(recover === undefined ? {} : { onSilence: (softly) => recover(call, settle, softly) }),
      });
      call.start();
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const stop of this.#stopListening) stop();
    this.#cancelReturn?.();
    this.#failAll('the requester is closed');
    await this.#io.router.close();
  }

  #profileOf({ firstReplyTimeoutMs, idleTimeoutMs, maxAttempts }: CallOptions): RetryProfile {
    if (firstReplyTimeoutMs === undefined && idleTimeoutMs === undefined && maxAttempts === undefined)
      return this.#profile;
    return {
      ...this.#profile,
      ...(firstReplyTimeoutMs === undefined ? {} : { firstReplyTimeoutMs }),
      ...(idleTimeoutMs === undefined ? {} : { idleTimeoutMs }),
      ...(maxAttempts === undefined ? {} : { maxAttempts }),
    };
  }

  #securityOf(target: Target, { token }: CallOptions): CallSecurity | undefined {
    const options =
      token === undefined
        ? this.#security
        : { ...this.#security, token: typeof token === 'string' ? () => token : token };
    if (options.token === undefined && options.encryption === undefined) return undefined;
    return new CallSecurity(options, target);
  }

  #checkExpiry({ messageExpirySeconds }: CallOptions, { firstReplyTimeoutMs }: RetryProfile): void {
    if (messageExpirySeconds === undefined || messageExpirySeconds * 1000 > firstReplyTimeoutMs) return;
    this.#logger.warn(
      'the message expiry does not exceed the first-reply timeout: a retry may be all that arrives',
      { messageExpirySeconds },
    );
  }

  #unmatched({ topic, correlationData }: InboundMessage): void {
    if (correlationData !== undefined && this.#io.correlations.isOurs(correlationData)) {
      return this.#logger.debug('a reply came after its call had ended', { topic });
    }
    return this.#problem(
      correlationData === undefined
        ? 'reply without Correlation Data'
        : 'reply with unknown Correlation Data',
      topic,
    );
  }

  #problem(reason: string, topic: string): void {
    this.#logger.warn(`${reason}: ignored`, { topic });
    this.#onProtocolError?.({ reason, topic });
  }

  /** Not at once, and not all requesters of a broker that was away together. */
  #returnSoon(): void {
    const { clock, random } = this.#io;
    this.#cancelReturn?.();
    this.#cancelReturn = undefined;
    if (this.#open.size === 0) return;
    this.#cancelReturn = clock.setTimer(
      () => {
        for (const call of this.#open) call.returned();
      },
      RETURN_MS * (1 + 2 * random()),
    );
  }

  #failAll(why: string): void {
    for (const call of this.#open) call.fail(localError('closed', why));
  }
}
