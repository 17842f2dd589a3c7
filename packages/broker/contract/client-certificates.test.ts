import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, describe, expect, it } from 'vitest';

import {
  authenticateCertificates,
  createBroker,
  type Admission,
  type CertificateOptions,
} from '../src/index.ts';
import { hasOpenssl, TestCa } from './certificates.ts';
import { Clients } from './mqtt-clients.ts';

const ask = (
  options: CertificateOptions,
  commonName: string | undefined,
  subjectAltName?: string,
): Promise<boolean | Admission> =>
  Promise.resolve(
    authenticateCertificates(options)({
      clientId: 'x',
      username: undefined,
      password: undefined,
      remote: 'r:1',
      certificate: {
        commonName,
        subject: {},
        subjectAltName,
        fingerprint256: '',
        serialNumber: '',
        raw: Buffer.alloc(0),
      },
    }),
  );

describe('the client id of a certificate', () => {
  it('is its common name, or alternative names of one kind', async () => {
    expect(await ask({}, 'acme/plant/pump-01')).toEqual({
      username: 'acme/plant/pump-01',
      clientIds: ['acme/plant/pump-01'],
    });
    const names = 'DNS:a.example, URI:urn:shoal:agent:acme/plant/a, URI:https://x, DNS:b';
    expect(await ask({ clientIdFrom: 'san-dns' }, undefined, names)).toMatchObject({
      clientIds: ['a.example', 'b'],
    });
    const options = { clientIdFrom: 'san-uri', prefix: 'urn:shoal:agent:' } as const;
    expect(await ask(options, undefined, names)).toMatchObject({ clientIds: ['acme/plant/a'] });
  });

  it('is none when it is missing, a pattern, or hidden in another name', async () => {
    expect(await ask({}, undefined)).toBe(false);
    expect(await ask({}, 'acme/*')).toBe(false);
    const hidden = 'DNS:"a, URI:urn:admin"';
    expect(await ask({ clientIdFrom: 'san-uri' }, undefined, hidden)).toBe(false);
    expect(await ask({ clientIdFrom: 'san-dns' }, undefined, hidden)).toMatchObject({
      clientIds: ['a, URI:urn:admin'],
    });
  });
});

describe.skipIf(!hasOpenssl)('a listener for certificates (needs the openssl command)', () => {
  let close = async (): Promise<void> => undefined;

  afterEach(() => close());

  it('binds each client to its certificate', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'shoal-certificates-'));
    const authority = new TestCa(directory, 'plant');
    const ca = await authority.open();
    const server = await authority.issue('/CN=localhost', 'IP:127.0.0.1');
    const pump = await authority.issue('/CN=acme\\/plant\\/pump-01', 'DNS:pump-01');
    const spare = await authority.issue('/CN=acme\\/plant\\/pump-02', 'DNS:pump-02');
    const broker = createBroker({
      authenticate: authenticateCertificates(),
      listen: { tcp: { tls: { ...server, clientCa: ca } } },
    });
    const clients = new Clients();
    close = async () => {
      clients.closeAll();
      await broker.stop();
      await rm(directory, { recursive: true });
    };
    const url = (await broker.start()).tcp?.url as string;
    const clientId = 'acme/plant/pump-01';
    const client = await clients.connect(url, { ca, ...pump, clientId });
    await client.publishAsync('$a2a/v1/event/acme/plant/pump-01', 'x', { qos: 1 });
    await expect(client.publishAsync('anything', 'x', { qos: 1 })).rejects.toMatchObject({ code: 0x87 });
    await expect(clients.connect(url, { ca, ...spare, clientId })).rejects.toMatchObject({ code: 0x85 });
    expect(client.connected).toBe(true);
  });
});
