import type { Requester } from '@shoal/agent-sdk';
import type { Link, Logger } from '@shoal/mqtt-link';
import type { Artifact, Message, StepResult } from '@shoal/protocol';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** What a step's code is given. Everything in it belongs to this one attempt. */
export interface StepContext {
  readonly org: string;
  readonly unit: string;
  readonly sessionId: string;
  readonly workflowId: string;
  readonly stepId: string;
  readonly attempt: number;
  /** The step's `with`, its expressions resolved. */
  readonly input: Readonly<Record<string, Json>>;
  readonly variables: Readonly<Record<string, Json>>;
  /** Outputs of the needed steps that completed, by step id, in the order of `needs`. */
  readonly results: Readonly<Record<string, Json>>;
  /** Whole results of the needed steps, failed ones included (edges with `onFailure: continue`). */
  readonly needs: Readonly<Record<string, StepResult>>;
  /** In a fan-out: what this time is about, and its place, counted from 0. */
  readonly item?: Json;
  readonly index?: number;
  readonly request: Message;
  /** Aborts on cancel, on a deadline, and when another attempt took over; the reason says which. Stop at once. */
  readonly signal: AbortSignal;
  /** Asks other agents on the connection that is this step's identity: what a superseded attempt sends never leaves. */
  readonly requester: Requester;
  /** The same connection. It is fenced: no offline queue, nothing is resent. */
  readonly link: Link;
  /** Tells the callers, straight and at once (QoS 1, not kept). Never throws; dropped while the connection is down. */
  readonly progress: (text: string, data?: Json) => void;
  readonly logger: Logger;
}

export interface StepOutput {
  /** What later steps see as `steps.<id>.output`. */
  readonly output: Json;
  /** Passed on to the callers with the outcome. */
  readonly artifacts?: readonly Artifact[];
  /** One line for people. */
  readonly summary?: string;
}

/** A recipe for a step. */
export interface Blueprint {
  readonly id: string;
  readonly description: string;
  /** False: see the step field of that name, which wins over this. Default true. */
  readonly idempotent?: boolean;
  /** Throws StepError to fail with a code; any other error fails the step with code STEP_THREW. */
  run(context: StepContext): Promise<StepOutput>;
}

/** What a long-lived agent's code is given. */
export interface AgentContext {
  readonly org: string;
  readonly unit: string;
  readonly agentId: string;
  /** `config` of the `desired` record. */
  readonly config: Readonly<Record<string, Json>>;
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
  readonly logger: Logger;
}

export interface RunningAgent {
  /** Stops cleanly: card offline, connection closed. */
  stop(): Promise<void>;
  /** Settles when the agent ended by itself (fenced by a successor, for one). */
  readonly ended?: Promise<void>;
}

/** A recipe for a long-lived agent. It connects as `org/unit/agentId` and publishes its card, or it counts as not started. */
export interface AgentBlueprint {
  readonly id: string;
  readonly description: string;
  start(context: AgentContext): Promise<RunningAgent>;
}

/** Returns what it is given; it is here for the types. */
export function defineBlueprint(blueprint: Blueprint): Blueprint {
  return blueprint;
}

/** Returns what it is given; it is here for the types. */
export function defineAgentBlueprint(blueprint: AgentBlueprint): AgentBlueprint {
  return blueprint;
}
