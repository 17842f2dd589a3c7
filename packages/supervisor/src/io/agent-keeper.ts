import type { Link, Logger } from '@shoal/mqtt-link';
import {
  agentTopics,
  describeViolations,
  discoveryFilter,
  parseA2aTopic,
  parseJson,
  parseShoalTopic,
  readPresence,
  validateAgentAttempt,
  validateDesiredState,
  type AgentAttempt,
  type DesiredState,
  type Placement,
  type Validation,
} from '@shoal/protocol';
import { isoTime, type AgentOrder } from '@shoal/workflow';
import {
  probeAnswered,
  probeLost,
  probeMissed,
  probeSent,
  remember,
  type StepMemory,
} from '../core/memory.ts';
import type { ReconcilePolicy } from '../core/policy.ts';
import { agentKey, reconcileAgent, type AgentView } from '../core/reconcile-agent.ts';
import type { Spawner } from '../types.ts';
import type { Claims } from './claims.ts';
import type { ProbeAnswer, Prober } from './prober.ts';
import { mergePlacement } from '../core/placement.ts';
import type { RoomQueue } from './room-queue.ts';
import type { SpawnGate } from './spawn-gate.ts';

export interface AgentKeeperOptions {
  readonly link: Link;
  readonly org: string;
  readonly unit: string;
  readonly supervisorId: string;
  readonly blueprints: readonly string[];
  readonly policy: ReconcilePolicy;
  readonly spawner: Spawner;
  readonly claims: Claims;
  readonly prober: Prober;
  readonly gate: SpawnGate;
  readonly room: RoomQueue;
  readonly placements: Readonly<Record<string, Placement>>;
  readonly isCurrent: () => boolean;
  readonly logger: Logger;
  readonly now: () => number;
  readonly random: () => number;
}

interface Entry {
  readonly agentId: string;
  readonly view: AgentView;
  memory: StepMemory | undefined;
  busy: boolean;
  timer: NodeJS.Timeout | undefined;
}

/** Claims of agents live long; they are written again at each start. */
const ATTEMPT_EXPIRY_SECONDS = 30 * 86_400;

/** Keeps the long-lived agents alive that `desired` records ask for. */
export class AgentKeeper {
  readonly #options: AgentKeeperOptions;
  readonly #entries = new Map<string, Entry>();
  #spawned = 0;
  #respawned = 0;
  #stopped = false;

