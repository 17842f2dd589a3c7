import type { Task } from '@shoal/protocol';

/** What of a task must not depend on what went wrong. */
export function endOf({ status, artifacts = [], metadata }: Task): string {
  const results = artifacts.map(({ artifactId, parts }) => [artifactId, parts]);
  return JSON.stringify([status.state, metadata?.['steps'], results]);
}

/** The states of the steps, by id. */
export function stepsOf(task: Task | undefined): Readonly<Record<string, string>> {
  return (task?.metadata?.['steps'] ?? {}) as Record<string, string>;
}
