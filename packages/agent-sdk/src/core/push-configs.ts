import type {
  JsonRpcError,
  ListTaskPushNotificationConfigsRequest,
  ListTaskPushNotificationConfigsResponse,
  TaskPushNotificationConfig,
} from '@shoal/protocol';
import { a2aError, invalidParams } from '@shoal/protocol';
import type { TaskRecord } from './task-record.ts';

/** Where a task's updates are posted to, and how far its receiver has been told. */
export interface StoredPushConfig {
  readonly config: TaskPushNotificationConfig & { readonly id: string };
  /** Timestamp of the last state at rest that was delivered, or given up. */
  told?: string;
}

export const MAX_PUSH_CONFIGS = 16;
const MAX_PAGE_SIZE = 100;

type Outcome<T> = { readonly value: T } | { readonly error: JsonRpcError };

/** `refusal`: why the URL will never be called. The same id again replaces the configuration. */
export function putPushConfig(
  record: TaskRecord,
  config: TaskPushNotificationConfig,
  options: { readonly newId: () => string; readonly refusal: (url: string) => string | undefined },
): Outcome<TaskPushNotificationConfig> {
  const fault = faultOf(config, options.refusal);
  if (fault !== undefined) return invalid(...fault);
  const id = config.id === undefined || config.id === '' ? options.newId() : config.id;
  const configs = (record.push ??= []);
  const index = configs.findIndex((stored) => stored.config.id === id);
  if (index < 0 && configs.length >= MAX_PUSH_CONFIGS)
    return invalid('id', `is one too many: a task has at most ${MAX_PUSH_CONFIGS} push configurations`);
  const stored: StoredPushConfig = { config: { ...config, id, taskId: record.task.id } };
  if (index < 0) configs.push(stored);
  else configs[index] = stored;
  return { value: shown(stored) };
}

export function getPushConfig(record: TaskRecord, id: string): Outcome<TaskPushNotificationConfig> {
  const found = record.push?.find(({ config }) => config.id === id);
  if (found !== undefined) return { value: shown(found) };
  return {
    error: a2aError('TaskNotFound', `task ${record.task.id} has no push configuration ${JSON.stringify(id)}`),
  };
}

/** Deleting what is not there is fine (A2A §3.1.10). */
export function deletePushConfig(record: TaskRecord, id: string): boolean {
  const index = record.push?.findIndex(({ config }) => config.id === id) ?? -1;
  if (index >= 0) record.push?.splice(index, 1);
  return index >= 0;
}

/** In the order of creation. `pageSize` unset or 0: all. */
export function listPushConfigs(
  record: TaskRecord,
  { pageSize = 0, pageToken = '' }: ListTaskPushNotificationConfigsRequest,
): Outcome<ListTaskPushNotificationConfigsResponse> {
  if (pageSize < 0 || pageSize > MAX_PAGE_SIZE)
    return invalid('pageSize', `must be 0 to ${MAX_PAGE_SIZE}, is ${pageSize}`);
  const all = record.push ?? [];
  const start = pageToken === '' ? 0 : all.findIndex(({ config }) => tokenOf(config.id) === pageToken);
  if (start < 0)
    return invalid('pageToken', 'is not a token of this agent; leave it out to start at the first page');
  const end = pageSize === 0 ? all.length : start + pageSize;
  const next = all[end];
  const configs = all.slice(start, end).map(shown);
  return { value: { configs, nextPageToken: next === undefined ? '' : tokenOf(next.config.id) } };
}

/** Headers of a notification (A2A §4.3.3). */
export function pushHeaders({ token, authentication }: TaskPushNotificationConfig): Record<string, string> {
  return {
    'content-type': 'application/a2a+json',
    'a2a-version': '1.0',
    ...(token === undefined || token === '' ? {} : { 'x-a2a-notification-token': token }),
    ...(authentication === undefined
      ? {}
      : { authorization: `${authentication.scheme} ${authentication.credentials ?? ''}`.trim() }),
  };
}

/** A receiver has not heard of the state that the task rests in. */
export function isPushPending({ task, push }: Pick<TaskRecord, 'task' | 'push'>): boolean {
  return push?.some(({ told }) => told !== task.status.timestamp) ?? false;
}

/** Whoever knows a task's id can ask for its configurations: the credentials for the receiver stay here. */
function shown({ config }: StoredPushConfig): TaskPushNotificationConfig {
  const { authentication, ...rest } = config;
  return authentication === undefined ? rest : { ...rest, authentication: { scheme: authentication.scheme } };
}

function faultOf(
  { url, token, authentication }: TaskPushNotificationConfig,
  refusal: (url: string) => string | undefined,
): [field: string, description: string] | undefined {
  const refused = refusal(url);
  if (refused !== undefined) return ['url', refused];
  const printable = /^[\x20-\x7e]*$/;
  if (token !== undefined && !printable.test(token)) return ['token', 'must be printable ASCII'];
  if (authentication === undefined) return undefined;
  if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(authentication.scheme))
    return ['authentication.scheme', 'must be the word of an HTTP authentication scheme, such as Bearer'];
  if (!printable.test(authentication.credentials ?? ''))
    return ['authentication.credentials', 'must be printable ASCII'];
  return undefined;
}

function tokenOf(id: string): string {
  return btoa(encodeURIComponent(id));
}

function invalid(field: string, description: string): { readonly error: JsonRpcError } {
  return { error: invalidParams([{ field, message: description }], `${field} ${description}`) };
}
