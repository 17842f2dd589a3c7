import { randomUUID } from 'node:crypto';
import { createAgent, createRequester, retainedTaskStore, type Requester } from '@shoal/agent-sdk';
import { createBroker, type Broker } from '@shoal/broker';
import { openLink, readRetained, type Link } from '@shoal/mqtt-link';
import { accessOf, agentTopics, deviceTopics, parseShoalTopic, type ShoalTopic } from '@shoal/protocol';
import { retainedLedger } from '@shoal/reasoner';
import { createHost, createSupervisor, inProcessSpawner } from '@shoal/supervisor';
import { parseWorkflow, sessionControl, type SessionControl, type SessionView } from '@shoal/workflow';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readNamedTest } from '../scenarios/named-test.ts';
import { blueprintsOf } from '../shapes/blueprints.ts';
import { FAMILIES } from './families.ts';

const WHOLE = randomUUID();
const WHERE = { org: 'o', unit: 'u' };
const FLOW = `id: flow
description: Writes records of every kind.
deadlineSeconds: 600
retentionSeconds: 600
triggers: [{ id: hot, description: Too hot., telemetry: { when: "message.celsius > 90" } }]
steps:
  - { id: each, use: { blueprint: work }, forEach: { in: "[1, 2]" } }
  - { id: act, use: { blueprint: work }, needs: [each], idempotent: false }
  - { id: ask, use: { approval: { prompt: "Shall it?", expirySeconds: 60 } }, needs: [act] }
  - { id: z, use: { blueprint: plain }, needs: [ask] }
`;

const kinds = Object.keys(FAMILIES) as ShoalTopic['kind'][];
const cleanUp: (() => unknown)[] = [];
let broker: Broker;
let url: string;
let link: Link;
let requester: Requester;
let control: SessionControl;

beforeAll(async () => {
  broker = createBroker({ allowAnonymous: true });
  url = (await broker.start()).tcp?.url ?? '';
  link = await openLink({ url, clientId: 'o/u/caller' });
  requester = createRequester({ link, address: { ...WHERE, agentId: 'caller' } });
  control = sessionControl(link, { ...WHERE, by: 'operator' });
});
afterAll(async () => {
  for (const end of cleanUp.toReversed()) await end();
  await requester.close();
  await link.close();
  await broker.stop();
});

const until = (holds: () => Promise<boolean>) =>
  expect.poll(holds, { timeout: 30_000, interval: 20 }).toBe(true);

/** Resolves when the session's records are so. */
async function untilView(sessionId: string, holds: (view: SessionView) => boolean): Promise<SessionView> {
  let view: SessionView | undefined;
  await until(async () => {
    view = await control.read(sessionId).catch(() => undefined);
    return view !== undefined && holds(view);
  });
  return view!;
}

async function ask(taskId: string): Promise<void> {
  await requester.send({ ...WHERE, agentId: 'flow' }, { data: {}, taskId });
}

/** Whatever is written of sessions, in three of them. */
async function runSessions(): Promise<void> {
  const [whole, canceled, purged] = [WHOLE, randomUUID(), randomUUID()];
  for (const id of [whole, canceled, purged]) await ask(id);
  const isAsked = ({ steps }: SessionView): boolean => steps.get('ask')?.approval !== undefined;
  await untilView(whole, isAsked);
  await control.pause(whole);
  await control.resume(whole);
  await control.extend(whole, { stepId: 'ask', untilMs: Date.now() + 300_000 });
  await control.approve(whole);
  await untilView(whole, ({ outcome }) => outcome !== undefined);
  await untilView(canceled, isAsked);
  await control.cancel(canceled);
  await untilView(canceled, ({ outcome }) => outcome !== undefined);
  await untilView(purged, isAsked);
  await control.purge(purged);
}

