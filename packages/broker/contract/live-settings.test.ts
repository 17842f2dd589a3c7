import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { LiveSettings } from '../src/bin/live-settings.ts';
import { readCommand, type Command } from '../src/bin/settings.ts';
import {
  authenticateCertificates,
  createBroker,
  hashPassword,
  isBrokerError,
  type Broker,
  type BrokerAddresses,
  type TlsOptions,
} from '../src/index.ts';
import { basic } from './api-broker.ts';
import { hasOpenssl, TestCa } from './certificates.ts';
import { HeldHandshake } from './held-handshake.ts';
import { Clients, connected } from './mqtt-clients.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const [oldHash, newHash] = await Promise.all(['old', 'new'].map(hashPassword));
const clients = new Clients();
let directory: string;
let config: string;
let broker: Broker;
let addresses: BrokerAddresses;
let settings: LiveSettings;

const write = (file: Record<string, unknown>): Promise<void> => writeFile(config, JSON.stringify(file));
const file = (more: Record<string, unknown> = {}): Record<string, unknown> => ({
  users: [
    { username: 'pump', passwordHash: oldHash },
    { username: 'fan', passwordHash: oldHash },
  ],
  rules: [{ effect: 'allow', topics: ['open/#'] }],
  listen: {
    tcp: { port: 0 },
    http: {
      port: 0,
      apiKeys: [
        { key: 'admin', secretHash: oldHash },
        { key: 'reader', secretHash: oldHash, role: 'viewer' },
        { key: 'tenant', secretHash: oldHash, namespace: 'acme' },
      ],
    },
  },
  ...more,
});

const login = (username: string, password: string) =>
  clients.connect(addresses.tcp?.url as string, { clientId: `client-${username}`, username, password });

async function call(method: string, path: string, key = 'admin', secret = 'old') {
  const response = await fetch(`${addresses.http?.url}/api/v5${path}`, {
    method,
    headers: { authorization: basic(key, secret) },
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'shoal-settings-'));
  config = join(directory, 'broker.json');
});

afterEach(async () => {
  clients.closeAll();
  await broker.stop();
  await rm(directory, { recursive: true, force: true });
});

