import { createHash } from 'node:crypto';
import { claimKeyOf, instanceIdOf } from '@shoal/supervisor';
import type { SpawnOrder } from '@shoal/workflow';

export const LABELS = {
  owner: 'shoal.owner',
  instance: 'shoal.instance',
  attempt: 'shoal.attempt',
} as const;

/** What Kubernetes takes as the value of a label. */
const VALUE = /^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/;

function digest(text: string, length: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, length);
}

/** The same for the same claim: who creates it again finds it. Of the Job, its Secret, and the beginning of its Pod. */
export function jobNameOf(order: SpawnOrder): string {
  return `shoal-${digest(claimKeyOf(order), 32)}`;
}

/** The text itself where Kubernetes takes it as a label, else a digest of it; the text is in the annotation of that name. */
export function labelValueOf(text: string): string {
  return VALUE.test(text) ? text : `sha256-${digest(text, 32)}`;
}

/** Label selector of every Job of a spawner. */
export function ownedBy(owner: string): string {
  return `${LABELS.owner}=${labelValueOf(owner)}`;
}

/** Label selector of the Jobs of all attempts of one step or agent. */
export function attemptsOf(order: SpawnOrder, owner: string): string {
  return `${ownedBy(owner)},${LABELS.instance}=${labelValueOf(instanceIdOf(order))}`;
}

/** What a Job and its Pod are found by, in full length: `labelValueOf` makes labels of them. */
export function factsOf(order: SpawnOrder, owner: string): Readonly<Record<string, string>> {
  const { org, unit, attempt, blueprint } = order;
  return {
    [LABELS.owner]: owner,
    [LABELS.instance]: instanceIdOf(order),
    [LABELS.attempt]: String(attempt),
    'shoal.org': org,
    'shoal.unit': unit,
    'shoal.blueprint': blueprint,
    ...(order.kind === 'step'
      ? {
          'shoal.session': order.sessionId,
          'shoal.step': order.stepId,
          'shoal.workflow': order.workflowId,
        }
      : { 'shoal.agent': order.agentId }),
  };
}
