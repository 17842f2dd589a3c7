/** Checks against the schemas of `schemas/v1`, compiled beforehand: nothing is compiled when this is loaded. */
import { validators, writeRules } from '../generated/validators.js';
import type { DocumentName, DocumentTypes } from './documents.ts';
import { isDocumentName } from './documents.ts';
import { parseJson, type Validation } from './json.ts';
import { METHODS, type MethodName } from './methods.ts';
import { ProtocolError } from './protocol-error.ts';
import { describeViolations, toViolations } from './violations.ts';
import { brokenWriteRules } from './write-rules.ts';

/** Tolerant: unknown fields pass and stay. The workflow definition alone is closed, since a field nothing reads is a mistake. */
export function validateDocument<N extends DocumentName>(
  name: N,
  value: unknown,
): Validation<DocumentTypes[N]> {
  if (!isDocumentName(name))
    throw new ProtocolError('unknown-document', `no schema is named ${JSON.stringify(name)}`);
  const validator = validators[name];
  if (validator(value)) return { ok: true, value: value as DocumentTypes[N] };
  return { ok: false, violations: toViolations(validator.errors ?? [], value) };
}

/** JSON text or bytes to a checked document. */
export function decodeDocument<N extends DocumentName>(
  name: N,
  payload: Uint8Array | string,
): Validation<DocumentTypes[N]> {
  const parsed = parseJson(payload);
  return parsed.ok ? validateDocument(name, parsed.value) : parsed;
}

/**
 * Strict, for writers: the schema, and what readers forgive (empty REQUIRED fields, times not in UTC, UNSPECIFIED). Throws
 * ProtocolError `invalid-document` that names every field at fault. Fields the schema does not know pass: they came from a newer
 * writer and survive the round trip.
 */
export function assertValid<N extends DocumentName>(
  name: N,
  value: unknown,
): asserts value is DocumentTypes[N] {
  const result = validateDocument(name, value);
  const violations = result.ok ? brokenWriteRules(writeRules[name] ?? [], value) : result.violations;
  if (violations.length === 0) return;
  throw new ProtocolError('invalid-document', `${name}: ${describeViolations(violations)}`, { violations });
}

/** A checked document as JSON text, ready to publish. Throws as `assertValid` does. */
export function encodeDocument<N extends DocumentName>(name: N, value: DocumentTypes[N]): string {
  assertValid(name, value);
  return JSON.stringify(value);
}

type ParamsOf<M extends MethodName> = DocumentTypes[(typeof METHODS)[M]['params']];

/** The `params` of a JSON-RPC request; fields are named from `params` on. Answer a failure with `invalidParams(violations)`. */
export function validateParams<M extends MethodName>(method: M, params: unknown): Validation<ParamsOf<M>> {
  return validateDocument(METHODS[method].params, params ?? {}) as Validation<ParamsOf<M>>;
}

type ResultOf<M extends MethodName> = (typeof METHODS)[M]['result'] extends infer R
  ? R extends DocumentName
    ? DocumentTypes[R]
    : null
  : never;

/** The `result` of a reply or of one stream item. For a method without a result, null and `{}` both pass and come out null. */
export function validateResult<M extends MethodName>(method: M, result: unknown): Validation<ResultOf<M>> {
  const name: DocumentName | null = METHODS[method].result;
  if (name !== null) return validateDocument(name, result) as Validation<ResultOf<M>>;
  if (result === null || (typeof result === 'object' && !Array.isArray(result))) {
    return { ok: true, value: null } as Validation<ResultOf<M>>;
  }
  return { ok: false, violations: [{ field: '', message: 'must be null or an empty object' }] };
}

function validatorOf<N extends DocumentName>(name: N): (value: unknown) => Validation<DocumentTypes[N]> {
  return (value) => validateDocument(name, value);
}

