import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { authenticateUsers, createBroker, hashPassword } from '@shoal/broker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cli, cliJson, type CliOptions } from './cli.ts';

const PASSWORD = ' one \n\ntwo ';
const passwordHash = await hashPassword(PASSWORD);
const users = ['ada', 'bob'].map((username) => ({ username, passwordHash }));
const broker = createBroker({ authenticate: authenticateUsers(users), authorize: () => true });
let url: string;
let folder: string;

beforeAll(async () => {
  url = (await broker.start()).tcp!.url;
  folder = await mkdtemp(join(tmpdir(), 'shoal-cli-password-'));
  await writeFile(join(folder, 'password'), `${PASSWORD}\r\n`);
});
afterAll(async () => {
  await broker.stop();
  await rm(folder, { recursive: true });
});

describe('the password', () => {
  const list = (args: readonly string[], options: CliOptions = {}) =>
    cli(['agents', 'list', '--broker', url, '--username', 'ada', ...args], { cwd: folder, ...options });

  it('is what its file has, but for one line break at the end', async () => {
    expect(await list(['--password-file', 'password'])).toMatchObject({ code: 0 });
    expect(await list([], { env: { SHOAL_PASSWORD_FILE: 'password' } })).toMatchObject({ code: 0 });
    expect(await list(['--password-file', '-'], { stdin: `${PASSWORD}\n` })).toMatchObject({ code: 0 });
    expect((await list(['--password-file', '-'], { stdin: `${PASSWORD}\n\n` })).code).not.toBe(0);
  });

  it('is the one of the file that the command line names, whatever the environment says', async () => {
    const env = { SHOAL_PASSWORD: 'another' };
    expect((await list([], { env })).code).not.toBe(0);
    expect(await list(['--password-file', 'password'], { env })).toMatchObject({ code: 0 });
  });

  it('of the other credential of the doctor is read like it', async () => {
    const own = ['--broker', url, '--username', 'ada', '--password-file', 'password'];
    const other = ['--other-username', 'bob', '--other-password-file', 'password'];
    const { value } = await cliJson<{ checks: { id: string; detail: string }[] }>(
      'doctor',
      ['doctor', ...own, ...other, '--org', 'acme', '--unit', 'one', '--other-unit', 'two', '--timeout', '2'],
      { cwd: folder },
    );
    const isolation = value.checks.filter(({ id }) => id.startsWith('isolation'));
    expect(isolation).not.toEqual([]);
    expect(JSON.stringify(isolation)).not.toContain('the other credential');
  });
});
