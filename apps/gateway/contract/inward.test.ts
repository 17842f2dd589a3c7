import type { Requester } from '@shoal/agent-sdk';
import { createRequester, textOf } from '@shoal/agent-sdk';
import { openLink } from '@shoal/mqtt-link';
import type { AgentAddress, Message, StreamResponse, Task } from '@shoal/protocol';
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { HttpAgentOptions } from '../src/index.ts';
import { createHttpAgent } from '../src/index.ts';
import { HttpAgentServer } from './http-agent-server.ts';
import { BROKERS, Network } from './network.ts';

for (const { name, skip, start } of BROKERS) {
  describe.skipIf(skip)(`an agent of HTTP on ${name}`, () => {
    let broker: Awaited<ReturnType<typeof start>>;
    let network: Network;
    let server: HttpAgentServer;
    let address: AgentAddress;
    let requester: Requester;

    beforeAll(async () => {
      broker = await start();
    });
    afterAll(() => broker.stop());
    beforeEach(async () => {
      network = new Network(broker.url);
      server = new HttpAgentServer();
      await server.start();
      network.onEnd(() => server.disappear());
      address = { org: 'acme', unit: network.unit, agentId: 'weather' };
      const me = { org: 'acme', unit: network.unit, agentId: 'me' };
      const link = await openLink({ url: broker.url, clientId: `acme/${network.unit}/me` });
      network.onEnd(() => link.close());
      requester = createRequester({ link, address: me });
    });
    afterEach(() => network.end());

    async function serve(options: Partial<HttpAgentOptions> = {}) {
      const agent = await createHttpAgent({ url: broker.url, ...address, agentUrl: server.url, ...options });
      await agent.start();
      network.onEnd(() => agent.stop({ graceMs: 0 }));
      return agent;
    }
    const wordsOf = (task: Task | Message): string => textOf((task as Task).artifacts?.[0] as never);

    it('registers the card, with the interfaces of the broker', async () => {
      const documentationUrl = 'https://weather.example/docs';
      const agent = await serve({ card: { documentationUrl } });
      expect(agent.card).toMatchObject({
        name: 'Weather',
        version: '2.1.0',
        documentationUrl,
        skills: [{ id: 'forecast' }],
      });
      expect(JSON.stringify(agent.card.supportedInterfaces)).not.toContain('http://');
      expect(agent.card.capabilities.streaming).toBe(true);
    });

    it('passes messages on and the results back, with headers of its own', async () => {
      await serve({ headers: () => ({ authorization: 'Bearer secret-of-http' }) });
      const task = (await requester.send(address, 'Berlin')) as Task;
      expect(task.status.state).toBe('TASK_STATE_COMPLETED');
      expect(wordsOf(task)).toBe('sunny for: Berlin');
      expect([...server.authorizations]).toEqual(['Bearer secret-of-http']);
      expect(server.received).toEqual(['Berlin']);
    });

    it('streams what it streams', async () => {
      await serve();
      const items: StreamResponse[] = [];
      for await (const item of requester.stream(address, 'Berlin')) items.push(item);
      expect(JSON.stringify(items)).toContain('looking at the sky');
      expect(JSON.stringify(items.at(-1))).toContain('TASK_STATE_COMPLETED');
    });

    it('takes a message that is no task for the result', async () => {
      await serve();
      expect(wordsOf(await requester.send(address, 'message'))).toBe('only a message');
    });

    it('asks for more, and goes on with the same task there', async () => {
      await serve();
      const asked = (await requester.send(address, 'ask')) as Task;
      expect(asked.status.state).toBe('TASK_STATE_INPUT_REQUIRED');
      expect(textOf(asked.status.message as Message)).toBe('where?');
      const answer = {
        messageId: randomUUID(),
        role: 'ROLE_USER' as const,
        parts: [{ text: 'Kiel' }],
        taskId: asked.id,
        contextId: asked.contextId ?? '',
      };
      expect(wordsOf(await requester.send(address, answer))).toBe('sunny for: Kiel');
      expect(server.received).toEqual(['ask', 'Kiel']);
    });

    it('fails with the words of the HTTP agent', async () => {
      await serve();
      const task = (await requester.send(address, 'fail')) as Task;
      expect(task.status.state).toBe('TASK_STATE_FAILED');
      expect(textOf(task.status.message as Message)).toBe('no satellite');
    });

    it('cancels there as well', async () => {
      await serve();
      const stream = requester.stream(address, 'hold');
      const iterator = stream[Symbol.asyncIterator]();
      await iterator.next();
      await expect.poll(() => server.received).toEqual(['hold']);
      const canceled = await requester.cancelTask(address, { id: stream.taskId });
      expect(canceled.status.state).toBe('TASK_STATE_CANCELED');
      await expect.poll(() => server.canceled.length).toBe(1);
    });

    it('takes the task up again when the HTTP agent was away for a while', async () => {
      await serve();
      const answer = requester.send(address, 'hold', { firstReplyTimeoutMs: 20_000 });
      await expect.poll(() => server.received).toEqual(['hold']);
      await server.disappear();
      server.release();
      await server.start();
      expect(wordsOf(await answer)).toBe('sunny for: hold');
      expect(server.received).toEqual(['hold']);
    });

    it('goes on with the tasks of a predecessor, and sends nothing twice', async () => {
      const first = await serve();
      const listening = new AbortController();
      const stream = requester.stream(address, 'hold', { signal: listening.signal });
      const states: string[] = [];
      const heard = (async () => {
        for await (const item of stream) states.push(JSON.stringify(item));
      })();
      await expect.poll(() => states.join('')).toContain('looking at the sky');
      await first.link.close();
      await serve();
      server.release();
      await expect
        .poll(async () => (await requester.getTask(address, { id: stream.taskId })).status.state)
        .toBe('TASK_STATE_COMPLETED');
      expect(server.received).toEqual(['hold']);
      listening.abort();
      await heard.catch(() => undefined);
    });

    it('says plainly that the HTTP agent cannot be reached', async () => {
      await serve();
      await server.disappear();
      const task = (await requester.send(address, 'Berlin')) as Task;
      expect(task.status.state).toBe('TASK_STATE_FAILED');
      expect(textOf(task.status.message as Message)).toContain('could not be reached');
    });

    it('has a bound for open tasks', async () => {
      await serve({ maxOpenTasks: 1 });
      const asked = (await requester.send(address, 'ask')) as Task;
      expect(asked.status.state).toBe('TASK_STATE_INPUT_REQUIRED');
      const more = (await requester.send(address, 'Berlin')) as Task;
      expect(more.status.state).toBe('TASK_STATE_REJECTED');
    });
  });
}
