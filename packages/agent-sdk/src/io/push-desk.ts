import type { Logger } from '@shoal/mqtt-link';
import type { JsonRpcError, TaskPushNotificationConfig } from '@shoal/protocol';
import { a2aError } from '@shoal/protocol';
import type { DecodedRequest } from '../core/decode-request.ts';
import { ownerOf } from '../core/identity.ts';
import type { MaybePromise } from '../core/keyed-lock.ts';
import { isPromise, whenReady } from '../core/keyed-lock.ts';
import { deletePushConfig, getPushConfig, listPushConfigs, putPushConfig } from '../core/push-configs.ts';
import type { PushProfile } from '../core/push-retry.ts';
import { DEFAULT_PUSH } from '../core/push-retry.ts';
import type { TaskRecord } from '../core/task-record.ts';
import type { Clock } from './clock.ts';
import { PushOutbox } from './push-outbox.ts';
import type { PushTransport } from './push-transport.ts';
import type { StoredTasks } from './stored-tasks.ts';

export type PushRequest = Extract<DecodedRequest, { method: `${string}PushNotificationConfig${'' | 's'}` }>;

export interface PushDeskOptions {
  readonly transport: PushTransport;
  readonly profile?: Partial<PushProfile> | undefined;
  readonly tasks: StoredTasks;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly logger: Logger;
}

/** Of an agent that sends no notifications. */
export const NO_PUSH: JsonRpcError = a2aError(
  'PushNotificationNotSupported',
  'this agent sends no push notifications; stream instead',
);

type Outcome = { readonly value: unknown } | { readonly error: JsonRpcError };

/** The four operations on push configurations (A2A §3.1.7 to §3.1.10), and their deliveries. */
export class PushDesk {
  readonly outbox: PushOutbox;
  readonly #options: PushDeskOptions;

  constructor(options: PushDeskOptions) {
    this.#options = options;
    const { transport, clock, logger } = options;
    this.outbox = new PushOutbox({
      transport,
      clock,
      logger,
      random: Math.random,
      profile: { ...DEFAULT_PUSH, ...options.profile },
      onTold: (key, configId, restsAt) =>
        this.#change(key, (record) => {
          const stored = record.push?.find(({ config }) => config.id === configId);
          if (stored !== undefined) stored.told = restsAt;
          return stored !== undefined;
        }),
      onDropped: (key, configId) => this.#change(key, (record) => deletePushConfig(record, configId)),
    });
  }

  answer(request: PushRequest): MaybePromise<Outcome> {
    const { taskId } = request.params;
    const owner = ownerOf(request.identity);
    if (taskId === undefined || taskId === '') return unknownTask('');
    if (request.method === 'GetTaskPushNotificationConfig') {
      const { id } = request.params;
      return whenReady(this.#find(taskId, owner), (record) =>
        record === undefined ? unknownTask(taskId) : getPushConfig(record, id),
      );
    }
    if (request.method === 'ListTaskPushNotificationConfigs') {
      return whenReady(this.#find(taskId, owner), (record) =>
        record === undefined ? unknownTask(taskId) : listPushConfigs(record, request.params),
      );
    }
    let outcome: Outcome = unknownTask(taskId);
    const change = (record: TaskRecord): boolean => {
      if (record.owner !== owner) return false;
      if (request.method === 'CreateTaskPushNotificationConfig') {
        outcome = this.put(record, request.params);
        return 'value' in outcome;
      }
      outcome = { value: null };
      this.outbox.forget(taskId, request.params.id);
      return deletePushConfig(record, request.params.id);
    };
    return whenReady(this.#options.tasks.change(taskId, change), () => outcome);
  }

  /** Adds the configuration to the record; storing it is up to the caller. */
  put(
    record: TaskRecord,
    config: TaskPushNotificationConfig,
  ): { readonly value: TaskPushNotificationConfig } | { readonly error: JsonRpcError } {
    const { newId, transport } = this.#options;
    return putPushConfig(record, config, { newId, refusal: (url) => transport.refusal(url) });
  }

  #find(taskId: string, owner: string | undefined): MaybePromise<TaskRecord | undefined> {
    return whenReady(this.#options.tasks.find(taskId), (record) =>
      record?.owner === owner ? record : undefined,
    );
  }

  #change(key: string, change: (record: TaskRecord) => boolean): void {
    const fail = (error: unknown): void =>
      this.#options.logger.warn('what a receiver was told could not be stored: it may be told again', {
        taskId: key,
        error: String(error),
      });
    try {
      const stored = this.#options.tasks.change(key, change);
      if (isPromise(stored)) stored.catch(fail);
    } catch (error) {
      fail(error);
    }
  }
}

function unknownTask(taskId: string): { readonly error: JsonRpcError } {
  return { error: a2aError('TaskNotFound', `task ${taskId} is not known here`) };
}
