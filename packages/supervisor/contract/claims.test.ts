import { createBroker } from '@shoal/broker';
import { sessionTopics } from '@shoal/protocol';
import { defineBlueprint, type Blueprint } from '@shoal/workflow';
import { graphYaml } from '@shoal/workflow/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { BROKERS, FleetBench, type TestBroker } from './fleet-bench.ts';

const CHAIN = graphYaml({ a: [], b: ['a'], c: ['b'] });

const work = (run: Blueprint['run'] = ({ stepId }) => Promise.resolve({ output: stepId })): Blueprint =>
  defineBlueprint({ id: 'work', description: 'Works.', run });

describe.each(BROKERS)('first attempts that are claimed together on %s', (_, start) => {
  let broker: TestBroker;
  const fleets: FleetBench[] = [];

  beforeAll(async () => void (broker = await start()));
  afterEach(() => Promise.all(fleets.splice(0).map((fleet) => fleet.close())).then(() => undefined));
  afterAll(() => broker.stop());

  async function open(): Promise<FleetBench> {
    const fleet = await FleetBench.open(broker.url);
    fleets.push(fleet);
    return fleet;
  }

  test('one record claims the steps of a session, and each has but its result', async () => {
    const fleet = await open();
    await fleet.supervise(CHAIN, [work()]);
    const { id } = await fleet.ask();
    await fleet.until(async () => (await fleet.view(id)).steps.get('c')?.status?.state === 'done');
    const base = sessionTopics({ ...fleet.address(), sessionId: id }).session;
    const records = [...(await fleet.retained()).keys()].map((topic) => topic.slice(base.length));
    expect(records.filter((record) => !record.startsWith('/caller/')).toSorted()).toEqual(
      [
        '',
        '/claim',
        '/outcome',
        '/step/a/result',
        '/step/b/result',
        '/step/c/result',
        '/step/c/status',
      ].toSorted(),
    );
    const view = await fleet.view(id);
    expect(view.claim).toMatchObject({ steps: ['a', 'b', 'c'] });
    expect(view.steps.get('b')).toMatchObject({
      attempt: { attempt: 1, claimId: `${view.claim!.claimId}.1`, writerId: view.claim!.writerId },
      result: { claimId: `${view.claim!.claimId}.1` },
    });
  });

  test('rule 4: of supervisors that all took the request one begins the steps, and its claim is what stays', async () => {
    const fleet = await open();
    const begun: string[] = [];
    const note = work(({ stepId }) => {
      begun.push(stepId);
      return Promise.resolve({ output: stepId });
    });
    // Without shared subscriptions each of them takes each request.
    for (let i = 0; i < 3; i += 1) await fleet.supervise(CHAIN, [note]);
    const ids = await Promise.all(Array.from({ length: 10 }, async () => (await fleet.ask()).id));
    expect(begun).toHaveLength(30);
    for (const id of ids) {
      await fleet.until(async () => (await fleet.view(id)).steps.get('c')?.status?.state === 'done');
      const { claim, steps } = await fleet.view(id);
      const owner = steps.get('a')?.result?.claimId?.split('.')[0];
      await fleet.until(async () => (await fleet.view(id)).claim?.claimId === owner);
      expect(claim?.steps).toEqual(['a', 'b', 'c']);
    }
  });

  test('what was claimed and not begun when its supervisor went is taken over when it may begin, and not before', async () => {
    const fleet = await open();
    let letGo: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (letGo = resolve));
    const begun: string[] = [];
    const note = work(async ({ stepId, attempt }) => {
      begun.push(`${stepId}${attempt}`);
      if (stepId === 'a') await held;
      return { output: stepId };
    });
    const first = await fleet.supervise(CHAIN, [note]);
    const task = fleet.ask();
    await fleet.until(async () => (await fleet.sessions())[0]?.steps.get('a')?.status?.state === 'running');
    await fleet.supervise(CHAIN, [note]);
    await first.stop();
    await fleet.spawners[0]!.stop();
    letGo();
    const { id, status } = await task;
    expect(status.state).toBe('TASK_STATE_COMPLETED');
    expect(begun).toEqual(['a1', 'a2', 'b2', 'c2']);
    expect((await fleet.view(id)).steps.get('b')?.attempt).toMatchObject({ attempt: 2 });
  });
});

describe('a broker whose access rules do not know the record', () => {
  const asked = async (refuses: (topic: string) => boolean) => {
    const broker = createBroker({
      allowAnonymous: true,
      authorize: (_, action, topic) => action !== 'publish' || !refuses(topic),
    });
    const { tcp } = await broker.start();
    const fleet = await FleetBench.open(tcp!.url);
    await fleet.supervise(CHAIN, [work()]);
    const ids = [(await fleet.ask()).id, (await fleet.ask()).id];
    const views = await Promise.all(ids.map((id) => fleet.view(id)));
    const warned = fleet.log.filter(({ message }) => message.startsWith('steps are claimed one by one'));
    await fleet.close();
    await broker.stop();
    return { views, warned };
  };

  test('has the steps claimed one by one, and is told of it once', async () => {
    const { views, warned } = await asked((topic) => topic.endsWith('/claim'));
    expect(warned).toHaveLength(1);
    for (const { claim, steps } of views) {
      expect(claim).toBeUndefined();
      for (const id of ['a', 'b', 'c'])
        expect(steps.get(id)?.attempt).toMatchObject({ stepId: id, attempt: 1 });
    }
  });
});