async function supervise(): Promise<void> {
  const agents = [
    {
      id: 'watcher',
      description: 'Watches.',
      start: () => Promise.resolve({ stop: () => Promise.resolve() }),
    },
  ];
  const blueprints = blueprintsOf(
    () => 1,
    () => undefined,
  );
  const spawner = inProcessSpawner({ url, blueprints, agents });
  const workflows = [parseWorkflow(FLOW)];
  const supervisor = createSupervisor({ url, ...WHERE, workflows, spawner, agentBlueprints: ['watcher'] });
  await supervisor.start();
  cleanUp.push(
    () => spawner.stop(),
    () => supervisor.stop(),
  );
  const host = createHost({ url, ...WHERE, hostId: 'host-1', spawner });
  await host.start();
  cleanUp.push(() => host.stop());
}

test('no kind of topic is retained for no reason, and access rules keep what is never retained from being so', () => {
  const everybody = (['device', 'agent', 'step', 'supervisor', 'host', 'operator'] as const).flatMap((role) =>
    accessOf(role, { ...WHERE, id: 'x' }).filter(({ action }) => action === 'publish'),
  );
  const whether = kinds.map((kind) => {
    const grants = everybody.filter(
      ({ filter }) => parseShoalTopic(filter.replaceAll('+', 'x'))?.kind === kind,
    );
    return [kind, grants.length > 0 && !grants.every(({ retain }) => retain === false)];
  });
  expect(whether).toEqual(kinds.map((kind) => [kind, !('kept' in FAMILIES[kind])]));
});

const ELSEWHERE = kinds.flatMap((kind) => {
  const keeping = FAMILIES[kind];
  return 'expiresBy' in keeping ? [[kind, keeping.expiresBy] as const] : [];
});

test.each(ELSEWHERE)('that %s expires is tested by name: %s', async (_, named) => {
  const { title, text } = await readNamedTest(named);
  expect(text).toContain(`'${title}'`);
});

test('what supervisors, hosts, agents and people retain expires', { timeout: 120_000 }, async () => {
  await supervise();
  await runSessions();
  const { desired } = agentTopics({ ...WHERE, agentId: 'watcher' });
  const wanted = { schemaVersion: 1, agentId: 'watcher', blueprint: 'watcher', state: 'running', config: {} };
  await link.publish(desired, JSON.stringify(wanted), { qos: 1, retain: true });
  const { telemetry } = deviceTopics({ ...WHERE, deviceId: 'pump' });
  await link.publish(telemetry, JSON.stringify({ celsius: 95 }), { qos: 1 });

  const agent = createAgent({
    url,
    ...WHERE,
    agentId: 'pump',
    card: { name: 'Pump', description: 'Turns.' },
    tasks: retainedTaskStore(),
    handle: () => ({ text: 'done' }),
  });
  await agent.start();
  cleanUp.push(() => agent.stop());
  await requester.send({ ...WHERE, agentId: 'pump' }, 'turn');
  const ledger = retainedLedger({ link, ...WHERE, agentId: 'caller' });
  await ledger.add({ scope: 'session', scopeId: WHOLE }, { calls: 1, tokens: 1, costUsd: 0 });

  // Whoever connects with the id of a writer ends it.
  const view = await control.read(WHOLE);
  const writerId = [...view.steps.values()].find(({ attempt }) => attempt?.writerId !== undefined)?.attempt
    ?.writerId;
  await (await openLink({ url, clientId: `o/u/${writerId}` })).close();

  const seen = new Set<string>();
  const endless = new Set<string>();
  const missing = async (): Promise<readonly string[]> => {
    for (const [topic, { messageExpirySeconds }] of await readRetained(link, 'shoal/v1/o/u/#')) {
      const kind = parseShoalTopic(topic)?.kind ?? topic;
      seen.add(kind);
      if (messageExpirySeconds === undefined && kind !== 'desired') endless.add(topic);
    }
    return kinds.filter((kind) => 'expires' in FAMILIES[kind] && !seen.has(kind));
  };
  await expect.poll(missing, { timeout: 30_000, interval: 20 }).toEqual([]);
  expect([...endless]).toEqual([]);
  expect([...seen].filter((kind) => !kinds.includes(kind as ShoalTopic['kind']))).toEqual([]);
});
