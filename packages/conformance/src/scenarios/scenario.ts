import type {
  RequesterOffer,
  RequesterOperation,
  ResponderOffer,
  ResponderVariant,
} from '../core/manifest.ts';
import type { BrokerStage } from '../io/broker-stage.ts';
import type { RequesterStage } from '../io/requester-stage.ts';
import type { ResponderStage } from '../io/responder-stage.ts';
import type { SubscriberStage } from '../io/subscriber-stage.ts';

interface ScenarioBase {
  /** Unique. Those of the test vectors begin with their number: `V30.v1-uuid`. */
  readonly id: string;
  readonly title: string;
  /** Ids of the requirements that it tests. */
  readonly requirements: readonly string[];
  /** For scenarios that wait by nature: time that they may take on top of the usual. */
  readonly extraMs?: number;
}

export interface ResponderScenario extends ScenarioBase {
  readonly role: 'responder';
  readonly offers?: readonly ResponderOffer[];
  /** Which variant of the test agent it needs. Default `plain`. */
  readonly variant?: ResponderVariant;
  /** It ends the agent or changes it for good, so it gets one of its own. */
  readonly fresh?: boolean;
  /** Looks at all that was seen in the other scenarios, after them. */
  readonly last?: boolean;
  run(stage: ResponderStage): Promise<void>;
}

export interface RequesterScenario extends ScenarioBase {
  readonly role: 'requester';
  readonly operation?: RequesterOperation;
  readonly offers?: readonly RequesterOffer[];
  run(stage: RequesterStage): Promise<void>;
}

export interface BrokerScenario extends ScenarioBase {
  readonly role: 'broker';
  run(stage: BrokerStage): Promise<void>;
}

export interface SubscriberScenario extends ScenarioBase {
  readonly role: 'subscriber';
  run(stage: SubscriberStage): Promise<void>;
}

export type Scenario = ResponderScenario | RequesterScenario | BrokerScenario | SubscriberScenario;
