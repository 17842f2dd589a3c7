import { Role, TaskState } from '@a2a-js/sdk';
import type { AgentExecutor, ExecutionEventBus, RequestContext } from '@a2a-js/sdk/server';
import { AgentEvent } from '@a2a-js/sdk/server';

/** An agent written for the official SDK, that does what a message tells it. It knows nothing of MQTT. */
export class ScriptedExecutor implements AgentExecutor {
  /** Of each run: the message, and whether the SDK showed it a task that exists. */
  readonly runs: { readonly text: string; readonly hasTask: boolean; readonly taskId: string }[] = [];
  readonly #held = new Map<string, () => void>();

  readonly execute = async (request: RequestContext, bus: ExecutionEventBus): Promise<void> => {
    const { taskId, contextId, task, userMessage } = request;
    const content = userMessage.parts[0]?.content;
    const text = content?.$case === 'text' ? content.value : '';
    this.runs.push({ text, hasTask: task !== undefined, taskId });
    const status = (state: TaskState, said?: string): void => {
      bus.publish(
        AgentEvent.statusUpdate({
          taskId,
          contextId,
          status: {
            state,
            message: said === undefined ? undefined : agentMessage(request, said),
            timestamp: now(),
          },
          metadata: undefined,
        }),
      );
    };
    if (text === 'message') {
      bus.publish(AgentEvent.message(agentMessage(request, 'no task')));
      return bus.finished();
    }
    if (task === undefined) {
      bus.publish(
        AgentEvent.task({
          id: taskId,
          contextId,
          status: { state: TaskState.TASK_STATE_WORKING, message: undefined, timestamp: now() },
          artifacts: [],
          history: [],
          metadata: undefined,
        }),
      );
    }
    if (text === 'throw') throw new Error('as told');
    if (text === 'ask') return status(TaskState.TASK_STATE_INPUT_REQUIRED, 'Which pump?');
    if (text === 'extension') request.context.addActivatedExtension('urn:test:extension');
    if (text.startsWith('hold')) await new Promise<void>((resolve) => this.#held.set(taskId, resolve));
    if (text === 'auth') {
      status(TaskState.TASK_STATE_AUTH_REQUIRED, 'Show your badge');
      await new Promise<void>((resolve) => this.#held.set(taskId, resolve));
    }
    const count = text.startsWith('artifacts') ? 50 : 1;
    for (let i = 0; i < count; i += 1) {
      const part = {
        content: { $case: 'text' as const, value: `${text} ${i}` },
        metadata: undefined,
        filename: '',
        mediaType: '',
      };
      const artifact = {
        artifactId: 'out',
        name: '',
        description: '',
        parts: [part],
        metadata: undefined,
        extensions: [],
      };
      bus.publish(
        AgentEvent.artifactUpdate({
          taskId,
          contextId,
          artifact,
          append: i > 0,
          lastChunk: i === count - 1,
          metadata: undefined,
        }),
      );
    }
    status(TaskState.TASK_STATE_COMPLETED);
    return bus.finished();
  };

  readonly cancelTask = (taskId: string, bus: ExecutionEventBus): Promise<void> => {
    bus.publish(
      AgentEvent.statusUpdate({
        taskId,
        contextId: '',
        status: { state: TaskState.TASK_STATE_CANCELED, message: undefined, timestamp: now() },
        metadata: undefined,
      }),
    );
    return Promise.resolve();
  };

  /** Lets a run go on that holds. */
  release(taskId: string): void {
    this.#held.get(taskId)?.();
    this.#held.delete(taskId);
  }
}

function agentMessage({ taskId, contextId }: RequestContext, text: string) {
  return {
    messageId: crypto.randomUUID(),
    role: Role.ROLE_AGENT,
    parts: [
      { content: { $case: 'text' as const, value: text }, metadata: undefined, filename: '', mediaType: '' },
    ],
    taskId,
    contextId,
    metadata: undefined,
    extensions: [],
    referenceTaskIds: [],
  };
}

const now = (): string => new Date().toISOString();
