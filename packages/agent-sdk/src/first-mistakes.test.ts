import { createBroker } from '@shoal/broker';
import { openLink } from '@shoal/mqtt-link';
import { createServer, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Agent, AgentOptions, Requester, RequesterOptions } from './index.ts';
import { createAgent, createRequester } from './index.ts';

const OPTIONS: AgentOptions = {
  url: 'mqtt://127.0.0.1:1883',
  org: 'acme',
  unit: 'plant',
  agentId: 'echo',
  card: { name: 'Echo', description: 'Says it again.' },
  handle: () => 'x',
};
const make = (fields: object): Agent => createAgent({ ...OPTIONS, ...fields });

describe('what a beginner gets wrong is answered with what to do', () => {
  it.each([
    ['a blank in an id', { org: 'acme corp' }, /org.*acme corp/],
    ['a reserved id', { agentId: 'pool' }, /pool/],
    ['no broker', { url: undefined }, /needs either url, for example mqtt:\/\/127\.0\.0\.1:1883/],
    ['a card without a name', { card: { description: 'x' } }, /card: name/],
    ['an empty description', { card: { name: 'x', description: '' } }, /card\.description must not be empty/],
    ['a skill without an id', { card: { name: 'x', description: 'x', skills: [{}] } }, /skills\[0\]\.id/],
    ['no handler', { handle: undefined }, /needs handle, or skills/],
  ])('%s', (_, fields, message) => {
    expect(() => make(fields)).toThrow(message);
  });

  it.each([
    ['an http:// URL', 'http://127.0.0.1:8080', /use ws:\/\/ for MQTT over WebSocket/],
    ['a URL without its scheme', 'localhost:1883', /did you mean mqtt:\/\/localhost:1883\?/],
  ])('%s', async (_, url, message) => {
    await expect(make({ url }).start()).rejects.toThrow(message);
  });

  it('a port where no broker is', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    await expect(make({ url: `mqtt://127.0.0.1:${port}` }).start()).rejects.toThrow(
      /is the broker running, and is the port right\?/,
    );
  });

  it('a requester before start, and a link that was not awaited', () => {
    expect(() => make({}).requester).toThrow(/await agent\.start\(\)/);
    const link = Promise.resolve() as unknown as RequesterOptions['link'];
    expect(() => createRequester({ link, address: { org: 'a', unit: 'b', agentId: 'c' } })).toThrow(
      /await openLink/,
    );
  });

  describe('with a broker', () => {
    let agent: Agent;
    let requester: Requester;
    let stop: () => Promise<void>;
    beforeAll(async () => {
      const broker = createBroker({ allowAnonymous: true });
      const { tcp } = await broker.start();
      const url = tcp!.url;
      agent = make({ url, handle: () => ({ data: Promise.resolve(1) }) });
      await agent.start();
      const link = await openLink({ url, clientId: 'acme/plant/me' });
      requester = createRequester({ link, address: { org: 'acme', unit: 'plant', agentId: 'me' } });
      stop = async () => {
        await agent.stop();
        await link.close();
        await broker.stop();
      };
    });
    afterAll(() => stop());

    it('a promise in an output', async () => {
      const task = await requester.send(agent.address, 'x');
      expect(JSON.stringify(task)).toContain('parts[0].data is a promise: await it');
    });

    it.each([
      ['no message', undefined, /message must be a text/],
      ['a message that was not awaited', Promise.resolve('x'), /await it/],
      ['a number as text', { text: 7 }, /parts\[0\]\.text must be a string/],
    ])('%s', async (_, message, expected) => {
      await expect(requester.send(agent.address, message as unknown as string)).rejects.toThrow(expected);
    });

    it('an address as text', async () => {
      const target = 'acme/plant/echo' as unknown as Agent['address'];
      await expect(requester.send(target, 'x')).rejects.toThrow(/\{ org, unit, agentId \}/);
    });

    it('an agent that is not there', async () => {
      const nobody = { org: 'acme', unit: 'plant', agentId: 'nobody' };
      await expect(requester.send(nobody, 'x', { maxAttempts: 1, firstReplyTimeoutMs: 50 })).rejects.toThrow(
        /nobody subscribes to .*nobody; is the agent running\?|no reply on/,
      );
    });
  });
});
