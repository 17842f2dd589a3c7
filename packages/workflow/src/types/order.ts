import type { Placement } from '@shoal/protocol';

/** What a supervisor tells a spawner to run. It holds no secret: credentials travel beside it. */
export type SpawnOrder = StepOrder | AgentOrder;

export interface StepOrder {
  readonly kind: 'step';
  readonly org: string;
  readonly unit: string;
  readonly sessionId: string;
  readonly stepId: string;
  readonly attempt: number;
  /** Of the attempt record that this order carries out. */
  readonly claimId: string;
  readonly workflowId: string;
  readonly blueprint: string;
  /** Where it may run, and how much room it takes there. Unset: anywhere, one place. */
  readonly placement?: Placement;
}

export interface AgentOrder {
  readonly kind: 'agent';
  readonly org: string;
  readonly unit: string;
  readonly agentId: string;
  readonly attempt: number;
  readonly claimId: string;
  readonly blueprint: string;
  readonly placement?: Placement;
  readonly config: Readonly<Record<string, unknown>>;
}

export interface Credentials {
  readonly username?: string;
  readonly password?: string;
}

/** How `runStep` ended. All but `abandoned` are clean; none of them needs a supervisor's probe. */
export type StepEnd =
  | { readonly end: 'done'; readonly state: string }
  | { readonly end: 'retrying' }
  /** Left until others have acted; a supervisor spawns the next attempt then. */
  | { readonly end: 'parked' }
  | { readonly end: 'superseded'; readonly reason: string }
  /** Stopped by its host, without a result: the Will is sent and a supervisor respawns. */
  | { readonly end: 'abandoned'; readonly reason: string };
