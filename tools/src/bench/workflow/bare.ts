import { randomUUID } from 'node:crypto';
import { openLink, type InboundMessage, type Link } from '@shoal/mqtt-link';
import { requestTopic, sessionTopics, treeFilter } from '@shoal/protocol';
import { parseWorkflow, planWorkflow, type Workflow } from '@shoal/workflow';
import { SHAPES } from './shapes.ts';

interface Unit {
  readonly org: string;
  readonly unit: string;
}

/**
 * The packets of a workflow and nothing else, over the same links: the same topics in the same order, records as large, each written
 * as JSON and parsed when it comes back. Nothing is decided, checked or kept, and whatever fails is lost: what no engine can do without.
 */
export async function bare(url: string, unit: Unit): Promise<void> {
  const link = await openLink({ url, clientId: `${unit.org}/${unit.unit}/supervisor-bare` });
  const writer = await openLink({ url, clientId: `${unit.org}/${unit.unit}/writer-bare`, fenced: true });
  const echoes = new Map<string, () => void>();
  await link.subscribe(treeFilter('session', unit), ({ topic, payload }) => {
    JSON.parse(Buffer.from(payload).toString());
    echoes.get(topic)?.();
    echoes.delete(topic);
  });
  const echoOf = (topic: string): Promise<void> => new Promise((resolve) => echoes.set(topic, resolve));
  for (const yaml of Object.values(SHAPES)) {
    const workflow = parseWorkflow(yaml);
    const run = (request: InboundMessage): Promise<void> =>
      runBare({ link, writer, echoOf, unit }, workflow, request);
    await link.subscribe(requestTopic({ ...unit, agentId: workflow.id }), run, {
      manualAck: true,
      concurrency: 64,
    });
  }
}

interface Parts {
  readonly link: Link;
  readonly writer: Link;
  readonly echoOf: (topic: string) => Promise<void>;
  readonly unit: Unit;
}

/** Resolves when plan and caller are retained; the steps follow. */
async function runBare(parts: Parts, workflow: Workflow, request: InboundMessage): Promise<void> {
  const { id, params } = JSON.parse(request.text()) as { id: number; params: { message: never } };
  const { taskId: sessionId, contextId } = params.message as { taskId: string; contextId: string };
  const now = Date.now();
  const session = { ...parts.unit, sessionId, contextId, message: params.message, now };
  const plan = planWorkflow(workflow, session);
  const topics = sessionTopics(plan);
  await retain(parts.link, topics.session, plan);
  await retain(parts.link, topics.caller(randomUUID().replaceAll('-', '')), {
    ...idsOf(sessionId),
    responseTopic: request.responseTopic,
    correlationData: Buffer.from(request.correlationData ?? []).toString('base64'),
    requestId: id,
    streaming: false,
    at: new Date().toISOString(),
  });
  void runSteps(parts, workflow, sessionId).then(() => end(parts, workflow, plan, { ...request, id }));
}

/** One claim to all steps, and its echo; then the steps. */
async function runSteps(parts: Parts, workflow: Workflow, sessionId: string): Promise<void> {
  const { claim: topic } = sessionTopics({ ...parts.unit, sessionId });
  const claimId = randomUUID();
  const claimed = parts.echoOf(topic);
  const steps = workflow.steps.map(({ id }) => id);
  const [supervisorId, writerId] = ['supervisor-00000000', `writer-${claimId}`];
  const at = new Date().toISOString();
  await Promise.all([
    retain(parts.link, topic, { ...idsOf(sessionId), claimId, supervisorId, writerId, steps, at }),
    claimed,
  ]);
  const begun = new Map<string, Promise<void>>();
  for (const { id, needs = [] } of workflow.steps) {
    const before = needs.flatMap((need) => begun.get(need as string) ?? []);
    begun.set(
      id,
      Promise.all(before).then(() => runStep(parts, sessionId, id, claimId)),
    );
  }
  await Promise.all(begun.values());
}

async function runStep({ writer, unit }: Parts, sessionId: string, stepId: string, claimId: string) {
  const { result } = sessionTopics({ ...unit, sessionId }).step(stepId);
  const at = new Date().toISOString();
  const ids = { ...idsOf(sessionId), stepId, attempt: 1, claimId };
  await retain(writer, result, { ...ids, state: 'completed', output: stepId, startedAt: at, at });
}

async function end(
  { writer }: Parts,
  workflow: Workflow,
  plan: ReturnType<typeof planWorkflow>,
  {
    id,
    responseTopic = '',
    correlationData,
  }: Pick<InboundMessage, 'responseTopic' | 'correlationData'> & { id: number },
): Promise<void> {
  const topics = sessionTopics(plan);
  const at = new Date().toISOString();
  const { sessionId, contextId, closer, planHash } = plan;
  const state = 'TASK_STATE_COMPLETED';
  const task = {
    id: sessionId,
    contextId,
    status: { state, timestamp: at },
    artifacts: [{ artifactId: closer, name: closer, parts: [{ data: closer }] }],
    metadata: {
      workflowId: workflow.id,
      outcome: 'completed',
      steps: Object.fromEntries(workflow.steps.map((step) => [step.id, 'completed'])),
    },
  };
  const steps = workflow.steps.map((step) => ({
    id: step.id,
    state: 'completed',
    attempt: 1,
    startedAt: at,
    at,
  }));
  await retain(writer, topics.outcome, {
    ...idsOf(sessionId),
    workflowId: workflow.id,
    planHash,
    state,
    task,
    steps,
    at,
  });
  await writer.publish(responseTopic, JSON.stringify({ jsonrpc: '2.0', id, result: { task } }), {
    contentType: 'application/json',
    payloadIsUtf8: true,
    ...(correlationData === undefined ? {} : { correlationData }),
  });
  const done = { ...idsOf(sessionId), stepId: closer, attempt: 1, claimId: randomUUID(), state: 'done', at };
  await retain(writer, topics.step(closer).status, done);
}

function idsOf(sessionId: string) {
  return { schemaVersion: 1, sessionId };
}

function retain(link: Link, topic: string, record: unknown) {
  return link.publish(topic, JSON.stringify(record), {
    qos: 1,
    retain: true,
    contentType: 'application/json',
    payloadIsUtf8: true,
    messageExpirySeconds: 1_200,
  });
}
