import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { settingsSchema } from '../src/bin/settings-file.ts';
import { readCommand } from '../src/bin/settings.ts';
import { createBroker, hashPassword, isBrokerError, type Broker } from '../src/index.ts';
import { Clients } from './mqtt-clients.ts';

const main = fileURLToPath(new URL('../src/bin/main.ts', import.meta.url));
const clients = new Clients();
let directory: string;
let broker: Broker | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'shoal-broker-'));
});

afterEach(async () => {
  clients.closeAll();
  await broker?.stop();
  await rm(directory, { recursive: true, force: true });
});

describe('shoal-broker', () => {
  it(
    'serves with users and the policy for agents from its file, reads it again on SIGHUP, and stops on SIGTERM',
    { timeout: 60_000 },
    async () => {
      const config = join(directory, 'broker.json');
      const users = [
        { username: 'pump', passwordHash: await hashPassword('s3cret'), clientIds: ['acme/plant/pump-01'] },
      ];
      await writeFile(config, JSON.stringify({ users, a2aPolicy: 'unit' }));
      const args = ['--conditions=@shoal/source', '--import', 'tsx', main, '--port', '0', '--config', config];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
      const lines = createInterface({ input: child.stderr });
      const [line] = (await once(lines, 'line')) as [string];
      const { url } = (JSON.parse(line) as { tcp: { url: string } }).tcp;
      const right = { clientId: 'acme/plant/pump-01', username: 'pump', password: 's3cret' };
      for (const wrong of [{ password: 'no' }, { username: 'nobody' }]) {
        await expect(clients.connect(url, { ...right, ...wrong })).rejects.toMatchObject({ code: 0x86 });
      }
      const another = { ...right, clientId: 'acme/plant/pump-02' };
      await expect(clients.connect(url, another)).rejects.toMatchObject({ code: 0x85 });
      const nobody = clients.connect(url, { clientId: 'acme/plant/pump-01' });
      await expect(nobody).rejects.toMatchObject({ code: 0x86 });
      const client = await clients.connect(url, right);
      await client.publishAsync('shoal/v1/acme/plant/device/pump-01/telemetry', '{}', { qos: 1 });
      await expect(client.publishAsync('anything', 'x', { qos: 1 })).rejects.toMatchObject({ code: 0x87 });
      await writeFile(config, JSON.stringify({ users: [], a2aPolicy: 'unit' }));
      const gone = new Promise<void>((resolve) => client.once('close', () => resolve()));
      child.kill('SIGHUP');
      await gone;
      await expect(clients.connect(url, right)).rejects.toMatchObject({ code: 0x86 });
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      expect((await exited)[0]).toBe(0);
    },
  );

  it.each([
    [['--port', 'x'], /^--port: "x" is not a port, use 0 to 65535/],
    [['--profile', 'other'], /^--profile: other is none of shoal, emqx/],
    [['--emqx-version', '5'], /^--emqx-version: 5 is none of 6\.2\.0/],
    [['--log', 'loud'], /^--log: loud is none of/],
    [['--drain', '-1'], /drain/],
    [['--nonsense'], /nonsense/],
    [['--config', '/does/not/exist'], /^--config/],
    [[], /^nobody could connect/],
  ])('says what is wrong with %j', async (args, message) => {
    const failure = readCommand(args, {});
    await expect(failure).rejects.toThrow(message);
    await expect(failure).rejects.toSatisfy((error) => isBrokerError(error, 'invalid-options'));
  });

  it.each([
    [{ SHOAL_BROKER_PORT: '99999' }, /^SHOAL_BROKER_PORT: "99999" is not a port/],
    [{ SHOAL_BROKER_PROFILE: 'x' }, /^SHOAL_BROKER_PROFILE: x is none of/],
    [{ SHOAL_BROKER_ALLOW_ANONYMOUS: 'yes' }, /^SHOAL_BROKER_ALLOW_ANONYMOUS: "yes" is neither 1 nor 0/],
  ])('says what is wrong with the environment %j', async (env, message) => {
    await expect(readCommand([], env)).rejects.toThrow(message);
  });

  it.each([
    ['{', /JSON/],
    ['[]', /the file: must be object/],
    ['{"nonsense":1}', /: nonsense: is not a known field/],
    ['{"limits":{"maxPacketByte":1}}', /: limits\.maxPacketByte: is not a known field/],
    ['{"limits":{"maxPacketBytes":"1"}}', /: limits\.maxPacketBytes: must be integer/],
    ['{"listen":{"tcp":{"port":70000}}}', /: listen\.tcp\.port: must be <= 65535/],
    ['{"listen":{"tcp":{"tls":{"keyFile":"none","certFile":"none"}}}}', /^tls: .*none/],
    ['{"users":[{"username":"a"}]}', /: users\.0: must have required properties passwordHash/],
    ['{"users":[{"username":"a","passwordHash":"x"}]}', /^users: passwordHash of "a" is not a scrypt hash/],
    ['{"rules":[{"effect":"maybe","topics":[]}]}', /: rules\.0\.effect: /],
    ['{"registry":{"profile":"emqx","emqxVersion":"7"}}', /: registry\.emqxVersion: /],
  ])('says what is wrong in the file %s', async (text, message) => {
    const config = join(directory, 'broker.json');
    await writeFile(config, text);
    await expect(readCommand(['--config', config, '--allow-anonymous'], {})).rejects.toThrow(message);
  });

  it('has every field of its file in its documents', async () => {
    const names = new Set<string>();
    const walk = (schema: unknown): void => {
      if (typeof schema !== 'object' || schema === null) return;
      const { properties = {} } = schema as { properties?: object };
      for (const name of Object.keys(properties)) names.add(name);
      for (const part of Object.values(schema)) walk(part);
    };
    walk(settingsSchema);
    const files = ['README.md', 'docs/operation.md', 'docs/security.md', 'docs/http.md'];
    const texts = await Promise.all(
      files.map((file) => readFile(fileURLToPath(new URL(`../${file}`, import.meta.url)), 'utf8')),
    );
    expect(names.size).toBeGreaterThan(60);
    expect([...names].filter((name) => !new RegExp(`\\b${name}\\b`).test(texts.join('\n')))).toEqual([]);
  });

  it('lets flags win over the environment, and both over the file', async () => {
    const config = join(directory, 'broker.json');
    await writeFile(
      config,
      JSON.stringify({
        listen: { tcp: { host: '::1', port: 1 }, http: { publicMetrics: true } },
        store: { directory: 'file' },
        registry: { profile: 'shoal', pushPresence: false },
        log: 'error',
        allowAnonymous: true,
      }),
    );
    const env = {
      SHOAL_BROKER_CONFIG: config,
      SHOAL_BROKER_PORT: '2',
      SHOAL_BROKER_DATA: 'environment',
      SHOAL_BROKER_PROFILE: 'shoal',
      SHOAL_BROKER_LOG: 'warn',
    };
    expect(await readCommand(['--port', '3', '--no-sync', '--profile', 'emqx'], env)).toMatchObject({
      log: 'warn',
      drainTimeoutMs: 5_000,
      options: {
        allowAnonymous: true,
        listen: { tcp: { host: '::1', port: 3 }, ws: false, http: { publicMetrics: true } },
        store: { directory: 'environment', sync: false },
        registry: { profile: 'emqx', pushPresence: false },
      },
    });
  });

  it('takes every kind of credential from its file', async () => {
    const config = join(directory, 'broker.json');
    const passwordHash = await hashPassword('x');
    await writeFile(
      config,
      JSON.stringify({
        users: [{ username: 'a', passwordHash, namespace: 'ns' }],
        jwt: { jwks: { url: 'https://keys.example/' }, issuer: 'i', audience: ['a'], clientIdClaim: false },
        certificates: { clientIdFrom: 'san-uri', prefix: 'urn:' },
        registry: { trust: { trustedJkus: ['https://keys.example/'], requireSignature: true } },
        listen: {
          http: {
            apiKeys: [{ key: 'k', secretHash: passwordHash }],
            jwt: { jwks: { keys: [] }, issuer: 'i', audience: 'a' },
          },
        },
      }),
    );
    const command = await readCommand(['--config', config], {});
    expect(command).toMatchObject({
      options: {
        authenticate: expect.any(Function),
        registry: { namespaces: ['ns'], trust: { requireSignature: true } },
        listen: { http: { checkBearer: expect.any(Function) } },
      },
    });
    expect(command).not.toHaveProperty('options.allowAnonymous');
  });
});

