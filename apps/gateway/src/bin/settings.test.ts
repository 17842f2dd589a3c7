import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { USAGE, UsageError, readCommand } from './settings.ts';

const read = (args: string, env: NodeJS.ProcessEnv = {}) => readCommand(args.split(' '), env);

describe('shoal-gateway', () => {
  it('reads flags before the environment', () => {
    const env = { SHOAL_ORG: 'acme', SHOAL_UNIT: 'plant-1', SHOAL_GATEWAY_PORT: '1', SHOAL_PASSWORD: 'p' };
    const command = read('--port 0 --unit plant-2 --agents a,b --cors https://x.example --grace 3', env);
    if (command === 'help') throw new Error('no help was asked for');
    expect(command.gateway).toMatchObject({
      url: 'mqtt://127.0.0.1:1883',
      org: 'acme',
      unit: 'plant-2',
      port: 0,
      password: 'p',
      corsOrigins: ['https://x.example'],
      agents: ['a', 'b'],
    });
    expect(command.graceMs).toBe(3_000);
  });

  it('gives each HTTP agent its own token', async () => {
    const env = { SHOAL_ORG: 'o', SHOAL_UNIT: 'u', SHOAL_HTTP_AGENT_TOKEN_WEATHER_2: 's' };
    const command = read(
      '--http-agent weather-2=https://w.example --http-agent other=https://o.example',
      env,
    );
    if (command === 'help') throw new Error('no help was asked for');
    const [weather, other] = command.httpAgents;
    expect(await weather?.headers?.()).toEqual({ authorization: 'Bearer s' });
    expect(other?.headers).toBeUndefined();
  });

  it.each([
    ['--unit u', '--org is needed, or SHOAL_ORG'],
    ['--org o --unit u --port x', '--port must be a whole number'],
    ['--org o --unit u --http-agent nonsense', '--http-agent must be ID=URL'],
    ['--org o --unit u --token-issuer https://i', 'belong together'],
    ['--org o --unit u --nonsense', 'nonsense'],
  ])('%s: says what is wrong', (args, message) => {
    expect(() => read(args)).toThrow(UsageError);
    expect(() => read(args)).toThrow(message);
  });

  it('helps, and names every option that it takes', () => {
    expect(read('--help')).toBe('help');
    for (const name of ['broker', 'public-url', 'http-agent', 'grace']) expect(USAGE).toContain(`--${name} `);
  });
});

it('the password may be in a file, which the flag or the environment names', () => {
  const folder = mkdtempSync(join(tmpdir(), 'shoal-gateway-'));
  try {
    const file = join(folder, 'password');
    writeFileSync(file, 'secret\n');
    const args = ['--org', 'acme', '--unit', 'plant-1', '--username', 'gateway'];
    for (const command of [
      readCommand([...args, '--password-file', file], {}),
      readCommand(args, { SHOAL_PASSWORD_FILE: file }),
    ])
      expect(command).toMatchObject({ gateway: { username: 'gateway', password: 'secret' } });
    expect(() => readCommand([...args, '--password-file', '/nowhere'], {})).toThrow(
      '--password-file: /nowhere',
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