export const validateAgentCard = /* @__PURE__ */ validatorOf('AgentCard');
export const validateArtifact = /* @__PURE__ */ validatorOf('Artifact');
export const validateCancelTaskRequest = /* @__PURE__ */ validatorOf('CancelTaskRequest');
export const validateDeleteTaskPushNotificationConfigRequest = /* @__PURE__ */ validatorOf(
  'DeleteTaskPushNotificationConfigRequest',
);
export const validateGetExtendedAgentCardRequest = /* @__PURE__ */ validatorOf('GetExtendedAgentCardRequest');
export const validateGetTaskPushNotificationConfigRequest = /* @__PURE__ */ validatorOf(
  'GetTaskPushNotificationConfigRequest',
);
export const validateGetTaskRequest = /* @__PURE__ */ validatorOf('GetTaskRequest');
export const validateListTaskPushNotificationConfigsRequest = /* @__PURE__ */ validatorOf(
  'ListTaskPushNotificationConfigsRequest',
);
export const validateListTaskPushNotificationConfigsResponse = /* @__PURE__ */ validatorOf(
  'ListTaskPushNotificationConfigsResponse',
);
export const validateListTasksRequest = /* @__PURE__ */ validatorOf('ListTasksRequest');
export const validateListTasksResponse = /* @__PURE__ */ validatorOf('ListTasksResponse');
export const validateMessage = /* @__PURE__ */ validatorOf('Message');
export const validatePart = /* @__PURE__ */ validatorOf('Part');
export const validateSendMessageRequest = /* @__PURE__ */ validatorOf('SendMessageRequest');
export const validateSendMessageResponse = /* @__PURE__ */ validatorOf('SendMessageResponse');
export const validateStreamResponse = /* @__PURE__ */ validatorOf('StreamResponse');
export const validateSubscribeToTaskRequest = /* @__PURE__ */ validatorOf('SubscribeToTaskRequest');
export const validateTask = /* @__PURE__ */ validatorOf('Task');
export const validateTaskArtifactUpdateEvent = /* @__PURE__ */ validatorOf('TaskArtifactUpdateEvent');
export const validateTaskPushNotificationConfig = /* @__PURE__ */ validatorOf('TaskPushNotificationConfig');
export const validateTaskStatusUpdateEvent = /* @__PURE__ */ validatorOf('TaskStatusUpdateEvent');
export const validateJsonRpcError = /* @__PURE__ */ validatorOf('JsonRpcError');
export const validateJsonRpcRequest = /* @__PURE__ */ validatorOf('JsonRpcRequest');
export const validateJsonRpcResponse = /* @__PURE__ */ validatorOf('JsonRpcResponse');
export const validateBadRequest = /* @__PURE__ */ validatorOf('BadRequest');
export const validateBindingErrorData = /* @__PURE__ */ validatorOf('BindingErrorData');
export const validateErrorInfo = /* @__PURE__ */ validatorOf('ErrorInfo');
export const validateAgentAttempt = /* @__PURE__ */ validatorOf('AgentAttempt');
export const validateAgentState = /* @__PURE__ */ validatorOf('AgentState');
export const validateApprovalDecision = /* @__PURE__ */ validatorOf('ApprovalDecision');
export const validateApprovalRequest = /* @__PURE__ */ validatorOf('ApprovalRequest');
export const validateSessionClaim = /* @__PURE__ */ validatorOf('SessionClaim');
export const validateAttemptRecord = /* @__PURE__ */ validatorOf('AttemptRecord');
export const validateBrokerCanary = /* @__PURE__ */ validatorOf('BrokerCanary');
export const validateCallerRecord = /* @__PURE__ */ validatorOf('CallerRecord');
export const validateControlRecord = /* @__PURE__ */ validatorOf('ControlRecord');
export const validateDesiredState = /* @__PURE__ */ validatorOf('DesiredState');
export const validateDeviceCommand = /* @__PURE__ */ validatorOf('DeviceCommand');
export const validateDeviceCommandCancel = /* @__PURE__ */ validatorOf('DeviceCommandCancel');
export const validateDeviceCommandStatus = /* @__PURE__ */ validatorOf('DeviceCommandStatus');
export const validateHostEvent = /* @__PURE__ */ validatorOf('HostEvent');
export const validateHostOrder = /* @__PURE__ */ validatorOf('HostOrder');
export const validateHostRecord = /* @__PURE__ */ validatorOf('HostRecord');
export const validateSessionOutcome = /* @__PURE__ */ validatorOf('SessionOutcome');
export const validateSessionRecord = /* @__PURE__ */ validatorOf('SessionRecord');
export const validateStepItems = /* @__PURE__ */ validatorOf('StepItems');
export const validateStepIntent = /* @__PURE__ */ validatorOf('StepIntent');
export const validateStepResult = /* @__PURE__ */ validatorOf('StepResult');
export const validateStepStatus = /* @__PURE__ */ validatorOf('StepStatus');
export const validateTelemetry = /* @__PURE__ */ validatorOf('Telemetry');
export const validateReasoningRecord = /* @__PURE__ */ validatorOf('ReasoningRecord');
export const validateToolApproval = /* @__PURE__ */ validatorOf('ToolApproval');
export const validateTriggerRecord = /* @__PURE__ */ validatorOf('TriggerRecord');
export const validateWriterRecord = /* @__PURE__ */ validatorOf('WriterRecord');
export const validateUsageRecord = /* @__PURE__ */ validatorOf('UsageRecord');
export const validateWorkOrder = /* @__PURE__ */ validatorOf('WorkOrder');
export const validateWorkflowDefinition = /* @__PURE__ */ validatorOf('WorkflowDefinition');
