import type { Link } from '@shoal/mqtt-link';
import { randomUUID } from 'node:crypto';
import { sessionTopics } from '@shoal/protocol';
import { callerHash, isoTime, parseWorkflow, planWorkflow, writeRecord } from '@shoal/workflow';
import { UNIT } from './told.ts';

/** Alive for as long as a person takes: nobody's process, five records each. */
export const APPROVAL_FLOW = `id: approval
description: Waits for a person.
deadlineSeconds: 86400
steps:
  - { id: ask, use: { approval: { prompt: May it? } } }
  - { id: act, use: { blueprint: work }, needs: [ask] }
`;

const WINDOW = 500;

/** Writes sessions as a supervisor and its instances leave them that wait for an approval. */
export async function writeLiveSessions(link: Link, count: number): Promise<void> {
  const workflow = parseWorkflow(APPROVAL_FLOW);
  let left = count;
  const write = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await writeOne(link, workflow);
    }
  };
  await Promise.all(Array.from({ length: WINDOW }, write));
}

async function writeOne(link: Link, workflow: ReturnType<typeof parseWorkflow>): Promise<void> {
  const now = Date.now();
  const sessionId = randomUUID();
  const message = {
    messageId: randomUUID(),
    role: 'ROLE_USER' as const,
    taskId: sessionId,
    parts: [{ text: 'Please replace the seal of pump 7 before the next shift begins.' }],
  };
  const session = planWorkflow(workflow, { ...UNIT, sessionId, contextId: sessionId, message, now });
  const topics = sessionTopics(session);
  const step = topics.step('ask');
  const claimId = randomUUID();
  const of = { schemaVersion: 1, sessionId, stepId: 'ask', attempt: 1, claimId, at: isoTime(now) };
  const responseTopic = `$a2a/v1/reply/${UNIT.org}/${UNIT.unit}/caller/${sessionId}`;
  const correlation = new TextEncoder().encode(sessionId);
  const records: readonly (readonly [topic: string, record: unknown])[] = [
    [topics.session, session],
    [
      topics.caller(callerHash(responseTopic, correlation)),
      {
        schemaVersion: 1,
        sessionId,
        responseTopic,
        correlationData: Buffer.from(correlation).toString('base64'),
        requestId: sessionId,
        streaming: false,
        at: isoTime(now),
      },
    ],
    [step.attempt, { ...of, supervisorId: 'supervisor-before' }],
    [step.approval, { ...of, prompt: 'May it?', expiresAt: session.deadlineAt }],
    [step.status, { ...of, state: 'parked' }],
  ];
  await Promise.all(records.map(([topic, record]) => writeRecord(link, session, topic, record, now)));
}
