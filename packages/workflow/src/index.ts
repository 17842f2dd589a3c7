export {
  isStepError,
  isWorkflowError,
  StepError,
  WorkflowError,
  type Finding,
  type WorkflowErrorCode,
} from './errors.ts';
export {
  defineAgentBlueprint,
  defineBlueprint,
  type AgentBlueprint,
  type AgentContext,
  type Blueprint,
  type Json,
  type RunningAgent,
  type StepContext,
  type StepOutput,
} from './types/blueprint.ts';
export type { AgentOrder, Credentials, SpawnOrder, StepEnd, StepOrder } from './types/order.ts';
export { canonicalJson } from './core/canonical-json.ts';
export { checkWorkflow, type Known, type Problem } from './core/check-workflow.ts';
export {
  decideFailure,
  backoffMs,
  maxAttempts,
  type Failure,
  type FailureDecision,
} from './core/decide-failure.ts';
export { decideStep, type Claim, type StepDecision } from './core/decide-step.ts';
export { nextRunMs } from './core/cron.ts';
export {
  evaluate,
  evaluateCondition,
  interpolate,
  type Scope,
  type TriggerScope,
} from './core/expressions.ts';
export {
  ancestorsOf,
  closerOf,
  findCycle,
  terminalSteps,
  topologicalOrder,
  type GraphStep,
} from './core/graph.ts';
export { buildOutcome, taskOf, unfinishedSteps } from './core/outcome.ts';
export { parseWorkflow, tryParse, type ParseOptions, type Workflow } from './core/parse-workflow.ts';
export { planWorkflow, type PlanInput } from './core/plan.ts';
export { hasValidHash } from './core/seal-plan.ts';
export {
  childSessionIds,
  claimedItems,
  compensationStepId,
  deadlineOf,
  findStep,
  itemOf,
  itemStepId,
  lastActMs,
  type ActiveStep,
} from './core/active-step.ts';
export type { Extension } from './core/extension.ts';
export {
  approvalEnd,
  approvalExpiresAt,
  decisionOf,
  pendingApprovals,
  type ApprovalEnd,
} from './core/approval.ts';
export { compensationsOf, nextCompensation } from './core/compensation.ts';
export { fanOutOf, waveEnds, type FanOut } from './core/fan-out.ts';
export { labelsOf, selectMembers, type FleetMember } from './core/select.ts';
export type { StandIn } from './io/attempt.ts';
export { readinessOf, isTolerated, type Readiness } from './core/readiness.ts';
export { isoTime, recordExpirySeconds, timeMs } from './core/time.ts';
export {
  applyRecord,
  currentAttempt,
  currentStatus,
  emptyView,
  foldSession,
  isClosed,
  isPaused,
  putRecord,
  type Applied,
  type SessionView,
  type StepView,
} from './core/view.ts';
export {
  callerHash,
  correlationOf,
  encodeCorrelation,
  finalItems,
  isSafeResponseTopic,
} from './core/callers.ts';
export { derivedDraw, derivedTaskId } from './core/derived-id.ts';
export { missingRecords, recordsOf } from './core/records-of.ts';
export { ATTEMPT_PROPERTY } from './io/answer-probes.ts';
export { replyOutcome, streamToCallers } from './io/caller-replies.ts';
export { look, openLookLink } from './io/look.ts';
export { blueprintIdOf, runStep, type RunStepOptions } from './io/run-step.ts';
export { planGraph, type GraphFormat } from './core/plan-graph.ts';
export { workflowCommand, type CommandOutput } from './io/workflow-command.ts';
export { planRerun, type RerunInput } from './core/rerun.ts';
export {
  assertApprover,
  pendingApproval,
  sessionControl,
  type RerunOptions,
  type SessionControl,
  type SessionControlOptions,
  type Verdict,
} from './io/session-control.ts';
export { writeRecord } from './io/write-record.ts';
export { Marker } from './io/marker.ts';
export { ORDER_VARIABLES, orderEnvironment, readOrder, WARM_VARIABLE } from './io/order-environment.ts';
export { runOrder, type RunOrderOptions } from './io/run-order.ts';
export { runSpawned, type SpawnedOptions } from './io/run-spawned.ts';
export type { ArtifactOptions, ArtifactOwner, ArtifactStore, StoredContent } from './types/artifact-store.ts';
export { INLINE_LIMIT_BYTES } from './io/large-results.ts';
export type { ExpectedRecord, SessionSource, SourceHooks, SourceWatch } from './types/session-source.ts';
export type { SharedWriter } from './types/shared-writer.ts';
