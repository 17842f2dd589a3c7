import type {
  AgentCard,
  CancelTaskRequest,
  DeleteTaskPushNotificationConfigRequest,
  GetExtendedAgentCardRequest,
  GetTaskPushNotificationConfigRequest,
  GetTaskRequest,
  ListTaskPushNotificationConfigsRequest,
  ListTaskPushNotificationConfigsResponse,
  ListTasksRequest,
  ListTasksResponse,
  Message,
  SendMessageRequest,
  StreamResponse,
  SubscribeToTaskRequest,
  Task,
  TaskPushNotificationConfig,
  TaskStatus,
} from '@a2a-js/sdk';
import { AgentCard as SdkCard, TaskState } from '@a2a-js/sdk';
import type { RequestOptions, Transport } from '@a2a-js/sdk/client';
import { RequestMalformedError, TaskNotFoundError } from '@a2a-js/sdk/errors';
import type { A2ARequestHandler, ServerCallContext } from '@a2a-js/sdk/server';
import { MqttTransportFactory } from '@shoal/a2a-js-mqtt';
import type { CallOptions, Requester } from '@shoal/agent-sdk';
import type { AgentCard as WireCard } from '@shoal/protocol';
import { isTaskId } from '@shoal/protocol';
import { setTimeout as delay } from 'node:timers/promises';
import { GatewayError, toHttpError } from '../core/gateway-error.ts';
import { publicCard, sdkCard } from '../core/public-card.ts';
import { HttpCaller } from './http-caller.ts';

export interface ForwardingOptions {
  readonly requester: Requester;
  /** The agent's card as the registry has it now; undefined when it is not registered. */
  readonly card: () => WireCard | undefined;
  /** The agent on HTTP, as its card says there. */
  readonly base: string;
  readonly callOptions: CallOptions;
}

interface Call {
  readonly transport: Transport;
  readonly options: RequestOptions;
  readonly caller: HttpCaller | undefined;
}

/**
 * Every operation of A2A for one agent, passed on over MQTT and nothing of it kept: tasks, owners and results are the agent's, so that
 * any replica answers what another began.
 */
export class ForwardingHandler implements A2ARequestHandler {
  readonly #options: ForwardingOptions;

  constructor(options: ForwardingOptions) {
    this.#options = options;
  }

  getAgentCard(): Promise<AgentCard> {
    return Promise.resolve(sdkCard(publicCard(this.#card(), this.#options.base)));
  }

  async getAuthenticatedExtendedAgentCard(
    params: GetExtendedAgentCardRequest,
    context: ServerCallContext,
  ): Promise<AgentCard> {
    const card = await this.#forward(context, ({ transport, options }) =>
      transport.getExtendedAgentCard(params, options),
    );
    return sdkCard(publicCard(SdkCard.toJSON(card) as WireCard, this.#options.base));
  }

  /** A stream where the agent has them: it notices the agent's death, which a long wait for one reply does not. */
  sendMessage(params: SendMessageRequest, context: ServerCallContext): Promise<Message | Task> {
    return this.#forward(context, async (call) => {
      await this.#check(params, call);
      const { transport, options } = call;
      const streams = this.#card().capabilities.streaming === true;
      if (!streams || params.configuration?.returnImmediately === true)
        return transport.sendMessage(params, options);
      let taskId = '';
      for await (const { payload } of transport.sendMessageStream(params, options)) {
        if (payload?.$case === 'message') return payload.value;
        if (payload?.$case === 'task') taskId = payload.value.id;
      }
      const { tenant, configuration } = params;
      return transport.getTask({ id: taskId, tenant, historyLength: configuration?.historyLength }, options);
    });
  }

  sendMessageStream(
    params: SendMessageRequest,
    context: ServerCallContext,
  ): AsyncGenerator<StreamResponse, void, undefined> {
    return this.#stream(context, async (call) => {
      await this.#check(params, call);
      return call.transport.sendMessageStream(params, call.options);
    });
  }