  constructor(options: AgentKeeperOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { link, org, unit, blueprints } = this.#options;
    if (blueprints.length === 0) return;
    for (const word of ['desired', 'attempt'])
      await link.subscribe(`shoal/v1/${org}/${unit}/agent/+/${word}`, ({ topic, payload }) =>
        this.#takeRecord(topic, payload),
      );
    await link.subscribe(discoveryFilter({ org, unit }), ({ topic, payload, userProperties }) => {
      const at = parseA2aTopic(topic);
      if (at?.kind !== 'discovery') return;
      const { status } = readPresence(userProperties, payload.length);
      this.#presence(
        at.address.agentId,
        payload.length === 0 ? 'absent' : status === 'offline' ? 'offline' : 'online',
      );
    });
  }

  stats(): { readonly desired: number; readonly spawned: number; readonly respawned: number } {
    let desired = 0;
    for (const { view } of this.#entries.values()) if (view.desired?.state === 'running') desired += 1;
    return { desired, spawned: this.#spawned, respawned: this.#respawned };
  }

  /** Looks at every agent again. */
  lookAtAll(): void {
    for (const entry of this.#entries.values()) this.#look(entry);
  }

  stop(): void {
    this.#stopped = true;
    for (const entry of this.#entries.values()) clearTimeout(entry.timer);
    this.#entries.clear();
  }

  #takeRecord(topic: string, payload: Uint8Array): void {
    const at = parseShoalTopic(topic);
    if (at?.kind !== 'desired' && at?.kind !== 'agent-attempt') return;
    const entry = this.#entry(at.agentId);
    if (at.kind === 'desired') {
      const record = this.#read(topic, payload, validateDesiredState);
      if (record === 'bad') return;
      if (record === undefined) delete entry.view.desired;
      else entry.view.desired = record;
    } else this.#takeAttempt(entry, this.#read(topic, payload, validateAgentAttempt));
    this.#look(entry);
  }

  #takeAttempt({ view }: Entry, record: AgentAttempt | undefined | 'bad'): void {
    if (record === 'bad') return;
    if (record === undefined) {
      delete view.attempt;
      delete view.firstClaimId;
      return;
    }
    const known = view.attempt?.attempt ?? 0;
    if (record.attempt < known) return;
    if (record.attempt > known) view.firstClaimId = record.claimId;
    view.attempt = record;
    this.#options.claims.onClaim(record.claimId);
  }

  #read<T>(
    topic: string,
    payload: Uint8Array,
    validate: (value: unknown) => Validation<T>,
  ): T | undefined | 'bad' {
    if (payload.length === 0) return undefined;
    const json = parseJson(payload);
    const checked = json.ok ? validate(json.value) : json;
    if (checked.ok) return checked.value;
    this.#options.logger.warn('record ignored', { topic, reason: describeViolations(checked.violations) });
    return 'bad';
  }

  #presence(agentId: string, presence: AgentView['presence']): void {
    const entry = this.#entry(agentId);
    if (entry.view.presence === presence) return;
    entry.view.presence = presence;
    entry.view.presenceSeq += 1;
    this.#look(entry);
  }

  #entry(agentId: string): Entry {
    const known = this.#entries.get(agentId);
    if (known !== undefined) return known;
    const fresh: Entry = {
      agentId,
      view: { presence: 'absent', presenceSeq: 0 },
      memory: undefined,
      busy: false,
      timer: undefined,
    };
    this.#entries.set(agentId, fresh);
    return fresh;
  }

  #look(entry: Entry): void {
    const { blueprints, policy, isCurrent, now, random, logger } = this.#options;
    clearTimeout(entry.timer);
    const { desired } = entry.view;
    if (this.#stopped || !isCurrent() || desired === undefined || !blueprints.includes(desired.blueprint))
      return;
    entry.memory = remember(entry.memory, agentKey(entry.view), now());
    const decision = reconcileAgent(entry.view, entry.memory, policy, now());
    if (decision.do === 'nothing') return;
    if (decision.do === 'sleep') {
      const delayMs = Math.max(0, decision.untilMs - now()) + random() * policy.suspicionMs;
      entry.timer = setTimeout(() => this.#look(entry), Math.min(delayMs, 2_000_000_000));
      return;
    }
    if (entry.busy || (decision.do === 'claim' && !this.#hasRoom(entry, desired))) return;
    entry.busy = true;
    const act =
      decision.do === 'probe'
        ? this.#probe(entry)
        : this.#claim(entry, decision.attempt, decision.quickDeaths).finally(() =>
            this.#options.room.leave(`agent/${entry.agentId}`),
          );
    act
      .catch((error: unknown) =>
        logger.warn('an action failed; it is decided anew', { agentId: entry.agentId, error: String(error) }),
      )
      .finally(() => {
        entry.busy = false;
        this.#look(entry);
      });
  }

  /** False: it waits, and is looked at again when there is room. */
  #hasRoom(entry: Entry, desired: DesiredState): boolean {
    const { blueprint } = desired;
    const needs = { ...this.#placementOf(desired), blueprint };
    return this.#options.room.enter(`agent/${entry.agentId}`, needs, () => this.#look(entry));
  }

  #placementOf({ blueprint, placement }: DesiredState): Placement | undefined {
    return mergePlacement(this.#options.placements[blueprint], placement);
  }

  async #probe(entry: Entry): Promise<void> {
    const { prober, org, unit, now } = this.#options;
    if (entry.memory === undefined) return;
    const sent = probeSent(entry.memory, now());
    entry.memory = sent;
    const answer = await prober
      .probe({ org, unit, agentId: entry.agentId })
      .catch((): ProbeAnswer => ({ is: 'unsure' }));
    const seen = entry.memory;
    if (seen.key !== sent.key) return;
    entry.memory =
      answer.is === 'alive'
        ? probeAnswered(seen, now())
        : answer.is === 'unsure'
          ? probeLost(seen)
          : probeMissed(seen);
  }

  async #claim(entry: Entry, attempt: number, quickDeaths: number): Promise<void> {
    const { link, org, unit, supervisorId, claims, gate, now, logger } = this.#options;
    const { agentId, view } = entry;
    const waitMs = gate.take();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    if (this.#stopped) return;
    const claimId = await claims.claim(
      {
        current: () => view.attempt?.attempt ?? 0,
        first: () => view.firstClaimId,
        publish: async (claimId) => {
          const record: AgentAttempt = {
            schemaVersion: 1,
            agentId,
            attempt,
            claimId,
            supervisorId,
            quickDeaths,
            at: isoTime(now()),
          };
          await link.publish(agentTopics({ org, unit, agentId }).attempt, JSON.stringify(record), {
            qos: 1,
            retain: true,
            contentType: 'application/json',
            payloadIsUtf8: true,
            messageExpirySeconds: ATTEMPT_EXPIRY_SECONDS,
          });
        },
      },
      attempt,
    );
    const { desired } = view;
    if (claimId === undefined || desired?.state !== 'running') return;
    const { blueprint, config = {} } = desired;
    const placement = this.#placementOf(desired);
    const order: AgentOrder = {
      kind: 'agent',
      org,
      unit,
      agentId,
      attempt,
      claimId,
      blueprint,
      config,
      ...(placement === undefined ? {} : { placement }),
    };
    logger.info('spawn agent', { agentId, attempt, blueprint });
    this.#spawned += 1;
    if (attempt > 1) this.#respawned += 1;
    await this.#spawn(entry, order);
  }

  async #spawn(entry: Entry, order: AgentOrder): Promise<void> {
    const { spawner, logger } = this.#options;
    const died = (): void => {
      if (this.#stopped || entry.view.attempt?.claimId !== order.claimId || entry.memory === undefined)
        return;
      entry.memory = { ...entry.memory, dead: true };
      this.#look(entry);
    };
    const lost = (): void => {
      if (this.#stopped || entry.view.attempt?.claimId !== order.claimId || entry.memory === undefined)
        return;
      entry.memory = { ...entry.memory, lost: true };
      this.#look(entry);
    };
    try {
      await spawner.spawn(order, { onExit: (clean) => !clean && died(), onLost: lost });
    } catch (error) {
      logger.warn('the agent could not be started', { agentId: order.agentId, error: String(error) });
      died();
    }
  }
}
