import { isLinkError, silentLogger, type Link, type LinkOptions } from '@shoal/mqtt-link';
import { clientIdOf, sessionTopics, type SessionRecord } from '@shoal/protocol';
import { lastActMs } from '../core/active-step.ts';
import { decideStep } from '../core/decide-step.ts';
import { recordExpirySeconds } from '../core/time.ts';
import type { SessionView } from '../core/view.ts';
import type { StepOrder } from '../types/order.ts';
import { connectOptions, look, openLookLink, openPatiently } from './look.ts';
import type { RunStepOptions } from './run-step.ts';
import type { SharedWatch } from './session-watch.ts';
import { StepLink } from './step-link.ts';

export interface StepConnectionsOptions {
  readonly order: StepOrder;
  readonly session: SessionRecord;
  /** What was seen before the first connection. */
  readonly first: SessionView;
  readonly shared: SharedWatch | undefined;
  readonly run: RunStepOptions;
}

/** How an attempt comes to the broker: over a connection of its own, whose client id fences, or that of its process until it needs one. */
export class StepConnections {
  readonly #options: StepConnectionsOptions;
  /** Fresh enough for the first connection. */
  #firstLook: SessionView | undefined;
  #fencedReason = 'another connection took over';

  constructor(options: StepConnectionsOptions) {
    this.#options = options;
    this.#firstLook = options.first;
  }

  /** Why there is no connection, or none any more. */
  get fencedReason(): string {
    return this.#fencedReason;
  }

  /** Undefined: another attempt has the right to act. Rejects with LinkError when no connection can be opened at all. */
  own(signal: AbortSignal | undefined): Promise<Link | undefined> {
    return this.#open(signal).catch((error: unknown) => {
      if (isLinkError(error, 'fenced')) return undefined;
      throw error;
    });
  }

  shared(link: Link): Link {
    this.#firstLook = undefined;
    const openOwn = (signal: AbortSignal | undefined): Promise<Link> => this.#open(signal);
    return new StepLink({ shared: link, clientId: stepClientId(this.#options.order), openOwn });
  }

  #open(signal: AbortSignal | undefined): Promise<Link> {
    const { order, session, run } = this.#options;
    const { logger = silentLogger } = run;
    const mayConnect = (): Promise<boolean> => this.#mayConnect();
    return openPatiently({ ...linkOptions(order, session, run), mayConnect, logger }, signal);
  }

  async #mayConnect(): Promise<boolean> {
    const { order, session, shared, run } = this.#options;
    const { now = Date.now } = run;
    const view = this.#firstLook ?? (await lookOnce(order, run, shared));
    this.#firstLook = undefined;
    // A broker that came back empty: this attempt carries what it has seen (rule 17).
    if (view.session === undefined && view.purge === undefined && now() < lastActMs(session, view.extend))
      return true;
    const next = decideStep(view, order, now());
    if (next.do !== 'stand-down') return true;
    this.#fencedReason = next.reason;
    return false;
  }
}

/** Rule 5: attempt, result and outcome as the broker has them now, over a connection that is not fenced. */
export async function lookOnce(
  order: StepOrder,
  options: RunStepOptions,
  shared: SharedWatch | undefined,
): Promise<SessionView> {
  const address = { org: order.org, unit: order.unit, sessionId: order.sessionId };
  const known = shared?.ended === false ? await shared.sync().catch(() => undefined) : undefined;
  if (known !== undefined) return known;
  if (options.lookLink?.state === 'online') return look(options.lookLink, address);
  const agentId = `${order.sessionId}.${order.stepId}`;
  const link = await openLookLink({ ...address, agentId }, options, options.signal);
  try {
    return await look(link, address);
  } finally {
    await link.close();
  }
}

function stepClientId({ org, unit, sessionId, stepId }: StepOrder): string {
  return clientIdOf({ org, unit, agentId: `${sessionId}.${stepId}` });
}

function linkOptions(order: StepOrder, session: SessionRecord, options: RunStepOptions): LinkOptions {
  const { status } = sessionTopics(order).step(order.stepId);
  const lost = {
    schemaVersion: 1,
    sessionId: order.sessionId,
    stepId: order.stepId,
    attempt: order.attempt,
    claimId: order.claimId,
    state: 'lost',
  };
  return {
    ...connectOptions(options),
    clientId: stepClientId(order),
    fenced: true,
    keepAliveSeconds: options.keepAliveSeconds ?? 15,
    will: {
      topic: status,
      payload: JSON.stringify(lost),
      qos: 1,
      retain: true,
      contentType: 'application/json',
      payloadIsUtf8: true,
      messageExpirySeconds: recordExpirySeconds(session, (options.now ?? Date.now)()),
    },
  };
}