describe('settings that are read again', () => {
  beforeEach(async () => {
    await write(file());
    const read = (): Promise<Command> => readCommand(['--config', config], {});
    settings = new LiveSettings((await read()) as Command & { kind: 'run' }, read, silent);
    broker = createBroker(settings.options);
    settings.attach(broker);
    addresses = await broker.start();
  });

  it('change who may connect and do what, and end the connections of users that were changed', async () => {
    const pump = await login('pump', 'old');
    const fan = await login('fan', 'old');
    await fan.publishAsync('open/x', 'x', { qos: 1 });
    const ended = new Promise<number | undefined>((resolve) =>
      pump.once('disconnect', ({ reasonCode }) => resolve(reasonCode)),
    );
    await write(
      file({
        users: [
          { username: 'pump', passwordHash: newHash },
          { username: 'fan', passwordHash: oldHash },
          { username: 'valve', passwordHash: newHash },
        ],
        rules: [{ effect: 'allow', topics: ['other/#'] }],
      }),
    );
    expect(await settings.reload()).toEqual({ needRestart: [] });
    expect(await ended).toBe(0x87);
    await expect(login('pump', 'old')).rejects.toMatchObject({ code: 0x86 });
    await login('pump', 'new');
    await login('valve', 'new');
    expect(fan.connected).toBe(true);
    await fan.publishAsync('other/x', 'x', { qos: 1 });
    await expect(fan.publishAsync('open/x', 'x', { qos: 1 })).rejects.toMatchObject({ code: 0x87 });
  });

  it('end subscriptions that new rules do not grant, and the connection, whose client is told', async () => {
    const [pump, fan] = [await login('pump', 'old'), await login('fan', 'old')];
    await pump.subscribeAsync('open/pump', { qos: 1 });
    await fan.subscribeAsync('open/fan', { qos: 1 });
    const ended = new Promise((resolve) => pump.once('disconnect', resolve));
    await write(file({ rules: [{ effect: 'allow', topics: ['open/fan'] }] }));
    await settings.reload();
    expect(await ended).toMatchObject({
      reasonCode: 0x87,
      properties: { reasonString: 'subscriptions: not allowed any more: open/pump' },
    });
    await fan.publishAsync('open/fan', 'x', { qos: 1 });
    expect(fan.connected).toBe(true);
  });

  it.each([
    ['{', /JSON/],
    ['{"users":[{"username":"pump","passwordHash":"plain"}]}', /passwordHash of "pump" is not a scrypt hash/],
    ['{"users":[],"rules":[{"effect":"maybe","topics":[]}]}', /rules\.0\.effect/],
    ['{"allowAnonymous":true}', /only with a new start/],
  ])('stay as they were when the file is bad: %s', async (text, message) => {
    const pump = await login('pump', 'old');
    await writeFile(config, text);
    const failure = settings.reload();
    await expect(failure).rejects.toThrow(message);
    await expect(failure).rejects.toSatisfy((error) => isBrokerError(error, 'invalid-options'));
    await pump.publishAsync('open/x', 'x', { qos: 1 });
    await login('fan', 'old');
  });

  it('are read for an administrator of the API, who is told what waits for a new start and what is wrong', async () => {
    const token = await fetch(`${addresses.http?.url}/api/v5/login`, {
      method: 'POST',
      body: JSON.stringify({ username: 'admin', password: 'old' }),
    }).then((response) => response.json() as Promise<{ token: string }>);
    await write(file({ limits: { maxSessions: 5 } }));
    expect(await call('POST', '/reload')).toEqual({ status: 200, body: { need_restart: ['limits'] } });
    expect((await call('POST', '/reload', 'reader')).status).toBe(403);
    expect((await call('POST', '/reload', 'tenant')).status).toBe(403);
    await writeFile(config, '{"nonsense":1}');
    expect(await call('POST', '/reload')).toMatchObject({
      status: 400,
      body: { message: expect.stringContaining('nonsense: is not a known field') as string },
    });
    const listen = { http: { port: 0, apiKeys: [{ key: 'other', secretHash: newHash }] } };
    await write(file({ listen: { tcp: { port: 0 }, ...listen } }));
    expect((await call('POST', '/reload')).status).toBe(200);
    expect((await call('GET', '/configs/a2a_registry')).status).toBe(401);
    expect((await call('GET', '/configs/a2a_registry', 'other', 'new')).status).toBe(200);
    const headers = { authorization: `Bearer ${token.token}` };
    const { status } = await fetch(`${addresses.http?.url}/api/v5/configs/a2a_registry`, { headers });
    expect(status).toBe(401);
  });

  it('are in the OpenAPI document only where there are any', async () => {
    expect((await call('GET', '/openapi.json')).body['paths']).toHaveProperty('/api/v5/reload');
    await broker.stop();
    broker = createBroker({
      allowAnonymous: true,
      listen: { http: { apiKeys: [{ key: 'admin', secretHash: oldHash as string }] } },
    });
    addresses = await broker.start();
    expect((await call('GET', '/openapi.json')).body['paths']).not.toHaveProperty('/api/v5/reload');
    expect((await call('POST', '/reload')).status).toBe(404);
  });
});

/** With TLS 1.3 a client learns of a refusal only after its own handshake. */
function enters(url: string, options: Parameters<Clients['create']>[1]): Promise<boolean> {
  const client = clients.create(url, options);
  return new Promise((resolve) => {
    client.once('connect', () => resolve(true));
    client.once('close', () => resolve(false));
  });
}

