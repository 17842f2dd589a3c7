import type { Message, Task, TaskStatus } from '@a2a-js/sdk';
import { TaskState } from '@a2a-js/sdk';
import type { AgentExecutor, ExecutionEventBus, ServerCallContext, TaskStore } from '@a2a-js/sdk/server';
import { RequestContext } from '@a2a-js/sdk/server';

const KEY = 'urn:shoal:a2a-over-mqtt:admission';

/**
 * Permission for one request to begin the task whose id the requester chose. Core A2A leaves that choice to the server, so the SDK answers
 * -32001 to every new task of this binding; with an admission its handler finds a task that was just submitted.
 */
export class Admission {
  readonly stub: Task;
  /** Called when the task is first stored. */
  readonly onStored: () => void;
  readonly #status: TaskStatus;

  constructor(message: Message, contextId: string, at: string, onStored: () => void) {
    this.#status = { state: TaskState.TASK_STATE_SUBMITTED, message: undefined, timestamp: at };
    this.stub = {
      id: message.taskId,
      contextId,
      status: this.#status,
      artifacts: [],
      history: [],
      metadata: undefined,
    };
    this.onStored = onStored;
  }

  grant(context: ServerCallContext): void {
    context.state.set(KEY, this);
  }

  static of(context: ServerCallContext): Admission | undefined {
    return context.state.get(KEY) as Admission | undefined;
  }

  /** Nothing has happened to it: the handler writes it down before it asks the agent, which may answer without a task. */
  isUntouched(task: Task): boolean {
    return task === this.stub && task.status === this.#status && task.artifacts.length === 0;
  }
}

/** A store in which a task that was admitted exists from the beginning, and is written when there is something to write. */
export class AdmittingTaskStore implements TaskStore {
  readonly #inner: TaskStore;

  constructor(inner: TaskStore) {
    this.#inner = inner;
  }

  async save(task: Task, context: ServerCallContext): Promise<void> {
    const admission = Admission.of(context);
    if (admission?.isUntouched(task) === true) return;
    await this.#inner.save(task, context);
    if (admission?.stub.id === task.id) admission.onStored();
  }

  async load(taskId: string, context: ServerCallContext): Promise<Task | undefined> {
    const stored = await this.#inner.load(taskId, context);
    if (stored !== undefined) return stored;
    const stub = Admission.of(context)?.stub;
    return stub?.id === taskId ? stub : undefined;
  }

  list(params: Parameters<TaskStore['list']>[0], context: ServerCallContext): ReturnType<TaskStore['list']> {
    return this.#inner.list(params, context);
  }
}

/** Shows an agent a new task as it knows new tasks: without one. */
export class AdmittingExecutor implements AgentExecutor {
  readonly #inner: AgentExecutor;

  constructor(inner: AgentExecutor) {
    this.#inner = inner;
  }

  readonly execute = async (request: RequestContext, bus: ExecutionEventBus): Promise<void> => {
    const { taskId, contextId, context, task, referenceTasks } = request;
    const isNew = task !== undefined && task === Admission.of(context)?.stub;
    const seen = isNew
      ? new RequestContext(request.request, taskId, contextId, context, undefined, referenceTasks)
      : request;
    await this.#inner.execute(seen, bus);
  };

  readonly cancelTask = (taskId: string, bus: ExecutionEventBus): Promise<void> =>
    this.#inner.cancelTask(taskId, bus);
}
