import { createBroker } from '@shoal/broker';
import type { InboundMessage, Link, Logger } from '@shoal/mqtt-link';
import { openLink } from '@shoal/mqtt-link';
import { TEST_CERTIFICATE, mosquittoPath, startMosquitto, startTlsFront } from '@shoal/mqtt-link/testing';
import type { AgentAddress } from '@shoal/protocol';
import { clientIdOf, requestTopic } from '@shoal/protocol';
import { signCard } from '@shoal/protocol/signing';
import type { JSONWebKeySet } from 'jose';
import { SignJWT, exportJWK, generateKeyPair } from 'jose';
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Agent, AgentOptions, Requester, RequesterOptions } from '../index.ts';
import { createAgent, createRequester, retainedTaskStore } from '../index.ts';
import type { AgentKeys } from './index.ts';
import {
  bearerTokens,
  cardTrust,
  generateAgentKeys,
  keysExtension,
  peersFromCards,
  publicJwks,
  ubsp,
} from './index.ts';

interface Running {
  readonly url: string;
  stop(): Promise<void>;
}

async function embedded(): Promise<Running> {
  const broker = createBroker({ allowAnonymous: true });
  const { tcp } = await broker.start();
  return { url: tcp!.url, stop: () => broker.stop() };
}

const brokers = [
  { name: 'the embedded broker', start: embedded, skip: false },
  { name: 'Mosquitto', start: (): Promise<Running> => startMosquitto(), skip: mosquittoPath() === undefined },
];

