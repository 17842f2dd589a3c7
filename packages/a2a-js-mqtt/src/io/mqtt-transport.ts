import {
  AgentCard,
  ListTaskPushNotificationConfigsResponse,
  ListTasksRequest,
  ListTasksResponse,
  Message,
  SendMessageRequest,
  StreamResponse,
  Task,
  TaskPushNotificationConfig,
} from '@a2a-js/sdk';
import type {
  CancelTaskRequest,
  DeleteTaskPushNotificationConfigRequest,
  GetExtendedAgentCardRequest,
  GetTaskPushNotificationConfigRequest,
  GetTaskRequest,
  ListTaskPushNotificationConfigsRequest,
  SubscribeToTaskRequest,
} from '@a2a-js/sdk';
import type { RequestOptions, Transport } from '@a2a-js/sdk/client';
import type { CallOptions, MessageInput, Requester, TaskStream } from '@shoal/agent-sdk';
import type {
  AgentAddress,
  ListTasksRequest as ListTasksQuery,
  Message as WireMessage,
  SendMessageConfiguration,
} from '@shoal/protocol';
import { A2A_VERSION } from '@shoal/protocol';
import { ALL_HISTORY, toCallOptions } from '../core/call-options.ts';
import { toSdkError } from '../core/errors.ts';

export interface MqttTransportOptions {
  readonly requester: Requester;
  readonly target: AgentAddress;
  readonly protocolName: string;
  /** Defaults of all calls. */
  readonly callOptions?: CallOptions;
}

/** A transport of the official client over the retries, streams and correlations of `@shoal/agent-sdk`. */
export class MqttTransport implements Transport {
  readonly protocolName: string;
  readonly protocolVersion: string = A2A_VERSION;
  readonly #requester: Requester;
  readonly #target: AgentAddress;
  readonly #defaults: CallOptions;

  constructor({ requester, target, protocolName, callOptions = {} }: MqttTransportOptions) {
    this.protocolName = protocolName;
    this.#requester = requester;
    this.#target = target;
    this.#defaults = callOptions;
  }

