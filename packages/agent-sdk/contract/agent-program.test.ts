import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { authenticateUsers, createBroker, hashPassword } from '@shoal/broker';
import { openLink, readRetained } from '@shoal/mqtt-link';
import { discoveryTopic } from '@shoal/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { brokerOf } from '../src/program/index.ts';
import { startSource, type SourceProcess } from '../src/testing/index.ts';

const UNIT = ['--org', 'o', '--unit', 'u'];
const running: SourceProcess[] = [];
const passwordHash = await hashPassword('from a file');
const broker = createBroker({
  authenticate: authenticateUsers(['greeter', 'reader'].map((username) => ({ username, passwordHash }))),
});
let url: string;
let folder: string;

beforeAll(async () => {
  url = (await broker.start()).tcp!.url;
  folder = await mkdtemp(join(tmpdir(), 'shoal-program-'));
});
afterAll(async () => {
  await Promise.all(running.map((one) => one.kill()));
  await broker.stop();
  await rm(folder, { recursive: true });
});

function greeter(args: readonly string[], env: NodeJS.ProcessEnv = {}): SourceProcess {
  const started = startSource(new URL('./greeter.ts', import.meta.url), args, env);
  running.push(started);
  return started;
}

async function file(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

describe('runAgentProgram', () => {
  it('starts the agent where flags, or else the environment, say, and stops it at SIGTERM', async () => {
    const words = await file('words.json', '["hello"]');
    const program = greeter(['--language', 'English', '--words', words, '--unit', 'u', '--id', 'gina'], {
      SHOAL_BROKER_URL: url,
      SHOAL_ORG: 'o',
      SHOAL_UNIT: 'another',
      SHOAL_USERNAME: 'greeter',
      SHOAL_PASSWORD_FILE: await file('password', 'from a file\n'),
    });
    expect(await program.until(() => true)).toBe('o/u/gina is online');
    const reader = await openLink({
      url,
      clientId: 'o/u/reader',
      username: 'reader',
      password: 'from a file',
    });
    const [card] = (
      await readRetained(reader, discoveryTopic({ org: 'o', unit: 'u', agentId: 'gina' }))
    ).values();
    await reader.close();
    expect(card?.text()).toContain('English [\\"hello\\"] greeter from a file');
    await program.kill('SIGTERM');
    expect(await program.ended).toEqual({ code: 0, stderr: '' });
  });

  it('prints its help, with the flags of its own first', async () => {
    const program = greeter(['--help']);
    expect((await program.ended).code).toBe(0);
    expect(program.lines.join('\n')).toMatch(
      /^greeter \[flags\]\n\nGreets\.\n\n +--words FILE +JSON with the words\n[^]*--broker URL[^]*SHOAL_PASSWORD_FILE/,
    );
  });

  it.each([
    ['--unit is missing: give it, or set SHOAL_UNIT', ['--org', 'o']],
    ['--language is missing', UNIT],
    ["Unknown option '--loud'", [...UNIT, '--loud']],
    ['--words: ENOENT', [...UNIT, '--language', 'x', '--words', '/none.json']],
  ])('says what is wrong with the command line: %s', async (message, args) => {
    const { code, stderr } = await greeter(args).ended;
    expect(code).toBe(2);
    expect(stderr).toContain(`greeter: ${message}`);
    expect(stderr).toContain('greeter [flags]');
  });

  it('names the file that is not JSON', async () => {
    const words = await file('broken.json', '{');
    const { code, stderr } = await greeter([...UNIT, '--language', 'x', '--words', words]).ended;
    expect([code, stderr]).toEqual([2, expect.stringContaining(`--words: ${words} is not JSON`)]);
  });

  it('says why the agent did not start', async () => {
    expect(await greeter([...UNIT, '--language', 'none']).ended).toEqual({
      code: 1,
      stderr: 'greeter: no words of this language\n',
    });
  });
});

describe('the password', () => {
  it.each([
    [' a b \r\n', ' a b '],
    ['two\nlines\n\n', 'two\nlines\n'],
    ['none at the end', 'none at the end'],
    ['', ''],
  ])('is what its file has, but for one line break at the end: %j', async (text, password) => {
    const env = { SHOAL_PASSWORD_FILE: await file('secret', text) };
    expect(brokerOf({}, env)).toEqual({ url: 'mqtt://127.0.0.1:1883', password });
  });

  it('is the one of the flag, else of the environment, else of the file that the environment names', async () => {
    const [passwordFile, another] = [await file('flag', 'f'), await file('another', 'a')];
    const env = { SHOAL_PASSWORD: 'e', SHOAL_PASSWORD_FILE: another };
    expect(brokerOf({ passwordFile }, env).password).toBe('f');
    expect(brokerOf({}, env).password).toBe('e');
    expect(brokerOf({}, { SHOAL_PASSWORD_FILE: another }).password).toBe('a');
  });

  it.each([
    ['--password-file', { passwordFile: '/none' }, {}],
    ['SHOAL_PASSWORD_FILE', {}, { SHOAL_PASSWORD_FILE: '/none' }],
  ])('is asked for by name when its file cannot be read: %s', (name, flags, env) => {
    expect(() => brokerOf(flags, env)).toThrow(`${name}: /none cannot be read`);
  });
});
