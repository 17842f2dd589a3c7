import { Type, type TUnsafe } from 'typebox';
import { TASK_STATES, type TaskState as StateName } from '../task-state.ts';
import { def, type Static } from './def.ts';
import { Artifact, Message } from './message.ts';
import { enumOf, forWriters, Metadata, oneOf, OptionalFlag, OptionalText, Text, Timestamp } from './base.ts';

export type TaskState = StateName;
export const TaskState: TUnsafe<TaskState> = def('TaskState', enumOf(TASK_STATES, forWriters('specified')));

const $TaskStatus = Type.Object({
  state: TaskState,
  message: Type.Optional(Message),
  timestamp: Type.Optional(Timestamp),
});
export interface TaskStatus extends Static<typeof $TaskStatus> {}
export const TaskStatus: TUnsafe<TaskStatus> = def('TaskStatus', $TaskStatus);

const $Task = Type.Object({
  id: Text,
  contextId: OptionalText,
  status: TaskStatus,
  artifacts: Type.Optional(Type.Array(Artifact)),
  history: Type.Optional(Type.Array(Message)),
  metadata: Metadata,
});
export interface Task extends Static<typeof $Task> {}
export const Task: TUnsafe<Task> = def('Task', $Task);

const $TaskStatusUpdateEvent = Type.Object({
  taskId: Text,
  contextId: Text,
  status: TaskStatus,
  metadata: Metadata,
});
export interface TaskStatusUpdateEvent extends Static<typeof $TaskStatusUpdateEvent> {}
export const TaskStatusUpdateEvent: TUnsafe<TaskStatusUpdateEvent> = def(
  'TaskStatusUpdateEvent',
  $TaskStatusUpdateEvent,
);

const $TaskArtifactUpdateEvent = Type.Object({
  taskId: Text,
  contextId: Text,
  artifact: Artifact,
  append: OptionalFlag,
  lastChunk: OptionalFlag,
  metadata: Metadata,
});
export interface TaskArtifactUpdateEvent extends Static<typeof $TaskArtifactUpdateEvent> {}
export const TaskArtifactUpdateEvent: TUnsafe<TaskArtifactUpdateEvent> = def(
  'TaskArtifactUpdateEvent',
  $TaskArtifactUpdateEvent,
);

const $StreamResponse = oneOf({
  task: Task,
  message: Message,
  statusUpdate: TaskStatusUpdateEvent,
  artifactUpdate: TaskArtifactUpdateEvent,
});
export type StreamResponse = Static<typeof $StreamResponse>;
export const StreamResponse: TUnsafe<StreamResponse> = def('StreamResponse', $StreamResponse);

const $SendMessageResponse = oneOf({ task: Task, message: Message });
export type SendMessageResponse = Static<typeof $SendMessageResponse>;
export const SendMessageResponse: TUnsafe<SendMessageResponse> = def(
  'SendMessageResponse',
  $SendMessageResponse,
);
