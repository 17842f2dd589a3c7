import type { AgentAddress } from '@shoal/protocol';
import { NotRun } from '../core/conformance-error.ts';
import type { RequesterManifest, RequesterOffer, RequesterOperation } from '../core/manifest.ts';
import { Stage, type StageOptions } from './stage.ts';
import type { Launch, Subject } from './subject.ts';
import { Tap } from './tap.ts';
import { parse } from './client.ts';

/** The last line of JSON that a requester prints: how its call ended. */
export interface Outcome {
  readonly outcome?: unknown;
  readonly state?: unknown;
  readonly text?: unknown;
  readonly code?: unknown;
  readonly error?: unknown;
  readonly retryable?: unknown;
  readonly items?: unknown;
}

export interface CallInit {
  readonly operation?: RequesterOperation;
  readonly text?: string;
  /** Text of the second message of `converse`; task id of `get` and `cancel`; token of `bearer`. */
  readonly argument?: string;
  /** Agent id of the target; a pool id for `pool`. */
  readonly target: string;
  readonly firstReplyTimeoutMs?: number;
  readonly streamIdleTimeoutMs?: number;
}

/** One call of the subject, behind a tap. */
export class RunningCall {
  readonly tap: Tap;
  readonly address: AgentAddress;
  readonly subject: Subject;
  readonly #timeoutMs: number;

  constructor(tap: Tap, address: AgentAddress, subject: Subject, timeoutMs: number) {
    this.tap = tap;
    this.address = address;
    this.subject = subject;
    this.#timeoutMs = timeoutMs;
  }

  /** Waits for the end of the call. */
  ended(timeoutMs = this.#timeoutMs): Promise<string> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const fail = (): void => reject(new Error(`the requester did not end within ${timeoutMs} ms`));
      timer = setTimeout(fail, timeoutMs);
    });
    return Promise.race([this.subject.exited, late]).finally(() => clearTimeout(timer));
  }

  /** Waits for the end, and reads what was printed: one line of JSON for each call. */
  async outcomes(timeoutMs?: number): Promise<Outcome[]> {
    const how = await this.ended(timeoutMs);
    const { stdout, stderr } = this.subject.output();
    const outcomes = stdout
      .split('\n')
      .map((line) => parse(line))
      .filter((value): value is Outcome => typeof value === 'object' && value !== null && 'outcome' in value);
    if (outcomes.length === 0)
      throw new Error(`the requester ${how} and printed no outcome: ${(stdout + stderr).slice(-500)}`);
    return outcomes;
  }

  async outcome(timeoutMs?: number): Promise<Outcome> {
    return (await this.outcomes(timeoutMs)).at(-1) as Outcome;
  }
}

export const DEFAULT_FIRST_REPLY_MS = 15_000;
export const DEFAULT_STREAM_IDLE_MS = 30_000;

export class RequesterStage extends Stage {
  readonly #launch: Launch;
  readonly #manifest: Pick<RequesterManifest, 'offers' | 'operations'>;

  constructor(
    options: StageOptions,
    count: () => number,
    launch: Launch,
    manifest: Pick<RequesterManifest, 'offers' | 'operations'>,
  ) {
    super(options, count);
    this.#launch = launch;
    this.#manifest = manifest;
  }

  offers(offer: RequesterOffer): boolean {
    return this.#manifest.offers.includes(offer);
  }

  /** The operation if the subject has it, otherwise the other one. */
  prefer(operation: RequesterOperation, otherwise: RequesterOperation): RequesterOperation {
    return this.#manifest.operations.includes(operation) ? operation : otherwise;
  }

  async call(init: CallInit): Promise<RunningCall> {
    const address = this.address('requester');
    const operation = init.operation ?? 'send';
    if (!this.#manifest.operations.includes(operation))
      throw new NotRun(`the subject does not offer the operation ${operation}`);
    const { url, ca, timeoutMs } = this.options;
    const tap = await Tap.open(url, 'subject', ca);
    tap.trace(this.trace);
    const { hostname: host, port } = new URL(tap.url);
    const subject = this.#launch({
      url: tap.url,
      host,
      port,
      ...address,
      target: init.target,
      operation,
      text: init.text ?? 'hello',
      argument: init.argument ?? '',
      firstReplyTimeoutMs: String(init.firstReplyTimeoutMs ?? DEFAULT_FIRST_REPLY_MS),
      streamIdleTimeoutMs: String(init.streamIdleTimeoutMs ?? DEFAULT_STREAM_IDLE_MS),
    });
    this.onEnd(async () => {
      subject.kill();
      await subject.exited;
      await tap.close();
    });
    return new RunningCall(tap, address, subject, timeoutMs * 2);
  }
}