  async getExtendedAgentCard(
    params: GetExtendedAgentCardRequest,
    options?: RequestOptions,
  ): Promise<AgentCard> {
    const card = await this.#call(params, options, (given) =>
      this.#requester.getExtendedCard(this.#target, given),
    );
    return AgentCard.fromJSON(card);
  }

  async sendMessage(params: SendMessageRequest, options?: RequestOptions): Promise<Message | Task> {
    const { message, sending } = outgoing(params);
    const answer = await this.#call(params, options, (given) =>
      this.#requester.send(this.#target, message, { ...given, ...sending }),
    );
    return 'messageId' in answer ? Message.fromJSON(answer) : Task.fromJSON(answer);
  }

  async *sendMessageStream(
    params: SendMessageRequest,
    options?: RequestOptions,
  ): AsyncGenerator<StreamResponse, void, undefined> {
    const { message, sending } = outgoing(params);
    yield* this.#stream(params, options, (given) =>
      this.#requester.stream(this.#target, message, { ...given, ...sending }),
    );
  }

  async createTaskPushNotificationConfig(
    params: TaskPushNotificationConfig,
    options?: RequestOptions,
  ): Promise<TaskPushNotificationConfig> {
    const config = TaskPushNotificationConfig.toJSON(params) as Parameters<Requester['createPushConfig']>[1];
    const made = await this.#call(params, options, (given) =>
      this.#requester.createPushConfig(this.#target, config, given),
    );
    return TaskPushNotificationConfig.fromJSON(made);
  }

  async getTaskPushNotificationConfig(
    params: GetTaskPushNotificationConfigRequest,
    options?: RequestOptions,
  ): Promise<TaskPushNotificationConfig> {
    const { taskId, id } = params;
    const config = await this.#call(params, options, (given) =>
      this.#requester.getPushConfig(this.#target, { taskId, id }, given),
    );
    return TaskPushNotificationConfig.fromJSON(config);
  }

  async listTaskPushNotificationConfig(
    params: ListTaskPushNotificationConfigsRequest,
    options?: RequestOptions,
  ): Promise<ListTaskPushNotificationConfigsResponse> {
    const { taskId, pageSize, pageToken } = params;
    const query = {
      taskId,
      ...(pageSize === 0 ? {} : { pageSize }),
      ...(pageToken === '' ? {} : { pageToken }),
    };
    const configs = await this.#call(params, options, (given) =>
      this.#requester.listPushConfigs(this.#target, query, given),
    );
    return ListTaskPushNotificationConfigsResponse.fromJSON(configs);
  }

  async deleteTaskPushNotificationConfig(
    params: DeleteTaskPushNotificationConfigRequest,
    options?: RequestOptions,
  ): Promise<void> {
    const { taskId, id } = params;
    await this.#call(params, options, (given) =>
      this.#requester.deletePushConfig(this.#target, { taskId, id }, given),
    );
  }

  async getTask(params: GetTaskRequest, options?: RequestOptions): Promise<Task> {
    const { id, historyLength } = params;
    const query = { id, ...(historyLength === undefined ? {} : { historyLength }) };
    const task = await this.#call(params, options, (given) =>
      this.#requester.getTask(this.#target, query, given),
    );
    return Task.fromJSON(task);
  }

  async cancelTask(params: CancelTaskRequest, options?: RequestOptions): Promise<Task> {
    const { id, metadata } = params;
    const task = await this.#call(params, options, (given) =>
      this.#requester.cancelTask(
        this.#target,
        { id },
        metadata === undefined ? given : { ...given, requestMetadata: metadata },
      ),
    );
    return Task.fromJSON(task);
  }

  async listTasks(params: ListTasksRequest, options?: RequestOptions): Promise<ListTasksResponse> {
    const query = ListTasksRequest.toJSON(params) as ListTasksQuery;
    const page = await this.#call(params, options, (given) =>
      this.#requester.listTasks(this.#target, query, given),
    );
    return ListTasksResponse.fromJSON(page);
  }

  async *resubscribeTask(
    params: SubscribeToTaskRequest,
    options?: RequestOptions,
  ): AsyncGenerator<StreamResponse, void, undefined> {
    yield* this.#stream(params, options, (given) =>
      this.#requester.subscribe(this.#target, { id: params.id }, given),
    );
  }

  async #call<T>(
    { tenant }: { readonly tenant: string },
    options: RequestOptions | undefined,
    call: (options: CallOptions) => Promise<T>,
  ): Promise<T> {
    options?.signal?.throwIfAborted();
    try {
      return await call({ ...this.#defaults, ...toCallOptions(options, tenant) });
    } catch (error) {
      throw toSdkError(error, options?.signal);
    }
  }

  /** Leaving the loop forgets the stream here; the task goes on, as MQTT has no way to end a stream of the other side. */
  async *#stream(
    { tenant }: { readonly tenant: string },
    options: RequestOptions | undefined,
    open: (options: CallOptions) => TaskStream,
  ): AsyncGenerator<StreamResponse, void, undefined> {
    options?.signal?.throwIfAborted();
    try {
      for await (const item of open({ ...this.#defaults, ...toCallOptions(options, tenant) }))
        yield StreamResponse.fromJSON(item);
    } catch (error) {
      throw toSdkError(error, options?.signal);
    }
  }
}

/** The requester chooses the id of a new task (profile: Request/Reply 8): the official client leaves it out, and it is made here. */
function outgoing(params: SendMessageRequest): {
  readonly message: MessageInput;
  readonly sending: CallOptions;
} {
  const json = SendMessageRequest.toJSON(params) as {
    readonly message?: WireMessage;
    readonly configuration?: SendMessageConfiguration;
    readonly metadata?: Record<string, unknown>;
  };
  const { configuration, metadata } = json;
  const { acceptedOutputModes, returnImmediately, historyLength, taskPushNotificationConfig } =
    configuration ?? {};
  const message = json.message ?? { messageId: '', role: 'ROLE_USER', parts: [] };
  return {
    // Empty strings are what protobuf has for "not set".
    message: Object.fromEntries(Object.entries(message).filter(([, value]) => value !== '')) as Exclude<
      MessageInput,
      string
    >,
    sending: {
      historyLength: historyLength ?? ALL_HISTORY,
      ...(acceptedOutputModes === undefined ? {} : { acceptedOutputModes }),
      ...(returnImmediately === true ? { returnImmediately } : {}),
      ...(metadata === undefined ? {} : { requestMetadata: metadata }),
      ...(taskPushNotificationConfig === undefined ? {} : { pushNotification: taskPushNotificationConfig }),
    },
  };
}
