import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT_CODES } from '../src/index.ts';
import { COMMANDS } from '../src/commands/index.ts';
import { SHAPES } from '../src/shapes/index.ts';
import { isGroup, type Leaf } from '../src/program/leaf.ts';
import { resolveSettings } from '../src/settings/settings.ts';
import { cli, cliError } from './cli.ts';

const leaves: readonly (readonly [string, Leaf])[] = COMMANDS.flatMap((node) =>
  isGroup(node)
    ? node.commands.map((leaf) => [`${node.name} ${leaf.name}`, leaf] as const)
    : [[node.name, node] as const],
);

describe('every command', () => {
  it.each(leaves.filter(([, leaf]) => leaf.hidden !== true && leaf.passThrough !== true))(
    '%s explains itself with an example that names it',
    async (name, leaf) => {
      const { code, stdout } = await cli([...name.split(' '), '--help']);
      expect(code).toBe(0);
      expect(stdout).toContain(`shoal ${name}`);
      expect(leaf.examples.length).toBeGreaterThan(0);
      for (const example of leaf.examples) expect(example).toContain('shoal ');
    },
  );

  it.each(leaves.filter(([, leaf]) => leaf.shape !== undefined))(
    '%s has a published shape',
    (_name, leaf) => {
      expect(Object.keys(SHAPES)).toContain(leaf.shape);
    },
  );

  it('has no shape that no command prints', () => {
    const used = new Set(leaves.map(([, leaf]) => leaf.shape));
    expect(Object.keys(SHAPES).filter((name) => !used.has(name))).toEqual([]);
  });
});

describe('the command line', () => {
  it('lists the exit codes in its help', async () => {
    const { stdout } = await cli(['--help']);
    for (const { code, when } of Object.values(EXIT_CODES)) expect(stdout).toContain(`${code}  ${when}`);
  });

  it.each([
    [['agnets'], "unknown command 'agnets'"],
    [['agents', 'list', '--presense', 'online'], "unknown option '--presense'"],
    [['agents', 'list', '--presence', 'there'], 'online, suspect, asleep, offline, unknown'],
    [['agents', 'get'], "missing required argument 'agent'"],
    [['session', 'rerun', 'abcd'], "missing required argument 'step'"],
    [
      ['session', 'rerun', 'abcd', 'plan', '--item', '1', '--failed-items'],
      'either --item or --failed-items',
    ],
    [['session', 'extend', 'abcd'], 'either --until or --for'],
    [['session', 'extend', 'abcd', '--for', 'soon'], '--for must be a number of seconds, is "soon"'],
  ])('refuses %j with 2 and says what is wrong', async (argv, message) => {
    const { code, stdout, stderr } = await cli(argv);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
  });

  it('answers bad usage with one document when it is asked for JSON', async () => {
    const { code, error } = await cliError(['agents', 'get']);
    expect(code).toBe(2);
    expect(error).toMatchObject({ code: 'usage', outcome: 'usage' });
  });

  it('says with 5 that nothing listens there', async () => {
    const { code, error } = await cliError(['agents', 'list', '--broker', 'mqtt://127.0.0.1:1']);
    expect(code).toBe(5);
    expect(error.message).toContain('nothing listens there');
  });

  it.each([
    ['tcp://127.0.0.1', '--broker must read mqtt://'],
    ['mqtt://ada:s3cret@', '--broker must read mqtt://'],
  ])('refuses the broker %s without showing a password', async (url, message) => {
    const { code, stderr } = await cli(['agents', 'list', '--broker', url]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('s3cret');
  });

  it('warns of a password on the command line and never repeats it', async () => {
    const { stderr, stdout } = await cli([
      'agents',
      'list',
      '-b',
      'mqtt://127.0.0.1:1',
      '-u',
      'ada',
      '--password',
      's3cret',
    ]);
    expect(stderr).toContain('--password shows the password');
    expect(`${stdout}${stderr}`).not.toContain('s3cret');
  });

  it('prints the schema of a document', async () => {
    const { code, stdout } = await cli(['schema', 'agents.list']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      title: 'agents.list',
      type: 'object',
      required: ['broker', 'agents'],
    });
    expect((await cli(['schema', 'nothing'])).code).toBe(2);
  });
});

describe('the configuration', () => {
  let folder: string;
  beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'shoal-cli-'))));
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const settings = (flags: object, env: Record<string, string>, ...files: object[]) =>
    resolveSettings(
      flags,
      env,
      files.map((values) => ({ path: '/x', values })),
      '/',
    );

  it('lets a flag win over the environment, that over the project, that over the user', () => {
    const project = { org: 'project', unit: 'project', username: 'project' };
    const user = { org: 'user', unit: 'user', username: 'user', clientId: 'user' };
    expect(settings({ org: 'flag' }, { SHOAL_ORG: 'env', SHOAL_UNIT: 'env' }, project, user)).toMatchObject({
      org: 'flag',
      unit: 'env',
      username: 'project',
      clientId: 'user',
    });
  });

  it('finds the project file in a folder above and takes its paths from there', async () => {
    await writeFile(
      join(folder, 'shoal.config.json'),
      '{"broker":"mqtt://127.0.0.1:1","passwordFile":"gone","username":"a"}',
    );
    await mkdir(join(folder, 'sub'));
    const { code, stderr } = await cli(['agents', 'list'], { cwd: join(folder, 'sub') });
    expect(code).toBe(2);
    expect(stderr).toContain(join(folder, 'gone'));
  });

  it.each([
    ['{"brokr":"x"}', 'brokr: is not a known field'],
    ['{"org":"a/b"}', 'org: '],
    ['{"password":"s3cret"}', 'passwordFile'],
    ['{', 'JSON'],
  ])('refuses %s and names the field', async (text, message) => {
    const file = join(folder, 'bad.json');
    await writeFile(file, text);
    const { code, error } = await cliError(['agents', 'list', '--config', file]);
    expect(code).toBe(2);
    expect(error.message).toContain(message);
    expect(error.message).not.toContain('s3cret');
  });

  it.each([
    [{ timeout: '0' }, '--timeout takes seconds'],
    [{ org: 'a/b' }, '--org takes letters'],
  ])('refuses %j', (flags, message) => {
    expect(() => settings(flags, {})).toThrow(message);
  });
});

describe('completion', () => {
  const words = async (...typed: string[]) =>
    (await cli(['__complete', '--', ...typed])).stdout.split('\n').filter(Boolean);

  it('knows commands, flags and choices', async () => {
    expect(await words('ag')).toEqual(['agents']);
    expect(await words('agents', 'l')).toEqual(['list', 'lint']);
    expect(await words('agents', 'list', '--pres')).toEqual(['--presence']);
    expect(await words('agents', 'list', '--presence', 'off')).toEqual(['offline']);
    expect(await words('completion', '')).toEqual(['bash', 'zsh', 'fish']);
  });

  it('keeps what is internal to itself, and leaves files to the shell', async () => {
    expect(await words('__')).toEqual([]);
    expect(await words('workflow', 'validate', 'flo')).toEqual([]);
  });

  it.each(['bash', 'zsh', 'fish'])('has a script for %s', async (shell) => {
    const { code, stdout } = await cli(['completion', shell]);
    expect(code).toBe(0);
    expect(stdout).toContain('shoal __complete --');
  });

  it('refuses another shell', async () => {
    expect((await cli(['completion', 'powershell'])).code).toBe(2);
  });
});
