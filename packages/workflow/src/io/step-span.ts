import { endSpan, startSpan, type StartedSpan } from '@shoal/mqtt-link/tracing';
import type { Attempt } from './attempt.ts';
import type { WorkEnd } from './run-work.ts';

/**
 * The work of one attempt: a child of the claim that it was spawned by, so of the session, wherever it runs. It follows from the steps
 * that it needed. Undefined without an OpenTelemetry SDK.
 */
export function startStepSpan(attempt: Attempt, blueprint: string): StartedSpan | undefined {
  const { order, session, active, view } = attempt;
  const { steps } = view();
  const claim = steps.get(order.stepId)?.attempt;
  const mine = claim?.claimId === order.claimId ? claim.trace : undefined;
  return startSpan('@shoal/workflow', `step ${active.planned.id}`, {
    kind: 'consumer',
    attributes: {
      'shoal.session.id': session.sessionId,
      'shoal.workflow.id': session.workflowId,
      'shoal.step.id': order.stepId,
      'shoal.step.attempt': order.attempt,
      'shoal.blueprint.id': blueprint,
    },
    parent: { ...(mine ?? session.trace) },
    links: active.planned.needs.map(({ step }) => steps.get(step)?.attempt?.trace),
  });
}

export function endStepSpan(span: StartedSpan | undefined, end: WorkEnd | undefined): void {
  endSpan(span, end?.end === 'error' ? end.error.code : undefined);
}
