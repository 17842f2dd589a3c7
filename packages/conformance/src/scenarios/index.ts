import { brokerScenarios } from './broker.ts';
import { requesterRequests } from './requester-requests.ts';
import { requesterRetries } from './requester-retries.ts';
import { responderDiscovery } from './responder-discovery.ts';
import { responderObserved } from './responder-observed.ts';
import { responderOptional } from './responder-optional.ts';
import { responderRequests } from './responder-requests.ts';
import { responderTasks } from './responder-tasks.ts';
import type { Scenario } from './scenario.ts';
import { subscriberScenarios } from './subscriber.ts';

/** Every scenario, in the order of reports. */
export const SCENARIOS: readonly Scenario[] = [
  ...responderDiscovery,
  ...responderRequests,
  ...responderTasks,
  ...responderOptional,
  ...responderObserved,
  ...requesterRequests,
  ...requesterRetries,
  ...subscriberScenarios,
  ...brokerScenarios,
];
