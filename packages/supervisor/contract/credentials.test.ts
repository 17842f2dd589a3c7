import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { bundleProgram } from '@shoal/bundle';
import { createRequester } from '@shoal/agent-sdk';
import {
  a2aPolicy,
  authenticateAny,
  authenticateJwt,
  authenticateUsers,
  createBroker,
  createPolicy,
  hashPassword,
  type Broker,
} from '@shoal/broker';
import { isLinkError, openLink } from '@shoal/mqtt-link';
import type { Task } from '@shoal/protocol';
import { ORDER_VARIABLES, parseWorkflow } from '@shoal/workflow';
import { graphYaml } from '@shoal/workflow/testing';
import { decodeJwt, exportJWK, generateKeyPair, type JWK } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { childProcessSpawner, createSupervisor, instanceAccess, jwtIssuer } from '../src/index.ts';
import { stepOrder } from '../src/testing/index.ts';
import { QUICK } from './quick-policy.ts';

const PASSWORD = 'the-supervisors-own-secret';
const TOKENS = { issuer: 'https://supervisor.example', audience: 'broker' };
let broker: Broker;
let url: string;
let key: JWK;
let program: string;

/** A broker that lets in the supervisor, a caller, and whoever carries a token; nobody may do more than needed. */
beforeAll(async () => {
  const pair = await generateKeyPair('ES256', { extractable: true });
  key = { ...(await exportJWK(pair.privateKey)), alg: 'ES256' };
  const jwk = { ...(await exportJWK(pair.publicKey)), alg: 'ES256' };
  const policy = createPolicy([
    {
      effect: 'allow',
      users: ['supervisor'],
      topics: ['$a2a/v1/+/o/u/#', 'shoal/v1/o/u/#', '$SYS/broker/#'],
    },
    ...a2aPolicy('unit'),
  ]);
  broker = createBroker({
    authenticate: authenticateAny([
      authenticateUsers([
        { username: 'supervisor', passwordHash: await hashPassword(PASSWORD), clientIds: ['o/u/*'] },
        { username: 'caller', passwordHash: await hashPassword('c'), clientIds: ['o/u/caller'] },
      ]),
      authenticateJwt({ jwks: { keys: [jwk] }, ...TOKENS }),
    ]),
    authorize: (client, action, topic, details) =>
      instanceAccess(client, action, topic) ?? policy(client, action, topic, details),
  });
  url = (await broker.start()).tcp?.url ?? '';
  program = await bundleProgram(new URL('./scoped-process.ts', import.meta.url));
});
afterAll(async () => {
  await rm(dirname(program), { recursive: true });
  await broker.stop();
});

const order = stepOrder({ sessionId: 's1', claimId: 'c' });

test(
  'an instance has a credential of its own: it does its step, and the broker refuses all else',
  { timeout: 180_000 },
  async () => {
    const supervisor = createSupervisor({
      url,
      org: 'o',
      unit: 'u',
      username: 'supervisor',
      password: PASSWORD,
      workflows: [parseWorkflow(graphYaml({ a: [], b: ['a'] }))],
      spawner: childProcessSpawner({
        url,
        command: process.execPath,
        args: [program],
        username: 'supervisor',
        password: PASSWORD,
        credentials: jwtIssuer({ key, ...TOKENS }),
      }),
      policy: { ...QUICK, startGraceMs: 15_000 },
    });
    await supervisor.start();
    const link = await openLink({ url, clientId: 'o/u/caller', username: 'caller', password: 'c' });
    const requester = createRequester({ link, address: { org: 'o', unit: 'u', agentId: 'caller' } });
    try {
      const asked = requester.send({ org: 'o', unit: 'u', agentId: 'flow' }, 'go', {
        firstReplyTimeoutMs: 150_000,
      });
      const task = (await asked) as Task;
      expect(task.status.state).toBe('TASK_STATE_COMPLETED');
      const part = task.artifacts?.at(-1)?.parts[0];
      const { refused, env, argv } = (part?.data ?? {}) as {
        refused: Record<string, unknown>;
        env: Record<string, string>;
        argv: string[];
      };
      expect([...new Set(Object.values(refused))]).toEqual([0x87]);
      expect(Object.keys(refused)).toHaveLength(8);
      const given = JSON.stringify([env, argv]);
      expect(given).not.toContain(PASSWORD);
      const token = env[ORDER_VARIABLES.password] ?? '';
      expect(argv.join(' ')).not.toContain(token);
      expect(decodeJwt(token)).toMatchObject({ sub: `step:${task.id}/b`, iss: TOKENS.issuer });
      expect(env[ORDER_VARIABLES.username]).toBe(`step:${task.id}/b`);
    } finally {
      await requester.close();
      await link.close();
      await supervisor.stop();
    }
  },
);

test('its token is for its own client ids alone, and for a while', async () => {
  const {
    username = '',
    password = '',
    expiresAtMs = 0,
  } = await jwtIssuer({
    key,
    ...TOKENS,
    stepSeconds: 60,
    topics: () => ({ publish: ['plant/line-1'] }),
  }).issue(order);
  expect(expiresAtMs).toBeLessThanOrEqual(Date.now() + 60_000);
  expect(expiresAtMs).toBeGreaterThan(Date.now());
  const claims = decodeJwt(password) as { acl: { pub: string[] }; client_id: string[] };
  expect(claims.acl.pub).toContain('plant/line-1');
  for (const clientId of ['o/u/s1.b', 'o/u/supervisor-1', 'o/u/look-s1.b-x', 'o/v/s1.a'])
    await expect(openLink({ url, clientId, username, password })).rejects.toSatisfy(
      (error) => isLinkError(error, 'connect-refused'),
      clientId,
    );
  for (const clientId of ['o/u/s1.a', 'o/u/look-s1.a-x']) {
    const link = await openLink({ url, clientId, username, password });
    await link.close();
  }
});

test('a secret that the broker would have to share is no key', () => {
  expect(() => jwtIssuer({ key: { kty: 'oct', k: 'AAAA', alg: 'HS256' }, ...TOKENS })).toThrow('asymmetric');
});
