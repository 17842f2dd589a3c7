import { decideStep, foldSession, parseWorkflow, planWorkflow } from '@shoal/workflow';

const workflow = parseWorkflow(`
id: repair
description: Finds out what ails a pump, and orders what it takes.
variables:
  device: { type: string }
steps:
  - id: diagnose
    use: { blueprint: diagnose }
    with: { device: "\${ variables.device }" }
  - id: order
    use: { agent: warehouse }
    needs: [diagnose]
    when: steps.diagnose.output.severity > 2
    with: { part: "\${ steps.diagnose.output.part }" }
    idempotent: false
`);

const sessionId = '3f0c2f7e-7a63-4a0b-9d0e-5a8f4f1f2a01';
const message = {
  messageId: 'm',
  role: 'ROLE_USER' as const,
  taskId: sessionId,
  parts: [{ data: { device: 'pump-01' } }],
};
const now = Date.parse('2026-01-01T00:00:00Z');
const plan = planWorkflow(workflow, {
  org: 'acme',
  unit: 'plant',
  sessionId,
  contextId: sessionId,
  message,
  now,
});
console.log(
  plan.steps.map(({ id, needs }) => `${id} <- ${needs.map(({ step }) => step).join(' ')}`),
  plan.closer,
  plan.planHash,
);

// What the broker would hold right after the request: the plan alone. The second step waits for the first.
const address = { org: 'acme', unit: 'plant', sessionId };
const { view } = foldSession(address, [[`shoal/v1/acme/plant/session/${sessionId}`, JSON.stringify(plan)]]);
for (const stepId of ['diagnose', 'order'])
  console.log(stepId, decideStep(view, { stepId, attempt: 1, claimId: 'c' }, now));
