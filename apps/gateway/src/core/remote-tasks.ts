import type { Validation } from '@shoal/protocol';

/** Which task of the HTTP agent stands behind a task on the broker. */
export interface RemoteTask {
  /** The message that was passed on last. */
  readonly messageId: string;
  /** Unset while it is not known whether the HTTP agent took the message. */
  readonly taskId?: string;
  readonly contextId?: string;
}

export type RemoteTasks = Readonly<Record<string, RemoteTask>>;

/** Of what a predecessor left retained; anything else counts as nothing. */
export function readRemoteTasks(value: unknown): Validation<RemoteTasks> {
  const violations: { field: string; message: string }[] = [];
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    violations.push({ field: '', message: 'must be an object' });
  else
    for (const [id, remote] of Object.entries(value))
      if (typeof (remote as RemoteTask | null)?.messageId !== 'string')
        violations.push({ field: id, message: 'must have a messageId' });
  return violations.length === 0 ? { ok: true, value: value as RemoteTasks } : { ok: false, violations };
}
