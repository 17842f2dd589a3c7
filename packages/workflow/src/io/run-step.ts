import { silentLogger, type Link, type Logger } from '@shoal/mqtt-link';
import type { SessionRecord, StepUse } from '@shoal/protocol';
import { decideStep } from '../core/decide-step.ts';
import { missingRecords } from '../core/records-of.ts';
import { findStep, type ActiveStep } from '../core/active-step.ts';
import { hasValidHash } from '../core/seal-plan.ts';
import type { ArtifactOptions } from '../types/artifact-store.ts';
import type { Blueprint } from '../types/blueprint.ts';
import type { Credentials, StepEnd, StepOrder } from '../types/order.ts';
import type { SessionSource } from '../types/session-source.ts';
import type { SharedWriter } from '../types/shared-writer.ts';
import type { StandIn } from './attempt.ts';
import type { BegunWork } from './begun-work.ts';
import { DELEGATE, delegate } from './delegate.ts';
import type { ConnectOptions } from './look.ts';
import { QuickStep } from './quick-step.ts';
import { SharedWatch } from './session-watch.ts';
import { lookOnce, StepConnections } from './step-connections.ts';
import { StepInstance } from './step-instance.ts';

export interface RunStepOptions extends Credentials {
  readonly blueprints: readonly Blueprint[];
  readonly url: string;
  readonly logger?: Logger;
  /** Aborts when the host must stop: the instance leaves at once, its Will is sent, and another attempt follows. */
  readonly signal?: AbortSignal;
  /** An open unfenced link to look through; unset, or while it is not online, one is opened for each look. It stays open. */
  readonly lookLink?: Link;
  /** Views of sessions that this process keeps anyway. Unset, or when they end, the instance reads and subscribes by itself. */
  readonly sessions?: SessionSource | undefined;
  /** Of this process: what is quick writes over it. Needs `sessions`. Unset: a connection of its own from the start. */
  readonly writer?: SharedWriter | undefined;
  /** Opens byte streams instead of dialling, to a broker in this process. */
  readonly openStream?: NonNullable<ConnectOptions['openStream']>;
  readonly tls?: NonNullable<ConnectOptions['tls']>;
  /**
   * End the step in its instance's place (DESIGN rule 15): nothing is run, and where the records leave the end open, this is
   * written.
   */
  readonly standIn?: StandIn;
  /** Where large outputs are stored and read. Unset: an output of more than 262 144 bytes fails its step. */
  readonly artifacts?: ArtifactOptions | undefined;
  /** How long aborted work may take to stop. Default 5 000. */
  readonly abortGraceMs?: number;
  /** Default 15. Bounds how long a broken connection goes unnoticed. */
  readonly keepAliveSeconds?: number;
  /** Milliseconds since the epoch. Default Date.now. */
  readonly now?: () => number;
}

/**
 * Executes one attempt of one step to its end, and for the closer of the session the whole end of the session. Resolves in every
 * case but a connection that cannot be opened at all (LinkError); one that was lost for good ends it (`abandoned`) when nobody may act
 * for the session any more. Order and records decide everything: call it twice with one order
 * and the broker lets only one of them act.
 */
export async function runStep(order: StepOrder, options: RunStepOptions): Promise<StepEnd> {
  const shared = SharedWatch.of(options.sessions, order);
  try {
    return await runAttempt(order, options, shared);
  } finally {
    shared?.close();
  }
}

async function runAttempt(
  order: StepOrder,
  options: RunStepOptions,
  shared: SharedWatch | undefined,
): Promise<StepEnd> {
  const now = options.now ?? Date.now;
  const logger = options.logger ?? silentLogger;
  const first = shared?.view ?? (await lookOnce(order, options, shared));
  const { session } = first;
  if (session === undefined || !hasValidHash(session))
    return { end: 'superseded', reason: 'there is no such session, or its plan was changed' };
  const decision = decideStep(first, order, now());
  if (decision.do === 'stand-down') return { end: 'superseded', reason: decision.reason };

  let opened: StepConnections | undefined;
  // Most steps need none.
  const connections = (): StepConnections =>
    (opened ??= new StepConnections({ order, session, first, shared, run: options }));
  const active = findStep(first, order.stepId);
  const blueprint = blueprintFor(active?.planned.use, options.blueprints);
  const instanceOver = (link: Link, begun?: BegunWork): StepInstance =>
    new StepInstance({
      link,
      order,
      session,
      first: begun === undefined || shared === undefined ? first : shared.view,
      blueprint,
      begun,
      logger,
      now,
      abortGraceMs: options.abortGraceMs ?? 5_000,
      ...(options.standIn === undefined ? {} : { standIn: options.standIn }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      shared,
      artifacts: options.artifacts,
      carry: missingRecords,
      fencedReason: () => connections().fencedReason,
    });
  const writer = usableWriter(order, options, shared);
  if (writer !== undefined && shared !== undefined && active !== undefined && blueprint !== undefined) {
    if (decision.do === 'run' && mayBeQuick(order, session, active, blueprint))
      return new QuickStep({
        order,
        session,
        active,
        blueprint,
        writer: writer.link,
        shared,
        artifacts: options.artifacts,
        signal: options.signal,
        logger,
        now,
        toInstance: (begun) => instanceOver(connections().shared(writer.link), begun),
      }).run();
  }
  const link =
    writer === undefined ? await connections().own(options.signal) : connections().shared(writer.link);
  return link === undefined
    ? { end: 'superseded', reason: connections().fencedReason }
    : instanceOver(link).run();
}

/** It has nothing to say but its result. The closer has the end of the session, and an effect a fence of its own. */
function mayBeQuick(
  order: StepOrder,
  session: SessionRecord,
  active: ActiveStep,
  blueprint: Blueprint,
): boolean {
  return session.closer !== order.stepId && (active.planned.idempotent ?? blueprint.idempotent ?? true);
}

/** Only a first attempt has nobody before it whose last words it could miss. */
function usableWriter(
  order: StepOrder,
  { writer, standIn }: RunStepOptions,
  shared: SharedWatch | undefined,
): SharedWriter | undefined {
  if (writer?.link.state !== 'online' || shared === undefined || shared.ended) return undefined;
  return order.attempt === 1 && standIn === undefined ? writer : undefined;
}

function blueprintFor(use: StepUse | undefined, blueprints: readonly Blueprint[]): Blueprint | undefined {
  if (use === undefined || use.approval !== undefined) return undefined;
  if (use.blueprint === undefined) return delegate(use);
  return blueprints.find((blueprint) => blueprint.id === use.blueprint);
}

/** The blueprint that a spawn order names for a step: its own, or the built-in one that asks somebody else. */
export function blueprintIdOf(use: { readonly blueprint?: string }): string {
  return use.blueprint ?? DELEGATE;
}
