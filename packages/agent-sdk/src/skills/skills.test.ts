import { createBroker } from '@shoal/broker';
import { openLink } from '@shoal/mqtt-link';
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest';
import type { Agent, AgentOptions, Requester } from '../index.ts';
import { SKILL_SCHEMAS_EXTENSION, createAgent, createRequester } from '../index.ts';
import { Type, defineSkill } from './index.ts';

const setSpeed = defineSkill({
  id: 'set-speed',
  description: 'Runs the pump at a speed.',
  input: Type.Object({
    rpm: Type.Integer({ minimum: 0, maximum: 3000 }),
    name: Type.Optional(Type.String()),
  }),
  output: Type.Object({ rpm: Type.Number() }),
});
const readLevel = defineSkill({
  id: 'read-level',
  description: 'Reads the level.',
  input: Type.Object({}),
  output: Type.Object({ metres: Type.Number() }),
});

describe('skills with schemas', () => {
  let stop: () => Promise<void>;
  let url: string;
  let requester: Requester;
  const agents: Agent[] = [];
  beforeAll(async () => {
    const broker = createBroker({ allowAnonymous: true });
    const { tcp } = await broker.start();
    url = tcp!.url;
    const address = { org: 'acme', unit: 'plant', agentId: 'me' };
    const link = await openLink({ url, clientId: 'acme/plant/me' });
    requester = createRequester({ link, address });
    stop = async () => {
      await Promise.all(agents.map((agent) => agent.stop()));
      await link.close();
      await broker.stop();
    };
  });
  afterAll(() => stop());

  async function agent(agentId: string, options: Partial<AgentOptions>): Promise<Agent> {
    const made = createAgent({
      url,
      org: 'acme',
      unit: 'plant',
      agentId,
      card: { name: 'Pump', description: 'Pumps.' },
      ...options,
    });
    agents.push(made);
    await made.start();
    return made;
  }

  it('types follow from the schemas at both ends', async () => {
    const handler = setSpeed.handler((input) => {
      expectTypeOf(input).toEqualTypeOf<{ rpm: number; name?: string }>();
      return { rpm: input.rpm + 1 };
    });
    const pump = await agent('typed', { skills: [handler] });
    const output = await setSpeed.call(requester, pump.address, { rpm: 1480 });
    expectTypeOf(output).toEqualTypeOf<{ rpm: number }>();
    expect(output).toEqual({ rpm: 1481 });
    // @ts-expect-error rpm is a number
    await expect(setSpeed.call(requester, pump.address, { rpm: 'fast' })).rejects.toMatchObject({
      code: 'invalid-input',
      message: 'set-speed: input.rpm must be integer',
    });
  });

  it('the agent checks the input too, for callers without the schema, and runs nothing', async () => {
    let runs = 0;
    const pump = await agent('checked', {
      skills: [setSpeed.handler(({ rpm }) => ({ rpm: (runs += rpm) }))],
    });
    const task = await requester.send(pump.address, { data: { rpm: -1 }, metadata: { skill: 'set-speed' } });
    expect(task).toMatchObject({ status: { state: 'TASK_STATE_REJECTED' } });
    expect(JSON.stringify(task)).toContain('input.rpm must be >= 0');
    expect(runs).toBe(0);
  });

  it('an output that breaks its promise fails the task, and is not sent', async () => {
    // @ts-expect-error metres is a number
    const pump = await agent('broken', { skills: [readLevel.handler(() => ({ metres: 'deep' }))] });
    await expect(readLevel.call(requester, pump.address, {})).rejects.toMatchObject({
      code: 'task-not-completed',
      message: expect.stringContaining('output.metres must be number') as string,
    });
    const liar = await agent('liar', { handle: () => ({ data: { metres: 'deep' } }) });
    await expect(readLevel.call(requester, liar.address, {})).rejects.toMatchObject({
      code: 'invalid-output',
    });
  });

  it('of several skills the message names one; who names none, or another, is told which there are', async () => {
    const skills = [
      setSpeed.handler(({ rpm }) => ({ rpm })),
      readLevel.handler(async () => Promise.resolve({ metres: 3 })),
    ];
    const pump = await agent('several', { skills });
    expect(await readLevel.call(requester, pump.address, {})).toEqual({ metres: 3 });
    for (const metadata of [{}, { skill: 'fly' }]) {
      const task = await requester.send(pump.address, { text: 'x', metadata });
      expect(JSON.stringify(task)).toContain('message.metadata.skill: set-speed, read-level');
      expect(task).toMatchObject({ status: { state: 'TASK_STATE_REJECTED' } });
    }
  });

  it('handle gets what names no skill', async () => {
    const pump = await agent('both', {
      skills: [readLevel.handler(() => ({ metres: 3 }))],
      handle: () => 'chat',
    });
    expect(JSON.stringify(await requester.send(pump.address, 'hello'))).toContain('chat');
    expect(await readLevel.call(requester, pump.address, {})).toEqual({ metres: 3 });
  });

  it('a failed, asking or refusing agent rejects the call with its task', async () => {
    const pump = await agent('asking', {
      skills: [
        readLevel.handler((_, task) => {
          task.inputRequired('Which tank?');
          return undefined;
        }),
      ],
    });
    await expect(readLevel.call(requester, pump.address, {})).rejects.toMatchObject({
      code: 'task-not-completed',
      message: 'read-level ended as TASK_STATE_INPUT_REQUIRED: Which tank?',
      data: { status: { state: 'TASK_STATE_INPUT_REQUIRED' } },
    });
  });

  it('the card lists the skills and their schemas', async () => {
    const pump = await agent('listed', { skills: [setSpeed.handler(({ rpm }) => ({ rpm }))] });
    expect(pump.card.skills).toMatchObject([{ id: 'set-speed', description: 'Runs the pump at a speed.' }]);
    const schemas = pump.card.capabilities.extensions?.find(({ uri }) => uri === SKILL_SCHEMAS_EXTENSION);
    expect(JSON.parse(JSON.stringify(schemas?.params))).toMatchObject({
      'set-speed': { input: { type: 'object', properties: { rpm: { type: 'integer' } } }, output: {} },
    });
  });

  it('an agent that could do nothing, or has two skills of one id, cannot be made', () => {
    const base = { url, org: 'a', unit: 'b', agentId: 'c', card: { name: 'x', description: 'x' } };
    expect(() => createAgent(base)).toThrow(/needs handle, or skills/);
    const twice = readLevel.handler(() => ({ metres: 1 }));
    expect(() => createAgent({ ...base, skills: [twice, twice] })).toThrow(/id read-level/);
  });
});
