import { randomUUID } from 'node:crypto';
import type { StepOrder } from '@shoal/workflow';

/** An order that nobody planned: its instance looks, finds no session, and leaves. Session and claim are new each time. */
export function stepOrder(more: Partial<StepOrder> = {}): StepOrder {
  return {
    kind: 'step',
    org: 'o',
    unit: 'u',
    sessionId: randomUUID(),
    stepId: 'a',
    attempt: 1,
    claimId: randomUUID(),
    workflowId: 'flow',
    blueprint: 'work',
    ...more,
  };
}