describe('the topics of the broker itself', () => {
  it('are retained and documented', async () => {
    broker = createBroker({ allowAnonymous: true });
    const client = await clients.connect((await broker.start()).tcp?.url as string);
    const names: string[] = [];
    const all = new Promise<void>((resolve) => {
      client.on('message', (topic) => {
        names.push(topic.slice('$SYS/broker/'.length));
        if (names.length === 15) resolve();
      });
    });
    await client.subscribeAsync('$SYS/broker/#', { qos: 1 });
    await all;
    const docs = await readFile(new URL('../docs/operation.md', import.meta.url), 'utf8');
    for (const name of names) expect(docs).toContain(`\`${name}\``);
  });
});

describe('the HTTP listener', () => {
  it('tells health to everyone, and counts to everyone only when told to', async () => {
    broker = createBroker({ allowAnonymous: true, listen: { http: { publicMetrics: true } } });
    const { http, tcp } = await broker.start();
    const client = await clients.connect(tcp?.url as string);
    await client.publishAsync('t', 'x', { qos: 1 });
    expect(await (await fetch(`${http?.url}/healthz`)).json()).toEqual({ status: 'ok' });
    const metrics = await (await fetch(`${http?.url}/metrics`)).text();
    expect(metrics).toMatch(/^shoal_broker_connections 1$/m);
    expect(metrics).toMatch(/^shoal_broker_messages_received_total 1$/m);
    expect(metrics).toMatch(/^shoal_broker_bytes_received_total [1-9]/m);
    expect(metrics).toMatch(/^shoal_broker_cards\{status="online"\} 0$/m);
    expect(metrics).toMatch(/^shoal_broker_card_rejections_total\{rule="R3"\} 0$/m);
    expect((await fetch(`${http?.url}/other`)).status).toBe(401);
    expect((await fetch(`${http?.url}/metrics`, { method: 'POST' })).status).toBe(401);
  });
});
