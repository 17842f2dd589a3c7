import type { SessionRecord, TraceContext, TriggerRecord } from '@shoal/protocol';
import { derivedTaskId, planWorkflow, type Workflow } from '@shoal/workflow';

export interface Firing {
  readonly org: string;
  readonly unit: string;
  readonly triggerId: string;
  readonly key: string;
  /** What tells this run from others of the trigger: the time of a schedule, the number of an alarm. */
  readonly occasion: string;
  readonly at: string;
  readonly variables: Readonly<Record<string, unknown>>;
  /** Of the sample that raised the alarm. */
  readonly trace?: TraceContext;
}

/** The same occasion is the same session, whichever supervisor sees it (DESIGN rule 2). */
export function triggeredSessionId(workflowId: string, firing: Firing): string {
  const { org, unit, triggerId, key, occasion } = firing;
  return derivedTaskId('trigger', org, unit, workflowId, triggerId, key, occasion);
}

/** Its plan, from nothing but the occasion: two supervisors write the same. Throws WorkflowError `invalid-request`. */
export function planTriggered(
  workflow: Workflow,
  firing: Firing,
  now: number,
  trace = firing.trace,
): SessionRecord {
  const { org, unit, triggerId, key, at, variables } = firing;
  const sessionId = triggeredSessionId(workflow.id, firing);
  return planWorkflow(workflow, {
    org,
    unit,
    sessionId,
    contextId: sessionId,
    message: {
      messageId: derivedTaskId(sessionId, 'message'),
      role: 'ROLE_USER',
      taskId: sessionId,
      contextId: sessionId,
      parts: [{ data: { trigger: { id: triggerId, key, at } } }],
    },
    variables,
    trace,
    now,
  });
}

export function firingOf(
  where: { readonly org: string; readonly unit: string },
  record: TriggerRecord,
): Firing {
  const { triggerId, key, episode, firedAt, at, variables = {}, trace } = record;
  const firing = { ...where, triggerId, key, occasion: String(episode), at: firedAt ?? at, variables };
  return trace === undefined ? firing : { ...firing, trace };
}
