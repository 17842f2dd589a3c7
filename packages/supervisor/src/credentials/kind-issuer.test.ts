import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SpawnOrder } from '@shoal/workflow';
import { afterAll, beforeAll, expect, test } from 'vitest';
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

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'shoal-kinds-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

test('a password in a file is read for each start, without the line break at its end; the variable wins over the file', async () => {
  const file = join(folder, 'step');
  writeFileSync(file, 'first\n');
  const env = { SHOAL_STEP_USERNAME: 'step', SHOAL_STEP_PASSWORD_FILE: file };
  const issuer = kindIssuer(env, own);
  expect(await issuer?.issue(order('step'))).toEqual({ username: 'step', password: 'first' });
  writeFileSync(file, 'second\n');
  expect(await issuer?.issue(order('step'))).toEqual({ username: 'step', password: 'second' });
  rmSync(file);
  await expect(issuer?.issue(order('step'))).rejects.toThrow(
    `SHOAL_STEP_PASSWORD_FILE: ${file} cannot be read`,
  );
  const both = kindIssuer({ ...env, SHOAL_STEP_PASSWORD: 's' }, own);
  expect(await both?.issue(order('step'))).toEqual({ username: 'step', password: 's' });
});

test('a file that is not there is told at the beginning', () => {
  const env = { SHOAL_AGENT_USERNAME: 'agent', SHOAL_AGENT_PASSWORD_FILE: '/nowhere' };
  expect(() => kindIssuer(env, own)).toThrow('SHOAL_AGENT_PASSWORD_FILE: /nowhere cannot be read');
});