describe.skipIf(!hasOpenssl)('revocation lists (needs the openssl command)', () => {
  it('refuse a certificate from the moment they are put to use, and a bad one changes nothing', async () => {
    const authority = new TestCa(directory, 'plant');
    const clientCa = await authority.open();
    const server = await authority.issue('/CN=localhost', 'IP:127.0.0.1');
    const names = ['pump', 'fan'];
    const [pump, fan] = await Promise.all(names.map((name) => authority.issue(`/CN=${name}`, `DNS:${name}`)));
    const nobody = await authority.revocations([]);
    const tls = { ...server, clientCa, clientCrl: nobody };
    broker = createBroker({
      authenticate: authenticateCertificates(),
      authorize: () => true,
      listen: { tcp: { tls } },
    });
    const url = (await broker.start()).tcp?.url as string;
    const open = (clientId: string, pair: typeof pump) =>
      enters(url, { ca: clientCa, ...pair, clientId, clean: true });
    expect(await open('pump', pump)).toBe(true);
    for (const clientCrl of ['', '-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n']) {
      expect(() => broker.reload({ tls: { tcp: { ...tls, clientCrl } } })).toThrow(/^tls: /);
    }
    const connect = (clientId: string, pair: typeof pump) =>
      clients.connect(url, { ca: clientCa, ...pair, clientId });
    const [inside, other] = [await connect('pump', pump), await connect('fan', fan)];
    const ended = new Promise((resolve) => inside.once('disconnect', resolve));
    const clientCrl = await authority.revocations(['/CN=pump']);
    broker.reload({ tls: { tcp: { ...tls, clientCrl } } });
    expect(await ended).toMatchObject({
      reasonCode: 0x87,
      properties: { reasonString: 'client certificate: it is revoked' },
    });
    await other.publishAsync('x', 'x', { qos: 1 });
    expect(await open('pump', pump)).toBe(false);
    expect(await open('fan', fan)).toBe(true);
    expect(() => broker.reload({ tls: { ws: tls } })).toThrow(/^tls: the listener ws was not started/);
    expect(() => broker.reload({ tls: { tcp: server } })).toThrow(/only with a new start/);
  });

  it('end connections that are there: over WebSocket, before CONNECT, and of the HTTP listener', async () => {
    const authority = new TestCa(directory, 'plant');
    const clientCa = await authority.open();
    const server = await authority.issue('/CN=localhost', 'IP:127.0.0.1');
    const pump = await authority.issue('/CN=pump', 'DNS:pump');
    const tls = { ...server, clientCa };
    broker = createBroker({
      authenticate: authenticateCertificates(),
      authorize: () => true,
      listen: { tcp: { tls }, ws: { tls }, http: { tls } },
    });
    const { tcp, ws, http } = await broker.start();
    const client = await clients.connect(ws?.url as string, { ca: clientCa, ...pump, clientId: 'pump' });
    const told = new Promise((resolve) => client.once('disconnect', resolve));
    const silent = await Promise.all(
      [tcp, http].map(async (address) => {
        const socket = connectTls({ port: address!.port, host: '127.0.0.1', ca: clientCa, ...pump });
        socket.on('error', () => socket.destroy());
        const closed = new Promise((resolve) => socket.once('close', resolve));
        // The server has the connection when it has sent its session, which TLS 1.3 does at the end of the handshake.
        await new Promise((resolve) => socket.once('session', resolve));
        return { closed };
      }),
    );
    const revoking = { ...tls, clientCrl: await authority.revocations(['/CN=pump']) };
    broker.reload({ tls: { tcp: revoking, ws: revoking, http: revoking } });
    expect(await told).toMatchObject({ reasonCode: 0x87 });
    await Promise.all(silent.map(({ closed }) => closed));
  });

  describe('and handshakes that began before a list was put to use', () => {
    let authority: TestCa;
    let tls: TlsOptions;
    let revoking: TlsOptions;
    let pump: { readonly key: Buffer; readonly cert: Buffer; readonly ca: Buffer };
    let held: HeldHandshake;

    beforeEach(async () => {
      authority = new TestCa(directory, 'plant');
      const clientCa = await authority.open();
      tls = { ...(await authority.issue('/CN=localhost', 'IP:127.0.0.1')), clientCa };
      pump = { ...(await authority.issue('/CN=pump', 'DNS:pump')), ca: clientCa };
      revoking = { ...tls, clientCrl: await authority.revocations(['/CN=pump']) };
      broker = createBroker({
        authenticate: authenticateCertificates(),
        authorize: () => true,
        listen: { tcp: { tls }, ws: { tls }, http: { tls } },
      });
      addresses = await broker.start();
      held = new HeldHandshake();
    });

    afterEach(() => held.close());

    /** A client that the broker has not seen the certificate of. */
    async function begin(listener: 'tcp' | 'ws'): Promise<{ readonly entry: Promise<void> }> {
      const { port, begun } = await held.open(addresses[listener]!.port);
      const scheme = listener === 'tcp' ? 'mqtts' : 'wss';
      const entry = connected(clients.create(`${scheme}://127.0.0.1:${port}`, { ...pump, clientId: 'pump' }));
      entry.catch(() => undefined);
      await begun;
      return { entry };
    }

    const refusal = { code: 0x87, message: expect.stringContaining('Not authorized') as string };

    it.each(['tcp', 'ws'] as const)('refuses their CONNECT: %s', async (listener) => {
      const { entry } = await begin(listener);
      broker.reload({ tls: { [listener]: revoking } });
      held.release();
      await expect(entry).rejects.toMatchObject(refusal);
    });

    it('refuses them also when another listener has got others since', async () => {
      const { entry } = await begin('ws');
      broker.reload({ tls: { tcp: revoking, ws: revoking, http: revoking } });
      broker.reload({ tls: { tcp: tls } });
      held.release();
      await expect(entry).rejects.toMatchObject(refusal);
    });

    it('answers no request on the HTTP listener', async () => {
      const { port, begun } = await held.open(addresses.http!.port);
      const socket = connectTls({ port, host: '127.0.0.1', ...pump });
      const answer = new Promise((resolve) => {
        socket.on('data', resolve).on('error', () => socket.destroy());
        socket.once('close', () => resolve('closed'));
      });
      socket.write('GET /api/v5/livez HTTP/1.1\r\nhost: localhost\r\n\r\n');
      await begun;
      broker.reload({ tls: { http: revoking } });
      broker.reload({ tls: { tcp: tls } });
      held.release();
      expect(await answer).toBe('closed');
    });

    it('lets in whose certificate is on none', async () => {
      const { entry } = await begin('tcp');
      broker.reload({ tls: { tcp: { ...tls, clientCrl: await authority.revocations([]) } } });
      held.release();
      await expect(entry).resolves.toBeUndefined();
    });
  });

  it('count also for certificates of other names, whose pairs may be replaced as well', async () => {
    const [authority, other] = [new TestCa(directory, 'plant'), new TestCa(directory, 'other')];
    const [clientCa, otherCa] = [await authority.open(), await other.open()];
    const server = await authority.issue('/CN=localhost', 'IP:127.0.0.1');
    const named = await authority.issue('/CN=a.plant.example', 'DNS:a.plant.example');
    const renewed = await other.issue('/CN=b.plant.example', 'DNS:b.plant.example');
    const pump = await authority.issue('/CN=pump', 'DNS:pump');
    const tls = { ...server, clientCa, serverNames: { '*.plant.example': named } };
    broker = createBroker({ authenticate: authenticateCertificates(), listen: { tcp: { tls } } });
    const url = (await broker.start()).tcp?.url as string;
    const open = (servername: string, ca: Buffer) =>
      enters(url, { ca, ...pump, clientId: 'pump', servername });
    expect(await open('a.plant.example', clientCa)).toBe(true);
    broker.reload({ tls: { tcp: { ...tls, serverNames: { '*.plant.example': renewed } } } });
    expect(await open('b.plant.example', otherCa)).toBe(true);
    expect(await open('a.plant.example', clientCa)).toBe(false);
    const clientCrl = await authority.revocations(['/CN=pump']);
    broker.reload({ tls: { tcp: { ...tls, clientCrl } } });
    expect(await open('a.plant.example', clientCa)).toBe(false);
  });
});
