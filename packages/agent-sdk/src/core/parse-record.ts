import type { Validation } from '@shoal/protocol';
import { isIdentifier, validateTask, validateTaskPushNotificationConfig } from '@shoal/protocol';
import type { TaskRecord } from './task-record.ts';

/** Reads a stored task record back; unknown fields stay. */
export function parseRecord(value: unknown): Validation<TaskRecord> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return bad('', 'must be an object');
  const { schemaVersion, task, messageIds, push, owner, handedOverTo } = value as Partial<
    Record<keyof TaskRecord, unknown>
  >;
  if (schemaVersion !== 1) return bad('schemaVersion', 'must be 1');
  if (!Array.isArray(messageIds) || !messageIds.every((id) => typeof id === 'string')) {
    return bad('messageIds', 'must be an array of strings');
  }
  if (owner !== undefined && typeof owner !== 'string') return bad('owner', 'must be a string');
  if (handedOverTo !== undefined && !isIdentifier(handedOverTo))
    return bad('handedOverTo', 'must be the id of an agent');
  if (push !== undefined && !(Array.isArray(push) && push.every(isPushConfig))) {
    return bad('push', 'must be an array of push configurations');
  }
  const valid = validateTask(task);
  if (valid.ok) return { ok: true, value: value as TaskRecord };
  return {
    ok: false,
    violations: valid.violations.map(({ field, message }) => ({ field: `task.${field}`, message })),
  };
}

function isPushConfig(stored: unknown): boolean {
  if (typeof stored !== 'object' || stored === null) return false;
  const { config, told } = stored as { readonly config?: unknown; readonly told?: unknown };
  const valid = validateTaskPushNotificationConfig(config);
  return valid.ok && valid.value.id !== undefined && (told === undefined || typeof told === 'string');
}

function bad(field: string, message: string): Validation<never> {
  return { ok: false, violations: [{ field, message }] };
}
