import type { IPublishPacket } from 'mqtt-packet';

/** A reply as it came, with its JSON if it is some. Scenarios look into it freely: nothing about it is certain. */
export interface Reply {
  readonly packet: IPublishPacket;
  readonly atMs: number;
  // What a subject sends may be anything; a scenario asserts what it relies on.
  readonly json: unknown;
}

/** Walks a path, tolerating everything: `at(reply.json, 'result', 'task', 'id')`. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  let current: unknown = value;
  for (const key of path) {
    if (typeof current !== 'object' || current === null) return undefined;
    current = (current as Record<string | number, unknown>)[key];
  }
  return current;
}

/** The state that a reply or stream item tells: of a task, a status update, or a bare task. */
export function stateOf(json: unknown): string | undefined {
  const state =
    at(json, 'result', 'task', 'status', 'state') ??
    at(json, 'result', 'statusUpdate', 'status', 'state') ??
    at(json, 'result', 'status', 'state');
  return typeof state === 'string' ? state : undefined;
}

const ENDS = new Set(
  ['COMPLETED', 'FAILED', 'CANCELED', 'REJECTED', 'INPUT_REQUIRED', 'AUTH_REQUIRED'].map(
    (state) => `TASK_STATE_${state}`,
  ),
);

/** Whether nothing may follow: a terminal or interrupted state, an error, a message, or a bare task. */
export function isLast(json: unknown): boolean {
  if (at(json, 'error') !== undefined || at(json, 'result', 'message') !== undefined) return true;
  return ENDS.has(stateOf(json) ?? '');
}

/** All text in artifacts and messages of a result, one part a line. */
export function textOf(json: unknown): string {
  const texts: string[] = [];
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, member] of Object.entries(value)) {
      if (key === 'text' && typeof member === 'string') texts.push(member);
      else if (key !== 'history') visit(member);
    }
  };
  visit(at(json, 'result'));
  return texts.join('\n');
}

export function isUuid4(value: unknown): boolean {
  return (
    typeof value === 'string' &&
    /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i.test(value)
  );
}

/** The values of a user property, in order, however the packet holds them. */
export function propertyValues(packet: IPublishPacket, name: string): readonly string[] {
  const value = packet.properties?.userProperties?.[name];
  return value === undefined ? [] : [value].flat();
}