  resubscribe(
    params: SubscribeToTaskRequest,
    context: ServerCallContext,
  ): AsyncGenerator<StreamResponse, void, undefined> {
    return this.#stream(context, (call) => {
      mustBeTaskId(params.id);
      return Promise.resolve(followTask(call, params));
    });
  }

  getTask(params: GetTaskRequest, context: ServerCallContext): Promise<Task> {
    return this.#forward(context, ({ transport, options }) => {
      mustBeTaskId(params.id);
      return transport.getTask(params, options);
    });
  }

  cancelTask(params: CancelTaskRequest, context: ServerCallContext): Promise<Task> {
    return this.#forward(context, ({ transport, options }) => {
      mustBeTaskId(params.id);
      return transport.cancelTask(params, options);
    });
  }

  listTasks(params: ListTasksRequest, context: ServerCallContext): Promise<ListTasksResponse> {
    return this.#forward(context, ({ transport, options }) => transport.listTasks(params, options));
  }

  createTaskPushNotificationConfig(
    params: TaskPushNotificationConfig,
    context: ServerCallContext,
  ): Promise<TaskPushNotificationConfig> {
    return this.#forward(context, ({ transport, options }) =>
      transport.createTaskPushNotificationConfig(params, options),
    );
  }

  getTaskPushNotificationConfig(
    params: GetTaskPushNotificationConfigRequest,
    context: ServerCallContext,
  ): Promise<TaskPushNotificationConfig> {
    return this.#forward(context, ({ transport, options }) =>
      transport.getTaskPushNotificationConfig(params, options),
    );
  }

  listTaskPushNotificationConfigs(
    params: ListTaskPushNotificationConfigsRequest,
    context: ServerCallContext,
  ): Promise<ListTaskPushNotificationConfigsResponse> {
    return this.#forward(context, ({ transport, options }) =>
      transport.listTaskPushNotificationConfig(params, options),
    );
  }

  deleteTaskPushNotificationConfig(
    params: DeleteTaskPushNotificationConfigRequest,
    context: ServerCallContext,
  ): Promise<void> {
    return this.#forward(context, ({ transport, options }) =>
      transport.deleteTaskPushNotificationConfig(params, options),
    );
  }

  #card(): WireCard {
    const card = this.#options.card();
    if (card === undefined) throw new GatewayError(404, 'AGENT_NOT_FOUND', 'no such agent is registered');
    return card;
  }

  /**
   * On MQTT an unknown id begins a task; on HTTP ids are the agent's to give, and an unknown one is a mistake (A2A §3.4.2). The id of a
   * message would be made up on the way: its absence is the client's mistake.
   */
  async #check(params: SendMessageRequest, { transport, options }: Call): Promise<void> {
    if ((params.message?.messageId ?? '') === '')
      throw new RequestMalformedError(
        'message.messageId is required: an id that the client makes for each message',
      );
    const id = params.message?.taskId ?? '';
    if (id === '') return;
    mustBeTaskId(id);
    await transport.getTask({ id, tenant: params.tenant, historyLength: 0 }, options);
  }

  async #call(context: ServerCallContext): Promise<Call> {
    const { requester, base, callOptions } = this.#options;
    const caller = context.user instanceof HttpCaller ? context.user : undefined;
    const token = caller?.token;
    const factory = new MqttTransportFactory({
      requester,
      callOptions: {
        ...callOptions,
        ...(token === undefined ? {} : { token }),
        ...(caller?.traceContext === undefined ? {} : { traceContext: caller.traceContext }),
      },
    });
    const extensions = context.requestedExtensions ?? [];
    return {
      transport: await factory.create(base, sdkCard(this.#card())),
      caller,
      options: {
        ...(caller === undefined ? {} : { signal: caller.signal }),
        ...(extensions.length === 0 ? {} : { serviceParameters: { 'A2A-Extensions': extensions.join(',') } }),
      },
    };
  }

  async #forward<T>(context: ServerCallContext, work: (call: Call) => Promise<T>): Promise<T> {
    const call = await this.#call(context);
    try {
      return await work(call);
    } catch (error) {
      throw told(call, error);
    }
  }

  async *#stream(
    context: ServerCallContext,
    open: (call: Call) => Promise<AsyncGenerator<StreamResponse, void, undefined>>,
  ): AsyncGenerator<StreamResponse, void, undefined> {
    const call = await this.#call(context);
    try {
      yield* await open(call);
    } catch (error) {
      throw told(call, error);
    }
  }
}

/**
 * On MQTT a stream ends where the task waits for somebody; on HTTP a subscription goes on to the task's end (A2A §3.1.6). Meanwhile the
 * task is looked at, as the broker tells nothing of it.
 */
async function* followTask(
  { transport, options }: Call,
  params: SubscribeToTaskRequest,
): AsyncGenerator<StreamResponse, void, undefined> {
  for (;;) {
    let waiting: TaskStatus | undefined;
    for await (const item of transport.resubscribeTask(params, options)) {
      waiting = statusOf(item) ?? waiting;
      yield item;
    }
    if (waiting === undefined || !INTERRUPTED.has(waiting.state)) return;
    const task = await whenItGoesOn({ transport, options }, params, waiting);
    if (task === undefined) return;
    if (ENDED.has(task.status?.state ?? TaskState.TASK_STATE_UNSPECIFIED)) {
      yield { payload: { $case: 'task', value: task } };
      return;
    }
  }
}

const INTERRUPTED: ReadonlySet<TaskState> = new Set([
  TaskState.TASK_STATE_INPUT_REQUIRED,
  TaskState.TASK_STATE_AUTH_REQUIRED,
]);

const ENDED: ReadonlySet<TaskState> = new Set([
  TaskState.TASK_STATE_COMPLETED,
  TaskState.TASK_STATE_FAILED,
  TaskState.TASK_STATE_CANCELED,
  TaskState.TASK_STATE_REJECTED,
]);

/** Between looks at a task that waits for somebody, for each subscription to it. */
const LOOK_MS = 1_000;

/** The task in another status than this one; undefined when the client has left. */
async function whenItGoesOn(
  { transport, options }: Pick<Call, 'transport' | 'options'>,
  { id, tenant }: SubscribeToTaskRequest,
  waiting: TaskStatus,
): Promise<Task | undefined> {
  const { signal } = options;
  const left = (): boolean => signal?.aborted === true;
  for (;;) {
    await delay(LOOK_MS, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
    if (left()) return undefined;
    const task = await transport.getTask({ id, tenant, historyLength: undefined }, options);
    if (task.status?.state !== waiting.state || task.status.timestamp !== waiting.timestamp) return task;
  }
}

function statusOf({ payload }: StreamResponse): TaskStatus | undefined {
  return payload?.$case === 'task' || payload?.$case === 'statusUpdate' ? payload.value.status : undefined;
}

function told({ caller }: Call, error: unknown): unknown {
  const shown = toHttpError(error);
  caller?.told(shown);
  return shown;
}

/** What cannot be an id on MQTT was never the id of a task. */
function mustBeTaskId(id: string): void {
  if (!isTaskId(id)) throw new TaskNotFoundError(`no task has the id ${JSON.stringify(id).slice(0, 80)}`);
}
