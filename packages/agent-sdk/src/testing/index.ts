import type { ContractCase } from './contract-case.ts';
import { durabilityCases } from './cases-durability.ts';
import { discoveryCases } from './cases-discovery.ts';
import { operationCases } from './cases-operations.ts';
import { handOverCases, poolCases } from './cases-pools.ts';
import { requestCases } from './cases-requests.ts';
import { replyCases } from './cases-replies.ts';
import { retryCases } from './cases-retries.ts';
import { routingCases } from './cases-routing.ts';
import { streamCases } from './cases-streams.ts';
import { malformedCases } from './cases-malformed.ts';
import { taskStreamCases } from './cases-task-streams.ts';
import { taskCases } from './cases-tasks.ts';

export { ContractSetting } from './contract-case.ts';
export type { ContractCase, TestAgent } from './contract-case.ts';
export { FakeClock } from './fake-clock.ts';
export { FakeResponder } from './fake-responder.ts';
export type { SeenRequest } from './fake-responder.ts';
export { startSource } from './source-process.ts';
export type { SourceProcess } from './source-process.ts';
export { Exchange, WireClient } from './wire-client.ts';
export type { WireReply, WireRequest } from './wire-client.ts';

export { taskStoreContract } from './task-store-contract.ts';
export type { OpenTaskStore, OpenedStore, TaskStoreCase } from './task-store-contract.ts';

/** Every case of the responder and the requester, by test vector. Give each a `ContractSetting` of its own, and `end` it. */
export const agentContract: readonly ContractCase[] = [
  ...discoveryCases,
  ...requestCases,
  ...malformedCases,
  ...taskCases,
  ...taskStreamCases,
  ...operationCases,
  ...replyCases,
  ...retryCases,
  ...streamCases,
  ...routingCases,
  ...poolCases,
  ...handOverCases,
  ...durabilityCases,
];
