import type { InboundMessage, Logger } from '@shoal/mqtt-link';
import type { AgentAddress, PoolAddress } from '@shoal/protocol';
import { USER_PROPERTIES, isIdentifier, normalizeTaskId, userProperty } from '@shoal/protocol';
import type { AgentDirectory } from '../core/choose-agent.ts';
import { chooseAgents } from '../core/choose-agent.ts';
import type { MaybePromise } from '../core/keyed-lock.ts';
import { isPromise, whenReady } from '../core/keyed-lock.ts';
import type { FailureReason } from '../core/retry.ts';
import type { Target } from '../core/target.ts';
import { isAgent, isPool, topicOf } from '../core/target.ts';
import type { A2aError } from '../errors.ts';
import { localError } from '../errors.ts';
import type { TaskRoutes } from './task-routes.ts';

export interface WayOptions {
  readonly routes: TaskRoutes;
  readonly directory: AgentDirectory | undefined;
  readonly random: () => number;
  readonly logger: Logger;
}

/** Where the requests of one call go, and what its replies tell about where its task is. */
export class Way {
  readonly #options: WayOptions;
  readonly #target: Target;
  readonly #key: string | undefined;
  #candidates: AgentAddress[] | undefined;
  /** The agent that the last request went to; undefined when it went to a pool. */
  #asked: AgentAddress | undefined;
  #known: AgentAddress | undefined;

  constructor(options: WayOptions, target: Target, taskId: string | undefined) {
    this.#options = options;
    this.#target = target;
    this.#key = taskId === undefined ? undefined : normalizeTaskId(taskId);
  }

  /** Topic of the next attempt. `reason`: why the one before it was given up. Throws A2aError `no-agent`. */
  next(reason: FailureReason | undefined): MaybePromise<string> {
    if (this.#key === undefined) return this.#topic(undefined, reason);
    return whenReady(this.#known ?? this.#options.routes.get(this.#key), (route) =>
      this.#topic(route, reason),
    );
  }

  /** What is wrong with a reply of a pool: without its responder there is nowhere to send what follows. */
  faultOf(message: InboundMessage): A2aError | undefined {
    if (this.#asked !== undefined || !isPool(this.#target) || responderOf(message) !== undefined)
      return undefined;
    return localError(
      'invalid-response',
      'a reply of the pool does not name its responder (a2a-responder-agent-id)',
    );
  }

  /** Of a reply that is no refusal: whoever sent it has the task, or says who has. */
  heard(message: InboundMessage): void {
    const agentId = responderOf(message);
    const { org, unit } = this.#asked ?? this.#target;
    if (agentId !== undefined && org !== undefined && unit !== undefined)
      return this.#learn({ org, unit, agentId });
    return isAgent(this.#target) || this.#asked === undefined ? undefined : this.#learn(this.#asked);
  }

  #topic(route: AgentAddress | undefined, reason: FailureReason | undefined): string {
    const asked = route ?? this.#choose(reason);
    this.#asked = isPool(asked) ? undefined : asked;
    return topicOf(asked);
  }

  #choose(reason: FailureReason | undefined): AgentAddress | PoolAddress {
    if (isPool(this.#target) || isAgent(this.#target)) return this.#target;
    const { directory, random } = this.#options;
    if (directory === undefined)
      throw localError('no-agent', 'to select an agent, give the requester a directory');
    this.#candidates ??= [...chooseAgents(directory, this.#target, random)];
    // Nobody was there to take it, so another may. One that was only silent may be at work: it is asked again.
    if (reason?.kind === 'no-responder' && this.#candidates.length > 1) this.#candidates.shift();
    const [best] = this.#candidates;
    if (best === undefined) throw localError('no-agent', 'no agent of the directory fits the selection');
    return best;
  }

  #learn(responder: AgentAddress): void {
    const known = this.#known ?? (isAgent(this.#target) ? this.#target : undefined);
    if (this.#key === undefined || (known !== undefined && sameAgent(known, responder))) return;
    this.#known = responder;
    try {
      const saved = this.#options.routes.set(this.#key, responder);
      if (isPromise(saved)) saved.catch((error: unknown) => this.#lost(error));
    } catch (error) {
      this.#lost(error);
    }
  }

  #lost(error: unknown): void {
    this.#options.logger.warn('the responder of a task could not be stored', {
      taskId: this.#key,
      error: String(error),
    });
  }
}

function responderOf(message: InboundMessage): string | undefined {
  const agentId = userProperty(message.userProperties, USER_PROPERTIES.responderAgentId);
  return isIdentifier(agentId) ? agentId : undefined;
}

function sameAgent(a: AgentAddress, b: AgentAddress): boolean {
  return a.agentId === b.agentId && a.unit === b.unit && a.org === b.org;
}
