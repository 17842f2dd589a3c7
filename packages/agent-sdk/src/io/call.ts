import type { InboundMessage, PublishAck, ReplyRouter, UserProperties } from '@shoal/mqtt-link';
import { isLinkError } from '@shoal/mqtt-link';
import type { MaybePromise } from '../core/keyed-lock.ts';
import { isPromise } from '../core/keyed-lock.ts';
import type { A2aError } from '../errors.ts';
import { isA2aError, localError } from '../errors.ts';
import type { CallEvent, CallState, FailureReason, RetryProfile } from '../core/retry.ts';
import { NEW_CALL, NO_MATCHING_SUBSCRIBERS, decideCall } from '../core/retry.ts';
import type { Clock } from './clock.ts';
import type { Correlations } from './correlations.ts';
import type { CallTelemetry } from './telemetry.ts';

export interface OutgoingRequest {
  /** Where the next attempt goes; `reason` says why the one before it was given up. Throws or rejects: the call fails. */
  nextTopic(reason: FailureReason | undefined): MaybePromise<string>;
  readonly payload: string;
  readonly userProperties: UserProperties;
  readonly messageExpirySeconds?: number | undefined;
  /** Made anew for each attempt: a token that is fresh, a payload that is sealed. Rejects: the call fails. */
  readonly prepare?: ((topic: string, correlationData: Uint8Array) => Promise<PreparedRequest>) | undefined;
}

export interface PreparedRequest {
  readonly payload: string;
  readonly contentType: string;
  readonly userProperties: UserProperties;
}

export interface CallIo {
  readonly router: ReplyRouter;
  readonly correlations: Correlations;
  readonly clock: Clock;
  readonly random: () => number;
}

export interface CallSpec {
  readonly request: OutgoingRequest;
  readonly profile: RetryProfile;
  readonly signal?: AbortSignal | undefined;
  /** Makes a reply readable. Undefined: it is not to be believed, and ignored. Rejects: the call fails. */
  readonly open?: ((message: InboundMessage) => Promise<InboundMessage | undefined>) | undefined;
  /** One reply of any attempt. `attempt` says which. Returns whether it is the last one. */
  onReply(message: InboundMessage, attempt: number): boolean;
  /** Called before each attempt is sent. */
  onAttempt?(topic: string): void;
  /** Called at most once, and never after a last reply. */
  onFailure(error: A2aError): void;
  /**
   * The stream fell silent: ask GetTask, then `recovered()` or `end()`. `softly`: its connection was away, and it goes on unless its task
   * has ended.
   */
  onSilence?(softly: boolean): void;
}

/** One logical operation: its attempts, their correlations, its timers. Ends exactly once; ending twice is fine. */
export class Call {
  /** Hears how the call ends, when somebody listens. */
  telemetry: CallTelemetry | undefined;
  readonly #io: CallIo;
  readonly #spec: CallSpec;
  #state: CallState = NEW_CALL;
  #cancelTimer: (() => void) | undefined;
  #correlations: (() => void)[] = [];
  #onAbort: (() => void) | undefined;
  /** Where the last attempt went. */
  #topic = '';
  readonly #onEnd: ((call: Call) => void) | undefined;
  /** Replies are opened one after the other: their order counts. */
  #opened: Promise<unknown> = Promise.resolve();

  constructor(io: CallIo, spec: CallSpec, onEnd?: (call: Call) => void) {
    this.#io = io;
    this.#spec = spec;
    this.#onEnd = onEnd;
  }

