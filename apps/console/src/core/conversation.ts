import { foldItem } from '@shoal/agent-sdk';
import type { Message, StreamResponse, Task, TaskState } from '@shoal/protocol';

/** One thing that was said in a conversation, in the order in which it came. */
export type Turn =
  | { readonly kind: 'asked'; readonly text: string; readonly atMs: number }
  | { readonly kind: 'status'; readonly state: TaskState; readonly text: string; readonly atMs: number }
  | { readonly kind: 'message'; readonly message: Message; readonly atMs: number }
  | { readonly kind: 'error'; readonly code: string; readonly text: string; readonly atMs: number };

export interface Conversation {
  readonly id: string;
  readonly target: string;
  readonly contextId: string | undefined;
  readonly taskId: string | undefined;
  /** Every task of the conversation with its artifacts, the newest last. */
  readonly tasks: readonly Task[];
  readonly turns: readonly Turn[];
  readonly busy: boolean;
  /** Turns that were let go: the oldest. */
  readonly dropped: number;
}

const MOST_TURNS = 300;
const MOST_TASKS = 20;

export function startConversation(id: string, target: string): Conversation {
  return {
    id,
    target,
    contextId: undefined,
    taskId: undefined,
    tasks: [],
    turns: [],
    busy: false,
    dropped: 0,
  };
}

export function say(conversation: Conversation, turn: Turn): Conversation {
  const turns = [...conversation.turns, turn];
  const left = Math.max(0, turns.length - MOST_TURNS);
  return { ...conversation, turns: turns.slice(left), dropped: conversation.dropped + left };
}

export function asked(conversation: Conversation, text: string, atMs: number): Conversation {
  return { ...say(conversation, { kind: 'asked', text, atMs }), busy: true };
}

/** Takes one item of a stream, or a whole task as a `task` item. */
export function received(conversation: Conversation, item: StreamResponse, atMs: number): Conversation {
  if (item.message !== undefined) {
    const { contextId = conversation.contextId } = item.message;
    return say({ ...conversation, contextId }, { kind: 'message', message: item.message, atMs });
  }
  const id = item.task?.id ?? item.statusUpdate?.taskId ?? item.artifactUpdate?.taskId;
  const known = conversation.tasks.find((task) => task.id === id);
  const task = foldItem(known === undefined ? undefined : copyOf(known), item);
  if (task === undefined) return conversation;
  const others = conversation.tasks.filter(({ id }) => id !== task.id);
  const next = {
    ...conversation,
    tasks: [...others, task].slice(-MOST_TASKS),
    taskId: task.id,
    contextId: task.contextId ?? conversation.contextId,
  };
  const status = item.statusUpdate?.status ?? item.task?.status;
  if (status === undefined) return next;
  return say(next, { kind: 'status', state: status.state, text: textOfParts(status.message), atMs });
}

/** Folding writes into the artifacts of the task; what is on the screen stays as it is. */
function copyOf(task: Task): Task {
  if (task.artifacts === undefined) return { ...task };
  return {
    ...task,
    artifacts: task.artifacts.map((artifact) => ({ ...artifact, parts: [...artifact.parts] })),
  };
}

/** The newest task asks for something: what is written next goes to it and not to a new one. */
export function waitsForInput(conversation: Conversation): boolean {
  const state = conversation.tasks.at(-1)?.status.state;
  return state === 'TASK_STATE_INPUT_REQUIRED' || state === 'TASK_STATE_AUTH_REQUIRED';
}

export function textOfParts(message: Message | undefined): string {
  return (message?.parts ?? [])
    .map((part) => part.text ?? ('data' in part ? JSON.stringify(part.data) : ''))
    .filter((text) => text !== '')
    .join('\n');
}

/** `TASK_STATE_INPUT_REQUIRED` → `input required`. */
export function stateText(state: TaskState): string {
  return state.replace('TASK_STATE_', '').replaceAll('_', ' ').toLowerCase();
}
