/** The documents that stand alone on the wire: each has a file under `schemas/v1` and a compiled validator. */
import type * as a2a from './schemas/a2a.ts';
import type * as rpc from './schemas/json-rpc.ts';
import type * as reasoning from './schemas/reasoning.ts';
import type * as hosts from './schemas/hosts.ts';
import type * as records from './schemas/records.ts';
import type { WorkOrder } from './schemas/work-order.ts';
import type { WorkflowDefinition } from './schemas/workflow.ts';

export interface DocumentTypes {
  AgentCard: a2a.AgentCard;
  Artifact: a2a.Artifact;
  CancelTaskRequest: a2a.CancelTaskRequest;
  DeleteTaskPushNotificationConfigRequest: a2a.DeleteTaskPushNotificationConfigRequest;
  GetExtendedAgentCardRequest: a2a.GetExtendedAgentCardRequest;
  GetTaskPushNotificationConfigRequest: a2a.GetTaskPushNotificationConfigRequest;
  GetTaskRequest: a2a.GetTaskRequest;
  ListTaskPushNotificationConfigsRequest: a2a.ListTaskPushNotificationConfigsRequest;
  ListTaskPushNotificationConfigsResponse: a2a.ListTaskPushNotificationConfigsResponse;
  ListTasksRequest: a2a.ListTasksRequest;
  ListTasksResponse: a2a.ListTasksResponse;
  Message: a2a.Message;
  Part: a2a.Part;
  SendMessageRequest: a2a.SendMessageRequest;
  SendMessageResponse: a2a.SendMessageResponse;
  StreamResponse: a2a.StreamResponse;
  SubscribeToTaskRequest: a2a.SubscribeToTaskRequest;
  Task: a2a.Task;
  TaskArtifactUpdateEvent: a2a.TaskArtifactUpdateEvent;
  TaskPushNotificationConfig: a2a.TaskPushNotificationConfig;
  TaskStatusUpdateEvent: a2a.TaskStatusUpdateEvent;
  JsonRpcError: rpc.JsonRpcError;
  JsonRpcRequest: rpc.JsonRpcRequest;
  JsonRpcResponse: rpc.JsonRpcResponse;
  BadRequest: rpc.BadRequest;
  BindingErrorData: rpc.BindingErrorData;
  ErrorInfo: rpc.ErrorInfo;
  AgentAttempt: records.AgentAttempt;
  AgentState: records.AgentState;
  ApprovalDecision: records.ApprovalDecision;
  ApprovalRequest: records.ApprovalRequest;
  AttemptRecord: records.AttemptRecord;
  SessionClaim: records.SessionClaim;
  BrokerCanary: records.BrokerCanary;
  CallerRecord: records.CallerRecord;
  ControlRecord: records.ControlRecord;
  DesiredState: records.DesiredState;
  DeviceCommand: records.DeviceCommand;
  DeviceCommandCancel: records.DeviceCommandCancel;
  DeviceCommandStatus: records.DeviceCommandStatus;
  ReasoningRecord: reasoning.ReasoningRecord;
  HostEvent: hosts.HostEvent;
  HostOrder: hosts.HostOrder;
  HostRecord: hosts.HostRecord;
  SessionOutcome: records.SessionOutcome;
  SessionRecord: records.SessionRecord;
  StepIntent: records.StepIntent;
  StepItems: records.StepItems;
  StepResult: records.StepResult;
  StepStatus: records.StepStatus;
  Telemetry: records.Telemetry;
  ToolApproval: records.ToolApproval;
  TriggerRecord: records.TriggerRecord;
  WriterRecord: records.WriterRecord;
  UsageRecord: reasoning.UsageRecord;
  WorkOrder: WorkOrder;
  WorkflowDefinition: WorkflowDefinition;
}

export type DocumentName = keyof DocumentTypes;

const names: Record<DocumentName, true> = {
  AgentCard: true,
  Artifact: true,
  CancelTaskRequest: true,
  DeleteTaskPushNotificationConfigRequest: true,
  GetExtendedAgentCardRequest: true,
  GetTaskPushNotificationConfigRequest: true,
  GetTaskRequest: true,
  ListTaskPushNotificationConfigsRequest: true,
  ListTaskPushNotificationConfigsResponse: true,
  ListTasksRequest: true,
  ListTasksResponse: true,
  Message: true,
  Part: true,
  SendMessageRequest: true,
  SendMessageResponse: true,
  StreamResponse: true,
  SubscribeToTaskRequest: true,
  Task: true,
  TaskArtifactUpdateEvent: true,
  TaskPushNotificationConfig: true,
  TaskStatusUpdateEvent: true,
  JsonRpcError: true,
  JsonRpcRequest: true,
  JsonRpcResponse: true,
  BadRequest: true,
  BindingErrorData: true,
  ErrorInfo: true,
  AgentAttempt: true,
  AgentState: true,
  ApprovalDecision: true,
  ApprovalRequest: true,
  AttemptRecord: true,
  SessionClaim: true,
  BrokerCanary: true,
  CallerRecord: true,
  ControlRecord: true,
  DesiredState: true,
  DeviceCommand: true,
  DeviceCommandCancel: true,
  DeviceCommandStatus: true,
  ReasoningRecord: true,
  HostEvent: true,
  HostOrder: true,
  HostRecord: true,
  SessionOutcome: true,
  SessionRecord: true,
  StepIntent: true,
  StepItems: true,
  StepResult: true,
  StepStatus: true,
  Telemetry: true,
  ToolApproval: true,
  TriggerRecord: true,
  WriterRecord: true,
  UsageRecord: true,
  WorkOrder: true,
  WorkflowDefinition: true,
};

/** Names of all documents that have a schema, from A2A, JSON-RPC, the binding and Shoal. */
export const DOCUMENTS = Object.keys(names) as readonly DocumentName[];

/** Whether a schema has this name; names are case-sensitive. */
export function isDocumentName(name: unknown): name is DocumentName {
  return typeof name === 'string' && Object.hasOwn(names, name);
}