  start(): void {
    const { signal } = this.#spec;
    if (signal !== undefined) {
      if (signal.aborted) return this.fail(abortError(signal));
      this.#onAbort = () => this.fail(abortError(signal));
      signal.addEventListener('abort', this.#onAbort, { once: true });
    }
    return this.#apply({ type: 'start' });
  }

  get ended(): boolean {
    return this.#state.phase === 'ended';
  }

  recovered(): void {
    this.#apply({ type: 'recovered' });
  }

  /** Asks GetTask now, as if the stream had been silent. */
  suspect(): void {
    if (this.#state.phase === 'streaming') this.#apply({ type: 'timer' });
  }

  /** The connection is back. */
  returned(): void {
    if (this.#state.phase === 'streaming') this.#spec.onSilence?.(true);
  }

  /** Sends the request once more, at once. */
  again(): void {
    this.#apply({ type: 'again' });
  }

  /** No more replies are wanted. */
  end(): void {
    if (this.ended) return;
    this.#state = { ...this.#state, phase: 'ended' };
    this.#release();
  }

  fail(error: A2aError): void {
    if (this.ended) return;
    this.telemetry?.failed(error.code);
    this.end();
    this.#spec.onFailure(error);
  }

  #apply(event: CallEvent): void {
    if (this.ended) return;
    const { state, action, timerMs } = decideCall(this.#state, event, this.#spec.profile, this.#io.random);
    this.#state = state;
    if (timerMs !== 'keep') {
      this.#cancelTimer?.();
      this.#cancelTimer =
        timerMs === undefined
          ? undefined
          : this.#io.clock.setTimer(() => this.#apply({ type: 'timer' }), timerMs);
    }
    if (action === 'publish') this.#next(state);
    else if (action === 'recover') this.#recover();
    else if (action === 'fail') {
      const error = errorOf(state.reason, this.#topic, this.#spec.profile);
      this.telemetry?.failed(error.code);
      this.#release();
      this.#spec.onFailure(error);
    } else if (state.phase === 'ended') this.#release();
  }

  #next({ attempt, reason }: CallState): void {
    try {
      const topic = this.#spec.request.nextTopic(reason);
      if (!isPromise(topic)) return this.#publish(attempt, topic);
      topic.then(
        (found) => this.ended || this.#publish(attempt, found),
        (error: unknown) => this.fail(asA2aError(error)),
      );
    } catch (error) {
      this.fail(asA2aError(error));
    }
  }

  #publish(attempt: number, topic: string): void {
    const { request } = this.#spec;
    const correlationData = this.#io.correlations.next();
    this.#topic = topic;
    this.#spec.onAttempt?.(topic);
    if (request.prepare === undefined)
      return this.#send(attempt, topic, correlationData, { contentType: 'application/json', ...request });
    request.prepare(topic, correlationData).then(
      (prepared) => this.ended || this.#send(attempt, topic, correlationData, prepared),
      (error: unknown) => this.fail(asA2aError(error)),
    );
    return undefined;
  }

  #send(attempt: number, topic: string, correlationData: Uint8Array, prepared: PreparedRequest): void {
    const { messageExpirySeconds } = this.#spec.request;
    const { payload, contentType, userProperties } = prepared;
    try {
      const pending = this.#io.router.request(topic, payload, {
        qos: 1,
        correlationData,
        contentType,
        payloadIsUtf8: true,
        userProperties,
        ...(messageExpirySeconds === undefined ? {} : { messageExpirySeconds }),
        onReply: (message) => this.#receive(message, attempt),
      });
      this.#correlations.push(() => pending.close());
      pending.ack.then(
        (ack) => this.#acknowledged(attempt, ack),
        (cause: unknown) => this.#publishFailed(attempt, cause),
      );
    } catch (cause) {
      this.#publishFailed(attempt, cause);
    }
  }

  #acknowledged(attempt: number, ack: PublishAck): void {
    if (ack.noMatchingSubscribers)
      this.#apply({ type: 'acknowledged', attempt, reasonCode: NO_MATCHING_SUBSCRIBERS });
  }

  #publishFailed(attempt: number, cause: unknown): void {
    if (isLinkError(cause, 'publish-refused') && cause.reasonCode !== undefined) {
      return this.#apply({ type: 'acknowledged', attempt, reasonCode: cause.reasonCode });
    }
    const final = isLinkError(cause, 'closed') || isLinkError(cause, 'fenced');
    return this.#apply({ type: 'publish-failed', attempt, cause, final });
  }

  #receive(message: InboundMessage, attempt: number): void {
    const { open } = this.#spec;
    if (open === undefined) return this.#hear(message, attempt);
    this.#opened = this.#opened
      .then(() => (this.ended ? undefined : open(message)))
      .then(
        (opened) => opened === undefined || this.#hear(opened, attempt),
        (error: unknown) => this.fail(asA2aError(error)),
      );
    return undefined;
  }

  #hear(message: InboundMessage, attempt: number): void {
    if (this.ended) return;
    const last = this.#spec.onReply(message, attempt);
    if (!this.ended) this.#apply({ type: 'reply', last });
  }

  #recover(): void {
    if (this.#spec.onSilence === undefined)
      this.fail(localError('stream-idle', 'the responder began to answer and fell silent'));
    else this.#spec.onSilence(false);
  }

  #release(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    for (const close of this.#correlations.splice(0)) close();
    if (this.#onAbort !== undefined) this.#spec.signal?.removeEventListener('abort', this.#onAbort);
    this.#onEnd?.(this);
  }
}

function abortError(signal: AbortSignal): A2aError {
  return localError('aborted', 'the call was aborted', { cause: signal.reason });
}

function asA2aError(error: unknown): A2aError {
  if (isA2aError(error)) return error;
  return localError('invalid-message', `the request has nowhere to go: ${textOf(error)}`, { cause: error });
}

function errorOf(reason: FailureReason | undefined, topic: string, profile: RetryProfile): A2aError {
  const { maxAttempts, firstReplyTimeoutMs } = profile;
  switch (reason?.kind) {
    case 'no-responder':
      return localError('no-responder', `nobody subscribes to ${topic}; is the agent running?`, {
        retryable: true,
      });
    case 'refused': {
      const { reasonCode } = reason;
      const code = `0x${reasonCode.toString(16).padStart(2, '0')}`;
      return localError('publish-refused', `the broker refused the request on ${topic}: ${code}`, {
        data: { reasonCode },
      });
    }
    case 'failed': {
      const { cause } = reason;
      const closed = isLinkError(cause, 'closed') || isLinkError(cause, 'fenced');
      return localError(
        closed ? 'closed' : 'publish-failed',
        `the request could not be published: ${textOf(cause)}`,
        {
          cause,
          retryable: !closed,
        },
      );
    }
    default: {
      const waited = `${maxAttempts} attempts of ${firstReplyTimeoutMs} ms`;
      return localError('timeout', `no reply on ${topic} after ${waited}`, { retryable: true });
    }
  }
}

function textOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
