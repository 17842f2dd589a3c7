import type { Link, LinkOptions, Logger } from '@shoal/mqtt-link';
import type { Placement } from '@shoal/protocol';
import type {
  ArtifactStore,
  Credentials,
  SessionSource,
  SharedWriter,
  SpawnOrder,
  Workflow,
} from '@shoal/workflow';
import type { Needs } from './core/placement.ts';
import type { ReconcilePolicy } from './core/policy.ts';

export interface SpawnHooks {
  /** What was started has ended. `clean` false: it was killed or gave up, and nobody need wait for its Will. */
  onExit?(clean: boolean): void;
  /** The supervisor's views of sessions, for instances in its own process. They end with its link. */
  readonly sessions?: SessionSource;
  /** What an instance in this process may write over while it is quick. It ends with the supervisor, or before. */
  readonly writer?: SharedWriter;
  /** Nobody knows whether it lives: its host is gone, or could not be heard for a while. It is probed, and respawned if it is silent. */
  onLost?(): void;
}

/** Makes the credential of one spawned agent: its own, short-lived, and narrower than that of whoever spawns it. */
export interface CredentialIssuer {
  /** Called for each start, by whoever starts. Rejects when it cannot: the start has then failed. */
  issue(order: SpawnOrder): Promise<IssuedCredentials>;
}

export interface IssuedCredentials extends Credentials {
  /** Milliseconds since the epoch. A process that it was given to leaves a little before. Unset: it does not end. */
  readonly expiresAtMs?: number;
}

/** Puts instances somewhere. It knows nothing of sessions, and forgetting everything it started must do no harm. */
export interface Spawner {
  /** Resolves when the instance was started; what becomes of it shows on the broker. Rejects when it could not be started. */
  spawn(order: SpawnOrder, hooks?: SpawnHooks): Promise<void>;
  /** Instances that this spawner started and that have not ended. */
  readonly running: number;
  /**
   * A start costs next to nothing, so that no instance need wait for others: a step is started when its needs have ended. Default
   * false: all steps are started at once, and hand over without their supervisor.
   */
  readonly startsAtOnce?: boolean;
  /** Its instances write over `writer` of the hooks while they are quick. Default false: each has a connection of its own at once. */
  readonly sharesWriter?: boolean;
  /** How many it takes at once. The supervisor claims nothing that finds no room. */
  readonly capacity: number;
  /**
   * Free room for something that needs this, in places (`weight` many for one); `nowhere`: it could never take it. Unset: one place
   * without labels, where everything weighs 1.
   */
  room?(needs: Needs): number | 'nowhere';
  /** Lets go of everything. In-process instances end with it; child processes go on. Stopping twice is fine. */
  stop(): Promise<void>;
}

export interface SupervisorOptions extends Credentials {
  readonly url: string;
  readonly org: string;
  readonly unit: string;
  /** Default: `supervisor-` and a random number. Two supervisors must not share one. */
  readonly supervisorId?: string;
  /** What it answers for and spawns; sessions and requests of other workflows are none of its business. */
  readonly workflows: readonly Workflow[];
  readonly spawner: Spawner;
  /** Blueprints of long-lived agents that the spawner can start. Default none: `desired` records are left alone. */
  readonly agentBlueprints?: readonly string[];
  /** What blueprints need of where they run, by id. A step's own `placement` adds labels, and its weight wins. */
  readonly placements?: Readonly<Record<string, Placement>>;
  /** Starts that may wait for room; what is more waits for the next look at its session. Default 10 000. */
  readonly maxWaitingStarts?: number;
  readonly policy?: Partial<ReconcilePolicy>;
  /** Between two looks at everything, ±20 %. Default 15 000. */
  readonly reconcileIntervalMs?: number;
  /** Starts of instances, with a burst of as many. Default 200 a second. */
  readonly spawnsPerSecond?: number;
  /**
   * On a broker that is known to lose retained messages when it restarts (DESIGN rule 17): `refuse` requests to workflows with steps
   * that are declared not idempotent, and fail such steps; or `flag` their results with BROKER_NOT_DURABLE. Default `flag`.
   */
  readonly nonIdempotent?: 'refuse' | 'flag';
  /** Requests whose message is larger are refused. Default 262 144. */
  readonly maxRequestBytes?: number;
  /** Sessions that may be open at once; one more is refused with `responder_unavailable`. Default 10 000. */
  readonly maxOpenSessions?: number;
  /** Where steps leave large outputs: those of a session are removed with its records. */
  readonly artifacts?: ArtifactStore;
  /** How long a probe waits for its answer. Default 2 000. */
  readonly probeTimeoutMs?: number;
  readonly keepAliveSeconds?: number;
  readonly openStream?: NonNullable<LinkOptions['openStream']>;
  readonly tls?: NonNullable<LinkOptions['tls']>;
  readonly logger?: Logger;
  /** Milliseconds since the epoch. Default Date.now. */
  readonly now?: () => number;
  /** 0 to 1. Default Math.random. */
  readonly random?: () => number;
}

export interface SupervisorStats {
  readonly openSessions: number;
  readonly knownSessions: number;
  /** Instances of steps. */
  readonly spawned: number;
  /** Of these, how many were further attempts. */
  readonly respawned: number;
  /** Long-lived agents: how many are desired, and how often this supervisor started one, and again. */
  readonly agents: { readonly desired: number; readonly spawned: number; readonly respawned: number };
  /** Starts that wait until a spawner or host has room. */
  readonly waitingForRoom: number;
  /** Of these, how many need labels, or a weight, that nothing has at present. */
  readonly withoutPlace: number;
  readonly cardsHeld: readonly string[];
  /** The broker was seen to lose retained records: steps that are not idempotent are not safe on it (DESIGN rule 17). */
  readonly brokerLosesRecords: boolean;
  /** Whether retained messages survive a restart of this broker; `unproven` until it said so or was seen to restart. */
  readonly durability: 'durable' | 'lossy' | 'unproven';
  /** False: the broker does not deliver on `$share/…/$a2a/…`, and every supervisor gets every request (DESIGN rule 20). */
  readonly sharesRequests: boolean;
}

export interface Supervisor {
  readonly supervisorId: string;
  /** Undefined before `start`. */
  readonly link: Link | undefined;
  /**
   * Resolves when requests are taken. Rejects with LinkError when the broker cannot be reached, or is lost meanwhile; it is stopped
   * then, and another one has to be created.
   */
  start(): Promise<void>;
  /**
   * Settles when it has stopped: `stopped` was asked to, `evicted` lost its connection for good, because another client connected
   * with its id. A process whose supervisor was evicted should end and be started again; its sessions go on without it.
   */
  readonly ended: Promise<'stopped' | 'evicted'>;
  /** Marks the cards it holds offline and disconnects. Instances in child processes go on. */
  stop(): Promise<void>;
  stats(): SupervisorStats;
}
