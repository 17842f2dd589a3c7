import type { SpawnOrder } from '@shoal/workflow';
import { expect, test } from 'vitest';
import { kindIssuer } from './kind-issuer.ts';

const own = { username: 'host', password: 'h' };
const order = (kind: SpawnOrder['kind']) => ({ kind }) as SpawnOrder;

test('steps and agents have the credential of their kind, and a kind without one that of who starts them', async () => {
  const issuer = kindIssuer({ SHOAL_STEP_USERNAME: 'step', SHOAL_STEP_PASSWORD: 's' }, own);
  expect(await issuer?.issue(order('step'))).toEqual({ username: 'step', password: 's' });
  expect(await issuer?.issue(order('agent'))).toEqual(own);
});

test('a user name without a password takes none from who starts it', async () => {
  const issuer = kindIssuer({ SHOAL_AGENT_USERNAME: 'agent' }, own);
  expect(await issuer?.issue(order('agent'))).toEqual({ username: 'agent' });
});

test('without any there is no issuer', () => {
  expect(kindIssuer({ SHOAL_STEP_PASSWORD: 's' }, own)).toBeUndefined();
});
