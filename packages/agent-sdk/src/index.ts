export { createAgent } from './io/agent.ts';
export type { Agent, AgentOptions, StopOptions } from './io/agent-types.ts';
export type { PoolMode } from './io/pools.ts';
export { CardPresence, cardWill, type CardPresenceOptions } from './io/card-presence.ts';
export { ADDRESS_EXTENSION, CONTEXT_EXTENSION, buildCard } from './core/card.ts';
export type { CardInput, SkillInput } from './core/card.ts';
export { SKILL_SCHEMAS_EXTENSION } from './core/skill-handler.ts';
export type { SkillHandler } from './core/skill-handler.ts';
export type { Identity, TokenIdentity } from './core/identity.ts';
export type {
  OpenedRequest,
  PayloadProtection,
  ReplySeal,
  SealedPayload,
  TokenValidator,
} from './core/protection.ts';
export type { TokenRequest, TokenSource } from './io/call-security.ts';
export type { Say, TaskContext, TaskHandler } from './io/task-context.ts';
export type { ArtifactInput, Output } from './core/output.ts';
export { bytesOf, bytesPart } from './core/bytes-part.ts';
export type { ArtifactOptions, ArtifactStore, StoredArtifact } from './io/artifact-store.ts';

export { createRequester } from './io/requester.ts';
export type { CallOptions, Requester, RequesterOptions, TaskStream } from './io/requester-types.ts';
export type { Target } from './core/target.ts';
export type { AgentDirectory, AgentSelection, DirectoryEntry, DirectoryQuery } from './core/choose-agent.ts';
export { memoryTaskRoutes } from './io/task-routes.ts';
export type { MemoryTaskRoutesOptions, TaskRoutes } from './io/task-routes.ts';
export type { MessageInput } from './core/message-input.ts';
export { DEFAULT_RETRY } from './core/retry.ts';
export type { RetryProfile } from './core/retry.ts';
export { A2aError, LOCAL_ERROR_CODES, isA2aError } from './errors.ts';
export type { A2aErrorInit, ErrorFamily, LocalErrorCode } from './errors.ts';
export { dataOf, textOf } from './core/message-content.ts';
export { foldItem, isStreamEnd, stateOf } from './core/stream.ts';

export type { PushProfile } from './core/push-retry.ts';
export type { PushRequest, PushTransport } from './io/push-transport.ts';
export type { ExtendedCardRequest } from './io/responder.ts';
export { memoryTaskStore } from './io/memory-task-store.ts';
export type { MemoryTaskStoreOptions } from './io/memory-task-store.ts';
export { retainedTaskStore } from './io/retained-task-store.ts';
export type { RetainedTaskStoreOptions } from './io/retained-task-store.ts';
export type { TaskStore, TaskStoreContext } from './io/task-store.ts';
export type { TaskSummary } from './core/list-tasks.ts';
export type { StoredPushConfig } from './core/push-configs.ts';
export type { TaskRecord } from './core/task-record.ts';
export { retainedState } from './io/retained-state.ts';
export type { RetainedState, RetainedStateOptions } from './io/retained-state.ts';

export { decodeRequest } from './core/decode-request.ts';
export type {
  DecodeOptions,
  DecodedRequest,
  RejectedRequest,
  ReplyPath,
  RequestCall,
} from './core/decode-request.ts';
export { errorPayload, replyPayload, streamItemPayload } from './core/payloads.ts';
export type { JsonRpcId } from './core/payloads.ts';
export type { ServiceParameters } from './core/service-parameters.ts';
export type { MaybePromise } from './core/keyed-lock.ts';
export { publishReply } from './io/publish-reply.ts';
export type { ReplyOptions } from './io/publish-reply.ts';
export { systemClock } from './io/clock.ts';
export type { Clock } from './io/clock.ts';
export { listTasks } from './core/list-tasks.ts';
export { viewTask } from './core/task-record.ts';
