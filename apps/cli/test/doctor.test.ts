import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { authenticateUsers, createBroker, hashPassword, type Broker } from '@shoal/broker';
import {
  mosquittoPath,
  startMosquitto,
  startTlsFront,
  type TlsFront,
  type RunningMosquitto,
} from '@shoal/mqtt-link/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Doctor } from '../src/shapes/doctor.ts';
import { cli, cliJson, type CliOptions } from './cli.ts';

/** Machines under load: what must come has time. */
const PATIENT = { SHOAL_TIMEOUT: '20' };

const examine = async (options: CliOptions, argv: readonly string[] = []) => {
  const { value, code } = await cliJson<Doctor>('doctor', ['doctor', ...argv], {
    ...options,
    env: { ...PATIENT, ...options.env },
  });
  const severity = (id: string) => value.checks.find((one) => one.id === id)?.severity;
  return { value, code, severity, of: (id: string) => value.checks.find((one) => one.id === id) };
};

const FEATURES = [
  'announced',
  'retained',
  'message-expiry',
  'retain-handling',
  'no-local',
  'shared',
  'will',
  'will-delay',
  'packet-size',
];

describe('the doctor on the embedded broker', () => {
  let open: Broker;
  let closed: Broker;
  let openUrl = '';
  let closedUrl = '';
  beforeAll(async () => {
    open = createBroker({ allowAnonymous: true, registry: { profile: 'shoal' } });
    openUrl = (await open.start()).tcp?.url ?? '';
    closed = createBroker({
      authenticate: authenticateUsers([{ username: 'ada', passwordHash: await hashPassword('s3cret') }]),
      limits: { maxPacketBytes: 8_192 },
    });
    closedUrl = (await closed.start()).tcp?.url ?? '';
  });
  afterAll(async () => {
    await open.stop();
    await closed.stop();
  });

  it('finds every feature, and fails because anybody may come in', { timeout: 60_000 }, async () => {
    const { value, code, severity, of } = await examine({ env: { SHOAL_BROKER_URL: openUrl } });
    const wanted = [...FEATURES, 'shared-dollar', 'subscription-ids', 'registry'];
    expect(wanted.filter((id) => severity(id) !== 'ok').map(of)).toEqual([]);
    expect(of('registry')?.detail).toContain('native');
    expect(severity('durability')).toBe('warn');
    expect(of('anonymous')).toMatchObject({
      severity: 'error',
      fix: expect.stringContaining('allow-anonymous') as string,
    });
    expect(severity('isolation')).toBe('skip');
    expect(code).toBe(1);
    expect(value.ok).toBe(false);
  });

  it("finds EMQX's registry, which drops what is no card in silence", { timeout: 60_000 }, async () => {
    const emqx = createBroker({ allowAnonymous: true, registry: { profile: 'emqx' } });
    try {
      const { tcp } = await emqx.start();
      const { severity, of } = await examine({ env: { SHOAL_BROKER_URL: tcp?.url ?? '' } });
      const wanted = [...FEATURES, 'shared-dollar', 'subscription-ids', 'registry'];
      expect(wanted.filter((id) => severity(id) !== 'ok').map(of)).toEqual([]);
      expect(of('registry')?.detail).toContain('EMQX');
      expect(emqx.stats().retained).toBe(0);
    } finally {
      await emqx.stop();
    }
  });

  it('leaves nothing behind', { timeout: 60_000 }, async () => {
    const before = open.stats().retained;
    await examine({ env: { SHOAL_BROKER_URL: openUrl } });
    expect(open.stats().retained).toBe(before);
  });

  it(
    'passes a broker that asks for a password, and tells what is too small',
    { timeout: 60_000 },
    async () => {
      const env = { SHOAL_BROKER_URL: closedUrl, SHOAL_USERNAME: 'ada', SHOAL_PASSWORD: 's3cret' };
      const { severity, of, value } = await examine({ env }, ['--org', 'acme', '--unit', 'plant-1']);
      expect(severity('anonymous')).toBe('ok');
      expect(severity('password')).toBe('ok');
      expect(of('packet-size')).toMatchObject({ severity: 'error' });
      expect(value.checks.filter((one) => one.severity === 'error').map(({ id }) => id)).toEqual([
        'packet-size',
      ]);
    },
  );

  it('says that a credential is not accepted', async () => {
    const env = { SHOAL_BROKER_URL: closedUrl, SHOAL_USERNAME: 'ada', SHOAL_PASSWORD: 'wrong' };
    const { of, code } = await examine({ env });
    expect(code).toBe(1);
    expect(of('connect')).toMatchObject({
      severity: 'error',
      fix: expect.stringContaining('password') as string,
    });
  });

  it('shows findings with their mend to people', { timeout: 60_000 }, async () => {
    const { stdout, code } = await cli(['doctor'], { env: { ...PATIENT, SHOAL_BROKER_URL: openUrl } });
    expect(code).toBe(1);
    expect(stdout).toMatch(/error +anonymous access: anybody/);
    expect(stdout).toContain('→ embedded: name users');
    expect(stdout).toContain('not fit: ');
  });
});

describe('the doctor elsewhere', () => {
  it('says that nothing listens there', async () => {
    const { of, code } = await examine({
      env: { SHOAL_BROKER_URL: 'mqtt://127.0.0.1:1', SHOAL_TIMEOUT: '2' },
    });
    expect(code).toBe(1);
    expect(of('connect')?.detail).toContain('nothing listens there');
  });

  it('says that a server speaks no MQTT 5', async () => {
    const old = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      // CONNACK of MQTT 3.1.1: unacceptable protocol version.
      socket.once('data', () => socket.end(Buffer.from([0x20, 2, 0, 1])));
    }).listen(0, '127.0.0.1');
    await once(old, 'listening');
    const { port } = old.address() as AddressInfo;
    const { of } = await examine({
      env: { SHOAL_BROKER_URL: `mqtt://127.0.0.1:${port}`, SHOAL_TIMEOUT: '5' },
    });
    expect(of('connect')).toMatchObject({
      severity: 'error',
      detail: expect.stringContaining('MQTT 5') as string,
    });
    old.close();
  });
});

describe.skipIf(mosquittoPath() === undefined)('the doctor on Mosquitto', () => {
  let mosquitto: RunningMosquitto;
  let front: TlsFront;
  beforeAll(async () => {
    mosquitto = await startMosquitto();
    front = await startTlsFront(mosquitto.port);
  });
  afterAll(async () => {
    await front.stop();
    await mosquitto.stop();
  });

  it('finds no registry, and what this version does not share', { timeout: 60_000 }, async () => {
    const { severity, of } = await examine({ env: { SHOAL_BROKER_URL: mosquitto.url } });
    expect(FEATURES.filter((id) => severity(id) !== 'ok').map(of)).toEqual([]);
    expect(of('registry')).toMatchObject({ severity: 'info' });
    expect(severity('shared-dollar')).toMatch(/ok|warn/);
    expect(of('durability')).toMatchObject({ severity: 'info' });
  });

  it('looks at the certificate', { timeout: 60_000 }, async () => {
    const unknown = await examine({ env: { SHOAL_BROKER_URL: front.mqttsUrl, SHOAL_TIMEOUT: '5' } });
    expect(unknown.severity('tls')).toBe('error');
    const insecure = await examine({ env: { SHOAL_BROKER_URL: front.mqttsUrl } }, ['--insecure']);
    expect(insecure.of('tls')).toMatchObject({
      severity: 'warn',
      detail: expect.stringContaining('TLSv1.3') as string,
    });
  });
});
