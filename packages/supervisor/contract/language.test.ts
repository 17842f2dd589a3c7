import { randomUUID } from 'node:crypto';
import {
  createAgent,
  dataOf,
  decodeRequest,
  publishReply,
  streamItemPayload,
  type Agent,
} from '@shoal/agent-sdk';
import {
  discoveryTopic,
  poolRequestTopic,
  USER_PROPERTIES,
  type AgentCard,
  type Task,
} from '@shoal/protocol';
import {
  defineBlueprint,
  sessionControl,
  StepError,
  type Blueprint,
  type StepContext,
} from '@shoal/workflow';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { BROKERS, FleetBench, type TestBroker } from './fleet-bench.ts';

const flow = (steps: string, head = ''): string =>
  `id: flow\ndescription: A test.\n${head}\nsteps:\n${steps}\n`;

/** Fields of the schema that a test executes stand in its name as `Type.field`; language-gate.test.ts wants all of them. */
describe.each(BROKERS)('the language on %s', (_, start) => {
  let broker: TestBroker;
  const benches: FleetBench[] = [];
  const agents: Agent[] = [];

  beforeAll(async () => void (broker = await start()));
  afterEach(async () => {
    await Promise.all(agents.splice(0).map((agent) => agent.stop()));
    await Promise.all(benches.splice(0).map((bench) => bench.close()));
  });
  afterAll(() => broker.stop());

  async function bench(): Promise<FleetBench> {
    const opened = await FleetBench.open(broker.url);
    benches.push(opened);
    return opened;
  }

  function blueprint(run: (context: StepContext) => unknown, id = 'work'): Blueprint & { calls: string[] } {
    const calls: string[] = [];
    return {
      calls,
      ...defineBlueprint({
        id,
        description: 'Works.',
        run: async (context) => {
          calls.push(context.stepId);
          return { output: (await run(context)) as string };
        },
      }),
    };
  }

  const outputOf = (task: Task): unknown => {
    const part = task.artifacts?.at(-1)?.parts[0];
    return part !== undefined && 'data' in part ? part.data : undefined;
  };

  async function startAgent(
    fleet: FleetBench,
    agentId: string,
    params: Record<string, unknown>,
  ): Promise<string[]> {
    const asked: string[] = [];
    const agent = createAgent({
      url: broker.url,
      org: 'o',
      unit: fleet.unit,
      agentId,
      card: {
        name: agentId,
        description: 'A pump.',
        skills: [{ id: 'pump', name: 'Pump', description: 'Pumps.', tags: ['wet'] }],
        capabilities: { extensions: [{ uri: 'urn:test', params }] },
      },
      handle: (task) => {
        asked.push(JSON.stringify(task.data));
        return Promise.resolve({ data: { agentId, got: task.data } });
      },
    });
    agents.push(agent);
    await agent.start();
    return asked;
  }

  describe('steps', () => {
    test('the card is that of the file (WorkflowDefinition.id, WorkflowDefinition.name, WorkflowDefinition.description, WorkflowDefinition.version, WorkflowDefinition.tags)', async () => {
      const fleet = await bench();
      const yaml = `id: flow\nname: The flow\ndescription: It flows.\nversion: 2.1.0\ntags: [wet]\nsteps: [{ id: a, use: { blueprint: work } }]`;
      await fleet.supervise(yaml, [blueprint(() => 1)]);
      const topic = discoveryTopic(fleet.address());
      const card = await new Promise<AgentCard>((resolve, reject) => {
        fleet.link
          .subscribe(topic, (message) => resolve(JSON.parse(message.text()) as AgentCard))
          .catch(reject);
      });
      expect(card).toMatchObject({ name: 'The flow', description: 'It flows.', version: '2.1.0' });
      expect(card.skills[0]).toMatchObject({ id: 'flow', tags: ['wet'] });
    });

    test('variables come from the request, else from their default, else they are asked for (WorkflowDefinition.variables, WorkflowVariable.type, WorkflowVariable.required, WorkflowVariable.default, WorkflowVariable.description)', async () => {
      const fleet = await bench();
      const work = blueprint(({ variables }) => ({ ...variables }));
      const head = `variables: { device: { type: string, description: Which pump }, limit: { type: integer, default: 3 }, note: { required: false } }`;
      await fleet.supervise(flow('  - { id: a, use: { blueprint: work } }', head), [work]);
      expect(outputOf(await fleet.ask({ device: 'p' }))).toEqual({ device: 'p', limit: 3, note: null });
      await expect(fleet.ask({})).rejects.toThrow(/"device" \(Which pump\) is missing/);
      await expect(fleet.ask({ device: 'p', limit: 1.5 })).rejects.toThrow(/must be of type integer/);
    });

    test('a step sees its input and what it needs, or is skipped (WorkflowDefinition.steps, StepDefinition.id, StepDefinition.description, StepDefinition.use, StepUse.blueprint, StepDefinition.with, StepDefinition.needs, StepDefinition.when)', async () => {
      const fleet = await bench();
      const work = blueprint(({ stepId, input, results }) => ({
        stepId,
        input,
        results: Object.keys(results),
      }));
      await fleet.supervise(
        flow(`  - { id: a, description: First of all, use: { blueprint: work } }
  - { id: b, use: { blueprint: work }, needs: [a], with: { of: "\${ steps.a.output.stepId }" } }
  - { id: c, use: { blueprint: work }, needs: [{ step: b, onFailure: continue }], when: steps.b.output.stepId == 'x' }`),
        [work],
      );
      const said: string[] = [];
      const taskId = randomUUID();
      for await (const item of fleet.requester.stream(fleet.address(), { text: 'go', taskId }))
        said.push(JSON.stringify(item));
      expect(said.join()).toContain('First of all');
      const { steps } = await fleet.view(taskId);
      expect(steps.get('b')?.result?.output).toEqual({ stepId: 'b', input: { of: 'a' }, results: ['a'] });
      expect(steps.get('c')?.result).toMatchObject({ state: 'skipped', error: { code: 'CONDITION_FALSE' } });
    });

    test('what a failure does is said by the edge, else by the step (StepEdge.step, StepEdge.onFailure, StepDefinition.onFailure)', async () => {
      const fleet = await bench();
      const work = blueprint(({ stepId, needs }) => {
        if (stepId === 'a') throw new StepError('BROKEN', 'a');
        return Object.values(needs).map(({ state }) => state);
      });
      await fleet.supervise(
        flow(`  - { id: a, use: { blueprint: work }, onFailure: skip }
  - { id: b, use: { blueprint: work }, needs: [a] }
  - { id: c, use: { blueprint: work }, needs: [{ step: a, onFailure: continue }] }`),
        [work],
      );
      const task = await fleet.ask();
      expect(task).toMatchObject({
        status: { state: 'TASK_STATE_COMPLETED' },
        metadata: { steps: { a: 'failed', b: 'skipped', c: 'completed' } },
      });
      expect(outputOf(task)).toEqual(['failed']);
    });

    test('a step that takes too long or fails for now is tried again, as often as it says (StepDefinition.timeoutSeconds, StepDefinition.retry, StepRetry.maxAttempts)', async () => {
      const fleet = await bench();
      const work = blueprint(({ attempt, signal }) =>
        attempt === 1
          ? new Promise((__, reject) =>
              signal.addEventListener('abort', () => reject(signal.reason as Error)),
            )
          : Promise.reject(new StepError('BUSY', 'later', { retryable: true })),
      );
      await fleet.supervise(
        flow(
          '  - { id: a, use: { blueprint: work }, timeoutSeconds: 0.1, retry: { maxAttempts: 3, backoffSeconds: 0.01 } }',
        ),
        [work],
      );
      const task = await fleet.ask();
      expect(JSON.stringify(task.status.message)).toContain('3 of 3 attempts failed; the last: BUSY');
      expect(work.calls).toEqual(['a', 'a', 'a']);
    });

    test('a step that must not act twice announces it first (StepDefinition.idempotent)', async () => {
      const fleet = await bench();
      await fleet.supervise(flow('  - { id: a, use: { blueprint: work }, idempotent: false }'), [
        blueprint(() => 1),
      ]);
      const task = await fleet.ask();
      expect((await fleet.view(task.id)).steps.get('a')?.intent).toMatchObject({ attempt: 1 });
    });

    test.each([
      ['StepUse.agent', 'agent: "${ variables.who }"'],
      ['StepUse.skill', 'skill: pump'],
    ])('a live agent does the step (%s)', async (__, use) => {
      const fleet = await bench();
      const asked = await startAgent(fleet, 'pump-07', {});
      await fleet.supervise(
        flow(`  - { id: a, use: { ${use} }, with: { n: 1 } }`, 'variables: { who: { default: pump-07 } }'),
        [],
      );
      expect(outputOf(await fleet.ask())).toEqual({ agentId: 'pump-07', got: { n: 1 } });
      expect(asked).toEqual(['{"n":1}']);
    });
  });

  describe('fan-out', () => {
    test('a step is done once for each item of a list, so many at once (StepDefinition.forEach, StepForEach.in, StepForEach.concurrency)', async () => {
      const fleet = await bench();
      let running = 0;
      let most = 0;
      const work = blueprint(async ({ item, index, input }) => {
        running += 1;
        most = Math.max(most, running);
        await new Promise((resolve) => setTimeout(resolve, 20));
        running -= 1;
        return { item: item ?? null, index: index ?? null, input };
      });
      const last = blueprint(({ results }) => results['each'], 'last');
      await fleet.supervise(
        flow(
          `  - { id: each, use: { blueprint: work }, with: { text: "\${ item } at \${ index }" }, forEach: { in: "variables.list.filter(x, x != 'b')", concurrency: 2 } }
  - { id: end, use: { blueprint: last }, needs: [each] }`,
          'variables: { list: { type: array } }',
        ),
        [work, last],
      );
      const task = await fleet.ask({ list: ['a', 'b', 'c', 'd', 'e'] });
      expect(task.status.state).toBe('TASK_STATE_COMPLETED');
      expect(outputOf(task)).toMatchObject({
        total: 4,
        completed: 4,
        items: ['a', 'c', 'd', 'e'].map((item, index) => ({
          item,
          index,
          state: 'completed',
          output: { item, index, input: { text: `${item} at ${index}` } },
        })),
      });
      expect(most).toBe(2);
      expect(work.calls.toSorted()).toEqual(['each.0', 'each.1', 'each.2', 'each.3']);
    });

    test('waves follow each other, and after too many failures nothing else begins (StepForEach.waves, StepForEach.wavePauseSeconds, StepForEach.failureBudget)', async () => {
      const fleet = await bench();
      const begun: number[] = [];
      const work = blueprint(({ index = 0 }) => {
        begun.push(Date.now());
        if (index === 0 || index === 2) throw new StepError('BAD', `item ${index}`);
        return index;
      });
      await fleet.supervise(
        flow(
          `  - { id: each, use: { blueprint: work }, forEach: { in: "[0, 1, 2, 3, 4, 5]", waves: [1, "30%"], wavePauseSeconds: 0.2, failureBudget: "20%" } }`,
        ),
        [work],
      );
      const task = await fleet.ask();
      expect(task.status.state).toBe('TASK_STATE_FAILED');
      expect(work.calls.toSorted()).toEqual(['each.0', 'each.1', 'each.2']);
      expect((begun[1] ?? 0) - (begun[0] ?? 0)).toBeGreaterThanOrEqual(190);
      const { error } = (await fleet.view(task.id)).steps.get('each')?.result ?? {};
      expect(error).toMatchObject({
        code: 'FAILURE_BUDGET_EXCEEDED',
        details: { total: 6, completed: 1, failed: 2, skipped: 3 },
      });
    });

    test('a failure within the budget leaves the step whole, without outputs when only states are wanted (StepForEach.collect)', async () => {
      const fleet = await bench();
      const work = blueprint(({ index }) => {
        if (index === 1) throw new StepError('BAD', 'no');
        return 'x';
      });
      await fleet.supervise(
        flow(
          `  - { id: each, use: { blueprint: work }, forEach: { in: "[1, 2, 3]", failureBudget: 1, collect: states } }`,
        ),
        [work],
      );
      const output = outputOf(await fleet.ask());
      expect(output).toMatchObject({ completed: 2, failed: 1 });
      expect(JSON.stringify(output)).not.toContain('"output"');
      expect(JSON.stringify(output)).toContain('"code":"BAD"');
    });

    test('more items than allowed fail the step before one begins (StepForEach.maxItems)', async () => {
      const fleet = await bench();
      const work = blueprint(() => 1);
      await fleet.supervise(
        flow(`  - { id: each, use: { blueprint: work }, forEach: { in: "[1, 2, 3]", maxItems: 2 } }`),
        [work],
      );
      const task = await fleet.ask();
      expect(JSON.stringify(task.status.message)).toContain('TOO_MANY_ITEMS');
      expect(work.calls).toEqual([]);
    });

    test.each([
      ['FleetSelection.skill, FleetSelection.site', 'skill: pump, site: north', ['a', 'b']],
      ['FleetSelection.tag, FleetSelection.labels', 'tag: wet, labels: { line: "3" }', ['b', 'c']],
      ['FleetSelection.presence', 'skill: pump, presence: any, labels: { line: "4" }', ['a', 'gone']],
      ['expressions', 'site: "${ variables.where }"', ['c']],
    ])(
      'over a live selection of the fleet, pinned (StepForEach.select, %s)',
      async (__, select, expected) => {
        const fleet = await bench();
        const asked = new Map<string, string[]>();
        for (const [id, params] of [
          ['c', { site: 'south', labels: { line: '3' } }],
          ['a', { site: 'north', line: '4' }],
          ['b', { site: 'north', line: '3' }],
          ['gone', { site: 'north', line: '4' }],
        ] as const)
          asked.set(id, await startAgent(fleet, id, params));
        await agents.pop()?.stop();
        await fleet.supervise(
          flow(
            `  - { id: each, use: { agent: "\${ item.agentId }" }, with: { n: "\${ index }" }, timeoutSeconds: 1, retry: { maxAttempts: 1 }, forEach: { select: { ${select} }, failureBudget: 1 } }`,
            'variables: { where: { default: south } }',
          ),
          [],
        );
        const task = await fleet.ask();
        const view = await fleet.view(task.id);
        const items = view.steps.get('each')?.items?.items as { agentId: string }[];
        expect(items.map(({ agentId }) => agentId)).toEqual(expected);
        for (const [id, calls] of asked)
          expect(calls).toHaveLength(expected.includes(id) && id !== 'gone' ? 1 : 0);
      },
    );

    test('cancel ends running items, begins no other, and the session ends', async () => {
      const fleet = await bench();
      const work = blueprint(
        ({ signal }) =>
          new Promise((__, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
      );
      await fleet.supervise(
        flow(`  - { id: each, use: { blueprint: work }, forEach: { in: "[1, 2, 3]", concurrency: 2 } }`),
        [work],
      );
      const taskId = randomUUID();
      const answer = fleet.ask({}, taskId);
      await fleet.until(() => work.calls.length === 2);
      await fleet.requester.cancelTask(fleet.address(), { id: taskId });
      expect((await answer).status.state).toBe('TASK_STATE_CANCELED');
      expect(work.calls).toHaveLength(2);
    });
  });

  describe('approval', () => {
    const yaml = (more = '', rest = '') =>
      flow(
        `  - { id: ask, use: { approval: { prompt: "Stop \${ variables.device }?"${more} } } }
  - { id: act, use: { blueprint: work }, needs: [ask], with: { by: "\${ steps.ask.output.by }" } }${rest}`,
        'variables: { device: { default: pump-01 } }',
      );

    test('the caller is asked, a message on the task approves, who it was is recorded (StepUse.approval, StepApproval.prompt)', async () => {
      const fleet = await bench();
      const work = blueprint(({ input }) => input);
      await fleet.supervise(yaml(), [work]);
      const asked = await fleet.ask();
      expect(asked.status.state).toBe('TASK_STATE_INPUT_REQUIRED');
      expect(JSON.stringify(asked.status.message)).toContain('Stop pump-01?');
      expect(work.calls).toEqual([]);
      await expect(
        fleet.requester.send(fleet.address(), { text: 'perhaps', taskId: asked.id }),
      ).rejects.toThrow(/approve/);
      const done = (await fleet.requester.send(fleet.address(), {
        text: 'approve',
        taskId: asked.id,
      })) as Task;
      expect(done.status.state).toBe('TASK_STATE_COMPLETED');
      const { by } = outputOf(done) as { by: string };
      expect(by).toBe(fleet.requester.address.agentId);
      expect((await fleet.view(asked.id)).steps.get('ask')?.decision).toMatchObject({
        action: 'approve',
        by,
      });
    });

    test('a stream pauses with the question', async () => {
      const fleet = await bench();
      await fleet.supervise(yaml(), [blueprint(() => 1)]);
      const items: string[] = [];
      for await (const item of fleet.requester.stream(fleet.address(), 'go'))
        items.push(JSON.stringify(item));
      expect(items.at(-1)).toContain('TASK_STATE_INPUT_REQUIRED');
      expect(items.at(-1)).toContain('Stop pump-01?');
    });

    test('it survives that every process is gone, and only approvers count (StepApproval.approvers)', async () => {
      const fleet = await bench();
      const work = blueprint(() => 'acted');
      const first = await fleet.supervise(yaml(', approvers: [boss]'), [work]);
      const asked = await fleet.ask();
      await first.stop();
      await fleet.spawners[0]?.stop();
      const { unit } = fleet;
      const clerk = sessionControl(fleet.link, { org: 'o', unit, by: 'clerk' });
      await expect(clerk.approve(asked.id)).rejects.toMatchObject({ code: 'not-pending' });
      // Written while no supervisor is there.
      await sessionControl(fleet.link, { org: 'o', unit, by: 'boss' }).approve(asked.id, { reason: 'fine' });
      await fleet.supervise(yaml(', approvers: [boss]'), [work]);
      const done = await fleet.ended(asked.id);
      expect(done.state).toBe('completed');
      expect(work.calls).toEqual(['act']);
      const view = await fleet.view(asked.id);
      expect(view.steps.get('ask')?.result?.output).toMatchObject({
        approved: true,
        by: 'boss',
        reason: 'fine',
      });
    });

    test('nobody answers: it counts as denied (StepApproval.expirySeconds)', async () => {
      const fleet = await bench();
      const work = blueprint(() => 1);
      await fleet.supervise(yaml(', expirySeconds: 0.3'), [work]);
      const asked = await fleet.ask();
      const outcome = await fleet.ended(asked.id);
      expect(outcome.state).toBe('failed');
      expect(JSON.stringify(outcome)).toContain('APPROVAL_EXPIRED');
      expect(work.calls).toEqual([]);
    });

    test('denied: the step fails by name', async () => {
      const fleet = await bench();
      await fleet.supervise(yaml(), [blueprint(() => 1)]);
      const asked = await fleet.ask();
      const parts = [{ data: { decision: 'deny', stepId: 'ask', reason: 'too hot' } }];
      const done = (await fleet.requester.send(fleet.address(), { parts, taskId: asked.id })) as Task;
      expect(JSON.stringify(done.status.message)).toContain('DENIED');
      expect(JSON.stringify(done.status.message)).toContain('too hot');
    });
  });

  describe('compensation', () => {
    test('what completed is undone, the last first, when the session fails under that policy (FailurePolicy.compensate, StepDefinition.compensate, StepCompensation.use, StepCompensation.with)', async () => {
      const fleet = await bench();
      const work = blueprint(({ stepId, input }) => {
        if (stepId === 'c') throw new StepError('BROKEN', 'c is broken');
        return input['undo'] ?? stepId;
      });
      await fleet.supervise(
        flow(`  - { id: a, use: { blueprint: work }, compensate: { use: { blueprint: work }, with: { undo: "\${ steps.a.output }" } } }
  - { id: b, use: { blueprint: work }, needs: [a], compensate: { use: { blueprint: work }, with: { undo: "\${ steps.c.error.code }" } } }
  - { id: x, use: { blueprint: work }, needs: [a] }
  - { id: c, use: { blueprint: work }, needs: [b], onFailure: compensate, compensate: { use: { blueprint: work } } }`),
        [work],
      );
      const task = await fleet.ask();
      expect(task.status.state).toBe('TASK_STATE_FAILED');
      expect(task.metadata).toMatchObject({ outcome: 'failed', compensation: 'completed' });
      expect(work.calls.filter((id) => id.endsWith('.compensate'))).toEqual(['b.compensate', 'a.compensate']);
      const view = await fleet.view(task.id);
      expect(view.outcome?.compensation).toMatchObject({
        state: 'completed',
        steps: [{ id: 'b.compensate', state: 'completed' }, { id: 'a.compensate' }],
      });
      expect(view.steps.get('b.compensate')?.result?.output).toBe('BROKEN');
      expect(view.steps.get('a.compensate')?.result?.output).toBe('a');
    });

    test('nothing is undone when nothing failed, or under another policy', async () => {
      const fleet = await bench();
      const work = blueprint(({ stepId, variables }) => {
        if (stepId === 'b' && variables['fail'] === true) throw new StepError('BROKEN', 'b');
        return stepId;
      });
      const step = `  - { id: a, use: { blueprint: work }, compensate: { use: { blueprint: work } } }\n`;
      await fleet.supervise(
        flow(
          `${step}  - { id: b, use: { blueprint: work }, needs: [a] }`,
          'variables: { fail: { default: false } }',
        ),
        [work],
      );
      expect((await fleet.ask()).status.state).toBe('TASK_STATE_COMPLETED');
      expect((await fleet.ask({ fail: true })).status.state).toBe('TASK_STATE_FAILED');
      expect(work.calls).toEqual(['a', 'b', 'a', 'b']);
    });

    test('a compensation is tried again, and one that fails for good is told and does not keep the others (StepCompensation.retry, StepCompensation.timeoutSeconds, StepCompensation.description, StepCompensation.idempotent)', async () => {
      const fleet = await bench();
      const tries = new Map<string, number>();
      const work = blueprint(({ stepId, signal }) => {
        const n = (tries.get(stepId) ?? 0) + 1;
        tries.set(stepId, n);
        if (stepId === 'c') throw new StepError('BROKEN', 'c');
        if (stepId === 'b.compensate')
          return new Promise((__, reject) =>
            signal.addEventListener('abort', () => reject(signal.reason as Error)),
          );
        if (stepId === 'a.compensate' && n < 3) throw new StepError('BUSY', 'later', { retryable: true });
        return stepId;
      });
      await fleet.supervise(
        flow(`  - { id: a, use: { blueprint: work }, compensate: { description: Takes it back, use: { blueprint: work }, retry: { maxAttempts: 3, backoffSeconds: 0.01 }, idempotent: false } }
  - { id: b, use: { blueprint: work }, needs: [a], compensate: { use: { blueprint: work }, timeoutSeconds: 0.1, retry: { maxAttempts: 1 } } }
  - { id: c, use: { blueprint: work }, needs: [b], onFailure: compensate }`),
        [work],
      );
      const task = await fleet.ask();
      expect(task.metadata).toMatchObject({ outcome: 'failed', compensation: 'failed' });
      const view = await fleet.view(task.id);
      expect(view.steps.get('b.compensate')?.result?.error?.code).toBe('ATTEMPTS_EXHAUSTED');
      // It must not act twice, and said itself that it had not: it is not tried again after its intent.
      expect(view.steps.get('a.compensate')?.result).toMatchObject({
        state: 'failed',
        error: { code: 'BUSY' },
      });
      expect(view.steps.get('a.compensate')?.intent).toBeDefined();
    });

    test('cancel and deadline undo too, within their own time (WorkflowDefinition.compensationSeconds)', async () => {
      const fleet = await bench();
      const work = blueprint(({ stepId, signal }) =>
        stepId === 'b'
          ? new Promise((__, reject) =>
              signal.addEventListener('abort', () => reject(signal.reason as Error)),
            )
          : stepId,
      );
      await fleet.supervise(
        flow(
          `  - { id: a, use: { blueprint: work }, compensate: { use: { blueprint: work } } }
  - { id: b, use: { blueprint: work }, needs: [a], onFailure: compensate }`,
          'deadlineSeconds: 0.6\ncompensationSeconds: 5',
        ),
        [work],
      );
      const late = await fleet.ask();
      expect(JSON.stringify(late.status.message)).toContain('DEADLINE_EXCEEDED');
      expect(late.metadata).toMatchObject({ compensation: 'completed' });
      const taskId = randomUUID();
      const answer = fleet.ask({}, taskId);
      await fleet.until(() => work.calls.filter((id) => id === 'b').length === 2);
      await sessionControl(fleet.link, { org: 'o', unit: fleet.unit, by: 'boss' }).cancel(taskId, 'enough');
      expect((await answer).metadata).toMatchObject({ outcome: 'canceled', compensation: 'completed' });
    });
  });

  describe('joins', () => {
    const three = (join: string) =>
      flow(`  - { id: a, use: { blueprint: work } }
  - { id: b, use: { blueprint: work } }
  - { id: c, use: { blueprint: work }, onFailure: skip }
  - { id: end, use: { blueprint: work }, needs: [a, b, c], join: ${join} }`);
    const slow = () =>
      blueprint(({ stepId, results }) =>
        stepId === 'c'
          ? new Promise((resolve) => setTimeout(() => resolve('late'), 700))
          : Object.keys(results),
      );

    test.each([
      ['JoinRule.percent', '{ percent: 60 }', ['a', 'b']],
      ['JoinRule.atLeast', '{ atLeast: 2 }', ['a', 'b']],
      ['JoinRule.withinSeconds, JoinRule.onTimeout', '{ withinSeconds: 0.2, onTimeout: run }', ['a', 'b']],
      ['StepDefinition.join', 'all', ['a', 'b', 'c']],
    ])('a join runs with those that are there (%s: %s)', async (__, join, expected) => {
      const fleet = await bench();
      await fleet.supervise(three(join), [slow()]);
      expect(outputOf(await fleet.ask())).toEqual(expected);
    });

    test('a join that takes too long fails the step by name', async () => {
      const fleet = await bench();
      await fleet.supervise(three('{ withinSeconds: 0.1 }'), [slow()]);
      const task = await fleet.ask();
      expect(JSON.stringify(task.status.message)).toContain('JOIN_TIMEOUT');
    });
  });

  describe('workflows and pools', () => {
    const child = `id: child\ndescription: x\nvariables: { n: { type: number } }\nsteps: [{ id: a, use: { blueprint: work }, with: { n: "\${ variables.n }" } }]`;

    test('a workflow runs as a child session of a step (StepUse.workflow)', async () => {
      const fleet = await bench();
      const work = blueprint(({ input, sessionId }) => ({ twice: Number(input['n']) * 2, sessionId }));
      await fleet.supervise(
        [
          flow(
            `  - { id: sub, use: { workflow: child }, with: { n: "\${ item }" }, forEach: { in: "[1, 2]" } }`,
          ),
          child,
        ],
        [work],
      );
      const task = await fleet.ask();
      const { items } = outputOf(task) as { items: { output: { twice: number; sessionId: string } }[] };
      expect(items.map(({ output }) => output.twice)).toEqual([2, 4]);
      const view = await fleet.view(items[0]?.output.sessionId ?? '');
      expect(view.session?.parent).toEqual({ sessionId: task.id, stepId: 'sub.0', depth: 1 });
    });

    test('a child that waits for a person keeps its parent waiting, and no longer', async () => {
      const fleet = await bench();
      await fleet.supervise(
        [
          flow(`  - { id: sub, use: { workflow: child } }`),
          `id: child\ndescription: x\nsteps: [{ id: ask, use: { approval: { prompt: "Well?" } } }]`,
        ],
        [],
      );
      const answer = fleet.ask();
      await fleet.until(async () =>
        (await fleet.sessions()).some(({ steps }) => steps.get('ask')?.status?.state === 'parked'),
      );
      const view = (await fleet.sessions()).find(({ session }) => session?.parent !== undefined);
      await sessionControl(fleet.link, { org: 'o', unit: fleet.unit, by: 'boss' }).approve(
        view?.sessionId ?? '',
      );
      expect(outputOf(await answer)).toMatchObject({ approved: true, by: 'boss' });
    });

    test('cancel reaches the child, also when the step that should have said so is gone', async () => {
      const fleet = await bench();
      const work = blueprint(
        ({ signal }) =>
          new Promise((__, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
      );
      await fleet.supervise(
        [flow(`  - { id: sub, use: { workflow: child }, with: { n: 1 } }`), child],
        [work],
      );
      const taskId = randomUUID();
      const answer = fleet.ask({}, taskId);
      await fleet.until(() => work.calls.length === 1);
      await sessionControl(fleet.link, { org: 'o', unit: fleet.unit, by: 'boss' }).cancel(taskId);
      expect((await answer).status.state).toBe('TASK_STATE_CANCELED');
      const sub = (await fleet.sessions()).find(({ session }) => session?.parent?.sessionId === taskId);
      expect((await fleet.ended(sub?.sessionId ?? '')).state).toBe('canceled');
    });

    test('a workflow that calls itself ends at a depth', async () => {
      const fleet = await bench();
      await fleet.supervise(flow(`  - { id: sub, use: { workflow: flow }, retry: { maxAttempts: 1 } }`), []);
      const task = await fleet.ask();
      expect(task.status.state).toBe('TASK_STATE_FAILED');
      const depths = (await fleet.sessions()).map(({ session }) => session?.parent?.depth ?? 0);
      expect(Math.max(...depths)).toBe(8);
    });

    test('one member of a pool takes the step (StepUse.pool)', async () => {
      const fleet = await bench();
      const where = { org: 'o', unit: fleet.unit };
      const userProperties = { [USER_PROPERTIES.responderAgentId]: 'clerk-1' };
      await fleet.link.subscribe(poolRequestTopic({ ...where, poolId: 'clerks' }), async (message) => {
        const request = decodeRequest(message);
        if (!request.ok || request.method !== 'SendStreamingMessage') return;
        const task = {
          id: request.taskId,
          contextId: 'c',
          status: { state: 'TASK_STATE_COMPLETED' },
          artifacts: [{ artifactId: 'x', parts: [{ data: { got: dataOf(request.params.message) } }] }],
        };
        const item = streamItemPayload(request.id, { task } as never);
        await publishReply(fleet.link, request.reply, item, { userProperties });
      });
      await fleet.supervise(flow(`  - { id: a, use: { pool: clerks }, with: { n: 1 } }`), []);
      expect(outputOf(await fleet.ask())).toEqual({ got: { n: 1 } });
    });
  });

  describe('control', () => {
    test('paused: nothing begins; resumed: it goes on', async () => {
      const fleet = await bench();
      let open: () => void = () => undefined;
      const opened = new Promise<void>((resolve) => (open = resolve));
      const work = blueprint(async ({ stepId }) => {
        if (stepId === 'a') await opened;
        return stepId;
      });
      await fleet.supervise(
        flow(`  - { id: a, use: { blueprint: work } }\n  - { id: b, use: { blueprint: work }, needs: [a] }`),
        [work],
      );
      const taskId = randomUUID();
      const answer = fleet.ask({}, taskId);
      await fleet.until(() => work.calls.length === 1);
      const control = sessionControl(fleet.link, { org: 'o', unit: fleet.unit, by: 'boss' });
      await control.pause(taskId, 'lunch');
      open();
      await fleet.until(async () => (await fleet.view(taskId)).steps.get('a')?.result !== undefined);
      expect(await fleet.requester.getTask(fleet.address(), { id: taskId })).toMatchObject({
        metadata: { paused: true },
      });
      expect(work.calls).toEqual(['a']);
      await control.resume(taskId);
      expect((await answer).status.state).toBe('TASK_STATE_COMPLETED');
      expect(work.calls).toEqual(['a', 'b']);
    });

    test('a session is run again from a step on, as a new one that takes over the rest', async () => {
      const fleet = await bench();
      let broken = true;
      const work = blueprint(({ stepId, results }) => {
        if (stepId === 'b' && broken) throw new StepError('BROKEN', 'b');
        return [stepId, ...Object.values(results).map(String)].join('<');
      });
      await fleet.supervise(
        flow(`  - { id: a, use: { blueprint: work } }
  - { id: b, use: { blueprint: work }, needs: [a] }
  - { id: c, use: { blueprint: work }, needs: [b] }`),
        [work],
      );
      const first = await fleet.ask();
      expect(first.status.state).toBe('TASK_STATE_FAILED');
      broken = false;
      const control = sessionControl(fleet.link, { org: 'o', unit: fleet.unit, by: 'boss' });
      const again = (await control.rerun(first.id, { from: 'b' })) as Task;
      expect((await fleet.ended(again.id)).state).toBe('completed');
      expect(work.calls).toEqual(['a', 'b', 'b', 'c']);
      const view = await fleet.view(again.id);
      expect(view.steps.get('c')?.result?.output).toBe('c<b<a');
      expect(view.session?.rerun).toMatchObject({ of: first.id, from: 'b' });
      expect(view.outcome?.task.metadata).toMatchObject({ rerunOf: first.id });
      await expect(control.rerun(first.id, { from: 'nope' })).rejects.toThrow(/is no step/);
    });

    test('only the items of a fan-out that failed run again, or a named one', async () => {
      const fleet = await bench();
      let broken = true;
      const work = blueprint(({ stepId, item }) => {
        if (item === 'y' && broken) throw new StepError('BROKEN', 'y');
        return stepId === 'z' ? 'z' : `${item as string}!`;
      });
      const ran = () => work.calls.splice(0).toSorted();
      await fleet.supervise(
        flow(`  - { id: each, use: { blueprint: work }, forEach: { in: "['x', 'y', 'v']", failureBudget: 0 } }
  - { id: z, use: { blueprint: work }, needs: [each] }`),
        [work],
      );
      const first = await fleet.ask();
      expect(first.status.state).toBe('TASK_STATE_FAILED');
      expect(ran()).toEqual(['each.0', 'each.1', 'each.2']);
      broken = false;
      const control = sessionControl(fleet.link, { org: 'o', unit: fleet.unit, by: 'boss' });
      const again = (await control.rerun(first.id, { from: 'each', items: 'failed' })) as Task;
      expect((await fleet.ended(again.id)).state).toBe('completed');
      expect(ran()).toEqual(['each.1', 'z']);
      const { steps } = await fleet.view(again.id);
      expect(steps.get('each')?.result?.output).toMatchObject({
        completed: 3,
        items: [{ output: 'x!' }, { output: 'y!' }, { output: 'v!' }],
      });
      const third = (await control.rerun(again.id, { from: 'each', items: ['x'] })) as Task;
      expect((await fleet.ended(third.id)).state).toBe('completed');
      expect(ran()).toEqual(['each.0', 'z']);
      await expect(control.rerun(again.id, { from: 'each', items: ['w'] })).rejects.toThrow(/no item/);
    });

    test('a session and an approval get more time, and the question says until when', async () => {
      const fleet = await bench();
      await fleet.supervise(
        flow(`  - { id: ask, use: { approval: { prompt: "So?", expirySeconds: 600 } } }`),
        [],
      );
      const taskId = randomUUID();
      void fleet.ask({}, taskId);
      await fleet.until(async () => (await fleet.view(taskId)).steps.get('ask')?.status?.state === 'parked');
      const control = sessionControl(fleet.link, { org: 'o', unit: fleet.unit, by: 'boss' });
      const { session } = await control.read(taskId);
      const untilMs = Date.parse(session?.deadlineAt ?? '') + 60_000;
      await expect(control.extend(taskId, { stepId: 'ask', untilMs })).rejects.toThrow(/extend it first/);
      await control.extend(taskId, { untilMs, reason: 'the boss is away' });
      await control.extend(taskId, { stepId: 'ask', untilMs });
      const view = await fleet.view(taskId);
      const until = new Date(untilMs).toISOString();
      expect(view.extend).toMatchObject({ deadlineAt: until, steps: { ask: until } });
      const asked = await fleet.requester.getTask(fleet.address(), { id: taskId });
      expect(JSON.stringify(asked.status.message)).toContain(until);
      await control.approve(taskId);
      expect((await fleet.ended(taskId)).state).toBe('completed');
    });

    test('purged: the records are gone, and a late word does not bring them back', async () => {
      const fleet = await bench();
      await fleet.supervise(flow(`  - { id: a, use: { blueprint: work } }`), [blueprint(() => 1)]);
      const task = await fleet.ask();
      const control = sessionControl(fleet.link, { org: 'o', unit: fleet.unit, by: 'boss' });
      await fleet.until(async () => (await fleet.view(task.id)).steps.get('a')?.status?.state === 'done');
      await control.purge(task.id);
      await fleet.until(async () => (await fleet.retained()).size === 1);
      await expect(fleet.requester.getTask(fleet.address(), { id: task.id })).rejects.toMatchObject({
        code: 'task-not-found',
      });
      await expect(fleet.ask({}, task.id)).rejects.toThrow(/purged/);
      await expect(control.read(task.id)).rejects.toMatchObject({ code: 'no-session' });
    });
  });

  test('a run goes on as it was planned when the definition changes under it', async () => {
    const fleet = await bench();
    let open: () => void = () => undefined;
    const opened = new Promise<void>((resolve) => (open = resolve));
    const work = blueprint(async ({ stepId }) => {
      if (stepId === 'a') await opened;
      return stepId;
    });
    const before = flow(
      `  - { id: a, use: { blueprint: work } }\n  - { id: b, use: { blueprint: work }, needs: [a] }`,
    );
    const first = await fleet.supervise(before, [work]);
    const taskId = randomUUID();
    const answer = fleet.ask({}, taskId);
    await fleet.until(async () => (await fleet.view(taskId)).steps.get('a')?.status?.state === 'running');
    const { planHash } = (await fleet.view(taskId)).session ?? {};
    await first.stop();
    await fleet.supervise(flow(`  - { id: other, use: { blueprint: work } }`), [work]);
    open();
    const task = await answer;
    expect(work.calls).toEqual(['a', 'b']);
    expect((await fleet.view(task.id)).outcome?.planHash).toBe(planHash);
    expect((await fleet.ask()).artifacts?.[0]?.artifactId).toBe('other');
  });
});
