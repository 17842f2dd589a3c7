import type { Validation } from '@shoal/protocol';
import { validateTask } from '@shoal/protocol';
import type { TaskRecord } from './task-record.ts';

/** Reads a stored task record back; unknown fields stay. */
export function parseRecord(value: unknown): Validation<TaskRecord> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return bad('', 'must be an object');
  const { schemaVersion, task, messageIds } = value as Partial<Record<keyof TaskRecord, unknown>>;
  if (schemaVersion !== 1) return bad('schemaVersion', 'must be 1');
  if (!Array.isArray(messageIds) || !messageIds.every((id) => typeof id === 'string')) {
    return bad('messageIds', 'must be an array of strings');
  }
  const valid = validateTask(task);
  if (valid.ok) return { ok: true, value: value as TaskRecord };
  return {
    ok: false,
    violations: valid.violations.map(({ field, message }) => ({ field: `task.${field}`, message })),
  };
}

function bad(field: string, message: string): Validation<never> {
  return { ok: false, violations: [{ field, message }] };
}