for (const { name, start, skip } of brokers) {
  describe.skipIf(skip)(`on ${name}${skip ? ' (not installed)' : ''}`, () => {
    let plainUrl: string;
    let tlsUrl: string;
    const down: (() => Promise<unknown>)[] = [];
    const cleanUp: (() => Promise<unknown>)[] = [];
    beforeAll(async () => {
      const broker = await start();
      plainUrl = broker.url;
      const front = await startTlsFront(Number(new URL(broker.url).port));
      tlsUrl = front.mqttsUrl;
      down.push(
        () => front.stop(),
        () => broker.stop(),
      );
    });
    afterAll(async () => {
      for (const stop of down) await stop();
    });
    afterEach(async () => {
      for (const stop of cleanUp.splice(0).toReversed()) await stop();
    });

    const logged: string[] = [];
    const note = (message: string, fields?: object): void =>
      void logged.push(
        `${message} ${JSON.stringify(fields, (_, v: unknown) => (v instanceof Error ? String(v) : v))}`,
      );
    const logger: Logger = { debug: note, info: note, warn: note, error: note };
    const tls = { ca: TEST_CERTIFICATE };
    const unit = `u${randomUUID().slice(0, 8)}`;
    const address = (agentId: string): AgentAddress => ({ org: 'acme', unit, agentId });

    async function agent(agentId: string, options: Partial<AgentOptions> = {}): Promise<Agent> {
      const made = createAgent({
        url: tlsUrl,
        linkOptions: { tls },
        ...address(agentId),
        card: { name: agentId, description: 'Echo.' },
        handle: (task) =>
          `${agentId} heard ${task.text} from ${task.identity?.token?.subject ?? task.requesterId}`,
        logger,
        ...options,
      });
      await made.start();
      cleanUp.push(() => made.stop({ graceMs: 0 }));
      return made;
    }

    async function link(agentId: string, url = tlsUrl): Promise<Link> {
      const opened = await openLink({ url, clientId: clientIdOf(address(agentId)), tls });
      cleanUp.push(() => opened.close());
      return opened;
    }

    async function requester(agentId: string, options: Partial<RequesterOptions> = {}): Promise<Requester> {
      const made = createRequester({
        link: await link(agentId),
        address: address(agentId),
        logger,
        ...options,
      });
      return made;
    }

    /** Everything that the broker passes on, as anybody on it might see it. */
    async function sniff(): Promise<InboundMessage[]> {
      const seen: InboundMessage[] = [];
      const sniffer = await link(`sniffer-${randomUUID().slice(0, 4)}`);
      for (const filter of ['#', '$a2a/#'])
        await sniffer.subscribe(filter, (message) => void seen.push(message));
      return seen;
    }

    describe('access tokens (profile: OAuth 2 to 7; V61)', () => {
      let jwks: JSONWebKeySet;
      let sign: (claims?: Record<string, unknown>, exp?: string) => Promise<string>;
      beforeAll(async () => {
        const { privateKey, publicKey } = await generateKeyPair('ES256');
        jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' }] };
        sign = (claims = {}, exp = '5m') =>
          new SignJWT({ iss: 'https://id.example', aud: 'pump', sub: 'ann', scope: 'run', ...claims })
            .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
            .setExpirationTime(exp)
            .sign(privateKey);
      });
      const auth = (allowLoopback = false): ReturnType<typeof bearerTokens> =>
        bearerTokens({
          issuer: 'https://id.example',
          audience: 'pump',
          scopes: ['run'],
          jwks,
          allowLoopback,
        });

      it('a good one lets a request pass, and is in no reply, no other message and no log', async () => {
        const seen = await sniff();
        const pump = await agent('pump-a', { auth: auth() });
        const token = await sign();
        const ann = await requester('ann-a', { token: () => token });
        const task = await ann.send(pump.address, 'hello');
        expect(JSON.stringify(task)).toContain('heard hello from ann');
        const secret = token.split('.')[2]!;
        const carriers = seen.filter((message) => JSON.stringify(message.userProperties).includes(secret));
        expect(new Set(carriers.map(({ topic }) => topic))).toEqual(new Set([requestTopic(pump.address)]));
        expect(carriers.every(({ retain }) => !retain)).toBe(true);
        expect(seen.some((message) => message.text().includes(secret))).toBe(false);
        expect(JSON.stringify(task)).not.toContain(secret);
        expect(logged.filter((line) => line.includes(secret))).toEqual([]);
      });

      it('none, an expired one, one for others and one without the scope are refused before anything runs', async () => {
        let runs = 0;
        const pump = await agent('pump-b', { auth: auth(), handle: () => void (runs += 1) });
        const ann = await requester('ann-b');
        const unauthenticated = { code: 'unauthenticated', family: 'auth', rpcCode: -31401 };
        await expect(ann.send(pump.address, 'x')).rejects.toMatchObject(unauthenticated);
        for (const token of [
          await sign({}, '-2m'),
          await sign({ aud: 'boiler' }),
          await sign({ iss: 'https://x' }),
        ])
          await expect(ann.send(pump.address, 'x', { token })).rejects.toMatchObject(unauthenticated);
        await expect(
          ann.send(pump.address, 'x', { token: await sign({ scope: 'read' }) }),
        ).rejects.toMatchObject({ code: 'permission-denied', rpcCode: -31403 });
        await expect(ann.getTask(pump.address, { id: randomUUID() })).rejects.toMatchObject(unauthenticated);
        expect(runs).toBe(0);
      });

      it('one that was refused is replaced once, by asking its source again', async () => {
        const pump = await agent('pump-c', { auth: auth() });
        const [stale, fresh] = [await sign({}, '-2m'), await sign()];
        const asked: boolean[] = [];
        let current = stale;
        const ann = await requester('ann-c', {
          token: ({ refused }) => {
            asked.push(refused);
            if (refused) current = fresh;
            return current;
          },
        });
        expect(await ann.send(pump.address, 'x')).toMatchObject({
          status: { state: 'TASK_STATE_COMPLETED' },
        });
        expect(asked).toEqual([false, true, false]);
        current = stale;
        const stubborn = await requester('ann-c2', { token: () => stale });
        await expect(stubborn.send(pump.address, 'x')).rejects.toMatchObject({ code: 'unauthenticated' });
      });

      it('never leave over a connection without TLS, except to this machine where that is allowed', async () => {
        const pump = await agent('pump-d', { auth: auth(true), url: plainUrl });
        const seen = await sniff();
        const token = await sign();
        const plain = await link('ann-d', plainUrl);
        const ann = createRequester({ link: plain, address: address('ann-d'), token: () => token });
        await expect(ann.send(pump.address, 'x')).rejects.toMatchObject({ code: 'insecure-transport' });
        await expect(
          ann.send(pump.address, 'x', { userProperties: { 'A2A-Authorization': `Bearer ${token}` } }),
        ).rejects.toMatchObject({ code: 'invalid-message' });
        expect(seen.filter(({ topic }) => topic === requestTopic(pump.address))).toEqual([]);
        const local = createRequester({
          link: plain,
          address: address('ann-d'),
          token: () => token,
          allowTokenOnLoopback: true,
        });
        expect(await local.send(pump.address, 'x')).toMatchObject({
          status: { state: 'TASK_STATE_COMPLETED' },
        });
        await expect(agent('pump-e', { auth: auth(), url: plainUrl })).rejects.toMatchObject({
          code: 'insecure-transport',
        });
      });

      it('decide who may know of a task: to everybody else it does not exist', async () => {
        const pump = await agent('pump-f', { auth: auth() });
        const ann = await requester('ann-f', { token: () => sign() });
        const ben = await requester('ben-f', { token: () => sign({ sub: 'ben' }) });
        const task = await ann.send(pump.address, 'mine');
        const { id } = task as { id: string };
        expect(await ann.getTask(pump.address, { id })).toMatchObject({ id });
        const unknown = { code: 'task-not-found' };
        await expect(ben.getTask(pump.address, { id })).rejects.toMatchObject(unknown);
        await expect(ben.cancelTask(pump.address, { id })).rejects.toMatchObject(unknown);
        await expect(ben.send(pump.address, { text: 'x', taskId: id })).rejects.toMatchObject(unknown);
        expect((await ben.listTasks(pump.address)).tasks).toEqual([]);
        expect((await ann.listTasks(pump.address)).tasks).toHaveLength(1);
      });
    });

    describe('ubsp-v1 (profile: Untrusted-Broker)', () => {
      let plant: AgentKeys;
      beforeAll(async () => {
        plant = await generateAgentKeys();
      });

      /** An agent whose card the plant signed, with its keys inside. */
      async function secured(agentId: string, options: Partial<AgentOptions> = {}): Promise<Agent> {
        const keys = await generateAgentKeys();
        const trust = cardTrust({ keys: publicJwks(plant) });
        const made: Agent = createAgent({
          url: tlsUrl,
          linkOptions: { tls },
          ...address(agentId),
          card: {
            name: agentId,
            description: 'Secret.',
            capabilities: { extensions: [keysExtension({ jwks: publicJwks(keys) })] },
          },
          encryption: ubsp({ keys, peers: peersFromCards({ link: () => made.link, trust }) }),
          signCard: (card) => signCard(card, { key: plant.signing, kid: plant.signing.kid! }),
          handle: async (task) => {
            for (let n = 0; n < 20; n += 1) await task.progress(`secret step ${n}`);
            return `secret of ${task.requesterId}`;
          },
          logger,
          ...options,
        });
        await made.start();
        cleanUp.push(() => made.stop({ graceMs: 0 }));
        return made;
      }

      it('requests, replies and streams of two agents are read by nobody else, in order', async () => {
        const seen = await sniff();
        const [pump, boss] = [await secured('pump-g'), await secured('boss-g')];
        const answer = await boss.requester.send(pump.address, 'secret question');
        expect(JSON.stringify(answer)).toContain(`secret of acme/${unit}/boss-g`);
        const steps: string[] = [];
        for await (const item of boss.requester.stream(pump.address, 'secret question'))
          steps.push(item.statusUpdate?.status.message?.parts[0]?.text ?? '');
        expect(steps.filter((text) => text.startsWith('secret step'))).toEqual(
          Array.from({ length: 20 }, (_, n) => `secret step ${n}`),
        );
        const exchange = seen.filter(({ topic }) => /\/(request|reply)\//.test(topic));
        expect(exchange.length).toBeGreaterThan(20);
        expect(exchange.filter((message) => message.text().includes('secret'))).toEqual([]);
        expect(exchange.every(({ contentType }) => contentType === 'application/jose')).toBe(true);
      });

      it('a request in the clear is refused in the clear, and not executed', async () => {
        const pump = await secured('pump-h');
        const ann = await requester('ann-h');
        await expect(ann.send(pump.address, 'x')).rejects.toMatchObject({
          code: 'transport-protocol-error',
          message: expect.stringContaining('protected requests only') as string,
        });
      });

      it('to an agent whose card nobody trusted has signed nothing is sent', async () => {
        const seen = await sniff();
        const stranger = await generateAgentKeys();
        const pump = await secured('pump-i', {
          signCard: (card) => signCard(card, { key: stranger.signing, kid: stranger.signing.kid! }),
        });
        const boss = await secured('boss-i');
        await expect(boss.requester.send(pump.address, 'secret')).rejects.toMatchObject({
          code: 'no-peer-key',
        });
        expect(seen.filter(({ topic }) => topic === requestTopic(pump.address))).toEqual([]);
      });

      it('a card of another agent, shown in the place of its own, is not believed', async () => {
        const [pump, boss] = [await secured('pump-j'), await secured('boss-j')];
        const seen = await sniff();
        // The identity that a registry wants to see; a broker without one does not even ask.
        const evil = await link('victim-j');
        await evil.publish(`$a2a/v1/discovery/acme/${unit}/victim-j`, JSON.stringify(pump.card), {
          retain: true,
        });
        await expect(boss.requester.send(address('victim-j'), 'secret')).rejects.toMatchObject({
          code: 'no-peer-key',
        });
        expect(seen.filter(({ topic }) => topic === requestTopic(address('victim-j')))).toEqual([]);
        await evil.publish(`$a2a/v1/discovery/acme/${unit}/victim-j`, '', { retain: true });
      });

      it('a repeated request is executed once and not answered again', async () => {
        const seen = await sniff();
        let runs = 0;
        const pump = await secured('pump-k', { handle: () => `run ${(runs += 1)}` });
        const boss = await secured('boss-k');
        await boss.requester.send(pump.address, 'x');
        const request = seen.find(({ topic }) => topic === requestTopic(pump.address))!;
        const evil = await link('evil-k');
        const { userProperties, correlationData, contentType, responseTopic } = request;
        const replies = (): number => seen.filter(({ topic }) => topic === responseTopic).length;
        const before = replies();
        const again = {
          userProperties,
          correlationData: correlationData!,
          contentType: contentType!,
          responseTopic: responseTopic!,
        };
        await evil.publish(request.topic, request.payload, again);
        // The next exchange proves that the repeated request was dealt with.
        await boss.requester.send(pump.address, 'y');
        expect(runs).toBe(2);
        expect(replies()).toBe(before + 1);
      });

      it('a reply in the clear is not believed: an error ends the call, anything else is ignored', async () => {
        const boss = await secured('boss-l');
        const pump = await secured('pump-l', { handle: () => new Promise(() => undefined) });
        const evil = await link('evil-l');
        const injected = new Promise<InboundMessage>((resolve) => {
          void evil.subscribe(requestTopic(pump.address), resolve);
        });
        const answer = boss.requester.send(pump.address, 'x');
        const outcome = answer.then(
          () => 'believed',
          (error: unknown) => error,
        );
        const { responseTopic, correlationData } = await injected;
        const result = { task: { id: randomUUID(), status: { state: 'TASK_STATE_COMPLETED' } } };
        const to = { correlationData: correlationData! };
        await evil.publish(responseTopic!, JSON.stringify({ jsonrpc: '2.0', id: 1, result }), to);
        await evil.publish(
          responseTopic!,
          JSON.stringify({ jsonrpc: '2.0', id: 1, error: { code: -32005, message: 'no key' } }),
          to,
        );
        expect(await outcome).toMatchObject({ code: 'unprotected-reply' });
      });

      it('an agent that encrypts keeps no task on the broker', () => {
        expect(() =>
          createAgent({
            url: tlsUrl,
            ...address('pump-m'),
            card: { name: 'x', description: 'x' },
            handle: () => 'x',
            tasks: retainedTaskStore(),
            encryption: ubsp({ keys: plant, peers: { keysOf: () => Promise.resolve(undefined) } }),
          }),
        ).toThrow(/lie in the clear/);
      });
    });
  });
}
