import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect as connectTcp, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';

import { generate, parser } from 'mqtt-packet';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';

import {
  createBroker,
  isBrokerError,
  type Broker,
  type BrokerAddresses,
  type BrokerOptions,
  type ConnectRequest,
} from '../src/index.ts';
import { hasOpenssl, TestCa, type Pair } from './certificates.ts';
import { crc32c } from '../src/core/crc32c.ts';
import { Clients } from './mqtt-clients.ts';

const clients = new Clients();
let broker: Broker | undefined;
let requests: ConnectRequest[] = [];

afterEach(async () => {
  clients.closeAll();
  await broker?.stop();
  requests = [];
});

async function start(options: Pick<BrokerOptions, 'listen' | 'limits'>): Promise<BrokerAddresses> {
  broker = createBroker({
    ...options,
    authenticate: (request) => {
      requests.push(request);
      return true;
    },
  });
  return broker.start();
}

const hello = generate({ cmd: 'connect', clientId: 'raw', protocolVersion: 5, clean: true, keepalive: 0 });

/** Says CONNECT and waits for the first packet. */
async function greet(socket: Socket): Promise<string> {
  const reader = parser({ protocolVersion: 5 });
  const first = new Promise<string>((resolve) => reader.on('packet', ({ cmd }) => resolve(cmd)));
  socket.on('data', (chunk: Buffer) => reader.parse(chunk));
  socket.write(hello);
  return first;
}

const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    socket
      .on('error', () => undefined)
      .once('close', () => resolve())
      .resume();
  });

describe.skipIf(!hasOpenssl)('TLS (needs the openssl command to make certificates)', () => {
  let directory = '';
  let ca: Buffer;
  let otherCa: Buffer;
  let local: Pair;
  let plant: Pair;
  let pump: Pair;
  let stranger: Pair;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'shoal-broker-tls-'));
    const [ours, theirs] = [new TestCa(directory, 'ours'), new TestCa(directory, 'theirs')];
    [ca, otherCa] = await Promise.all([ours.open(), theirs.open()]);
    local = await ours.issue('/CN=localhost', 'DNS:localhost,IP:127.0.0.1');
    plant = await ours.issue('/CN=plant.example', 'DNS:plant.example,DNS:*.plant.example');
    pump = await ours.issue('/O=acme/CN=pump-01', 'URI:urn:acme:pump-01');
    stranger = await theirs.issue('/CN=stranger', 'DNS:stranger');
  });

  afterAll(() => rm(directory, { recursive: true, force: true }));

  async function shownFor(port: number, servername: string): Promise<string> {
    const socket = connectTls({
      host: '127.0.0.1',
      port,
      servername,
      ca,
      checkServerIdentity: () => undefined,
    });
    await once(socket, 'secureConnect');
    const { CN } = socket.getPeerCertificate().subject;
    expect(await greet(socket)).toBe('connack');
    socket.destroy();
    return CN;
  }

  it.each(['tcp', 'ws'] as const)('carries MQTT over %s', async (transport) => {
    const addresses = await start({ listen: { [transport]: { tls: local } } });
    const url = addresses[transport]?.url as string;
    expect(url.split(':')[0]).toBe(transport === 'tcp' ? 'mqtts' : 'wss');
    await clients.connect(url, { ca });
    expect(requests).toMatchObject([{ certificate: undefined }]);
  });

  it('shows the certificate of the server name that the client asks for', async () => {
    const { tcp } = await start({
      listen: {
        tcp: { tls: { ...local, serverNames: { 'plant.example': plant, '*.plant.example': plant } } },
      },
    });
    const port = tcp?.port as number;
    expect(await shownFor(port, 'plant.example')).toBe('plant.example');
    expect(await shownFor(port, 'hall-1.plant.example')).toBe('plant.example');
    expect(await shownFor(port, 'elsewhere.example')).toBe('localhost');
  });

  it.each(['tcp', 'ws'] as const)(
    'over %s hands the certificate of the client to authenticate',
    async (transport) => {
      const tls = { ...local, clientCa: ca, serverNames: { 'plant.example': plant } };
      const addresses = await start({ listen: { [transport]: { tls } } });
      await clients.connect(addresses[transport]?.url as string, { ca, ...pump });
      expect(requests).toMatchObject([
        {
          certificate: {
            commonName: 'pump-01',
            subject: { O: 'acme', CN: 'pump-01' },
            subjectAltName: 'URI:urn:acme:pump-01',
            fingerprint256: expect.stringMatching(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/) as string,
          },
        },
      ]);
    },
  );

  it('asks for client certificates also under another server name', async () => {
    const tls = { ...local, clientCa: ca, serverNames: { 'plant.example': plant } };
    const { tcp } = await start({ listen: { tcp: { tls } } });
    const options = { port: tcp?.port as number, servername: 'plant.example', ca };
    await closed(connectTls({ ...options, ...stranger }));
    expect(requests).toEqual([]);
    const socket = connectTls({ ...options, ...pump });
    expect(await greet(socket)).toBe('connack');
    expect(requests).toMatchObject([{ certificate: { commonName: 'pump-01' } }]);
    socket.destroy();
  });

  it('lets nobody in without a certificate of the authority when one is required', async () => {
    const { tcp } = await start({ listen: { tcp: { tls: { ...local, clientCa: ca } } } });
    const options = { port: tcp?.port as number, servername: 'localhost', ca };
    await closed(connectTls(options));
    await closed(connectTls({ ...options, ...stranger }));
    expect(requests).toEqual([]);
  });

  it('lets authenticate judge when none is required, and vouches for no stranger', async () => {
    const tls = { ...local, clientCa: ca, requireClientCertificate: false };
    const { tcp } = await start({ listen: { tcp: { tls } } });
    await clients.connect(tcp?.url as string, { ca, ...pump });
    await clients.connect(tcp?.url as string, { ca, ...stranger });
    await clients.connect(tcp?.url as string, { ca });
    expect(requests.map(({ certificate }) => certificate?.commonName)).toEqual([
      'pump-01',
      undefined,
      undefined,
    ]);
    expect(otherCa.equals(ca)).toBe(false);
  });

  it('names the option when a certificate cannot be read', async () => {
    const broken = { listen: { tcp: { tls: { key: local.key, cert: 'not PEM' } } } };
    await expect(start(broken)).rejects.toSatisfy((error) => isBrokerError(error, 'invalid-options'));
  });

  it('lets go of a connection that does not finish its handshake', async () => {
    const { tcp } = await start({
      listen: { tcp: { tls: local } },
      limits: { connectTimeoutMs: 200 },
    });
    const gone = closed(connectTcp(tcp?.port as number, '127.0.0.1'));
    await expect(gone).resolves.toBeUndefined();
  });

  it('stops although a handshake is under way', async () => {
    const { tcp } = await start({ listen: { tcp: { tls: local } } });
    const socket = connectTcp(tcp?.port as number, '127.0.0.1');
    const gone = closed(socket);
    await once(socket, 'connect');
    await broker?.stop();
    await expect(gone).resolves.toBeUndefined();
  });

  it.each(['tcp', 'ws'] as const)('reads a PROXY header before the handshake over %s', async (transport) => {
    const addresses = await start({ listen: { [transport]: { tls: local, proxyProtocol: true } } });
    const raw = connectTcp(addresses[transport]?.port as number, '127.0.0.1');
    raw.write(proxied);
    const socket = connectTls({ socket: raw, servername: 'localhost', ca });
    await once(socket, 'secureConnect');
    await speak(transport, socket);
    expect(requests).toMatchObject([{ remote: '203.0.113.7:51000' }]);
    socket.destroy();
  });
});

async function speak(transport: 'tcp' | 'ws', socket: Socket | TLSSocket): Promise<void> {
  if (transport === 'tcp') {
    await greet(socket);
    return;
  }
  const web = new WebSocket('ws://localhost', 'mqtt', { createConnection: () => socket });
  await once(web, 'open');
  web.send(hello);
  await once(web, 'message');
}

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

function header(command: number, family: number, body: Buffer): Buffer {
  const head = Buffer.from([command, family, body.length >> 8, body.length & 0xff]);
  return Buffer.concat([SIGNATURE, head, body]);
}

/** 203.0.113.7:51000 to 192.0.2.1:1883, and a TLV that nobody needs. */
const INET = Buffer.from('cb007107c0000201c738075b0400020000', 'hex');
const proxied = header(0x21, 0x11, INET);
const INET6 = Buffer.concat([
  Buffer.from('20010db8000000000000000000000007', 'hex'),
  Buffer.alloc(16),
  Buffer.from('c738075b', 'hex'),
]);

/** With a checksum in front of another TLV. */
function summed(command: number, family: number, addresses: Buffer, change = 0): Buffer {
  const tlvs = Buffer.from('0300040000000004000100', 'hex');
  const bytes = header(command, family, Buffer.concat([addresses, tlvs]));
  bytes.writeUInt32BE((crc32c(bytes) ^ change) >>> 0, 16 + addresses.length + 3);
  return bytes;
}

it('computes CRC32c', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  expect(crc32c(Buffer.from('1234'), Buffer.from('56789'))).toBe(0xe3069283);
});

describe('the PROXY protocol', () => {
  it.each([
    ['IPv4', proxied, /^203\.0\.113\.7:51000$/],
    ['IPv4 with a checksum', summed(0x21, 0x11, INET.subarray(0, 12)), /^203\.0\.113\.7:51000$/],
    ['the proxy itself with a checksum', summed(0x20, 0, Buffer.alloc(0)), /^127\.0\.0\.1:\d+$/],
    ['IPv6', header(0x21, 0x21, INET6), /^\[2001:db8:0:0:0:0:0:7\]:51000$/],
    ['a health check of the proxy itself', header(0x20, 0, Buffer.alloc(0)), /^127\.0\.0\.1:\d+$/],
    ['a proxy that does not tell', header(0x21, 0, Buffer.alloc(0)), /^127\.0\.0\.1:\d+$/],
  ])('tells who is behind it: %s', async (_what, bytes, remote) => {
    const { tcp } = await start({ listen: { tcp: { proxyProtocol: true } } });
    const socket = connectTcp(tcp?.port as number, '127.0.0.1');
    socket.write(bytes);
    expect(await greet(socket)).toBe('connack');
    expect(requests[0]?.remote).toMatch(remote);
    socket.destroy();
  });

  it('is read also when it comes byte by byte, and together with what follows', async () => {
    const { tcp } = await start({ listen: { tcp: { proxyProtocol: true } } });
    const slow = connectTcp({ port: tcp?.port as number, host: '127.0.0.1', noDelay: true });
    for (const byte of proxied) await new Promise((sent) => slow.write(Buffer.from([byte]), sent));
    expect(await greet(slow)).toBe('connack');
    const quick = connectTcp(tcp?.port as number, '127.0.0.1');
    quick.write(Buffer.concat([proxied, hello]));
    await once(quick, 'data');
    expect(requests.map(({ remote }) => remote)).toEqual(['203.0.113.7:51000', '203.0.113.7:51000']);
    slow.destroy();
    quick.destroy();
  });

  it('works before WebSocket', async () => {
    const { ws } = await start({ listen: { ws: { proxyProtocol: true } } });
    const socket = connectTcp(ws?.port as number, '127.0.0.1');
    socket.write(proxied);
    await speak('ws', socket);
    expect(requests).toMatchObject([{ remote: '203.0.113.7:51000' }]);
    socket.destroy();
  });

  it.each([
    ['no header', hello],
    ['another version', header(0x11, 0x11, INET)],
    ['an unknown command', header(0x2f, 0x11, INET)],
    ['an unknown family', header(0x21, 0x71, INET)],
    ['a datagram', header(0x21, 0x12, INET)],
    ['addresses cut short', header(0x21, 0x11, INET.subarray(0, 8))],
    ['a wrong checksum', summed(0x21, 0x11, INET.subarray(0, 12), 1)],
    ['a wrong checksum of the proxy itself', summed(0x20, 0, Buffer.alloc(0), 1)],
    ['a TLV that ends early', header(0x21, 0x11, INET.subarray(0, -1))],
    ['a length beyond reason', Buffer.concat([SIGNATURE, Buffer.from([0x21, 0x11, 0xff, 0xff])])],
    ['the text form of version 1', Buffer.from('PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n')],
  ])('closes on %s', async (_what, bytes) => {
    const { tcp } = await start({ listen: { tcp: { proxyProtocol: true } } });
    const socket = connectTcp(tcp?.port as number, '127.0.0.1');
    socket.write(Buffer.concat([bytes, hello]));
    await closed(socket);
    expect(requests).toEqual([]);
  });

  it('closes when the header does not come, or ends early', async () => {
    const { tcp } = await start({
      listen: { tcp: { proxyProtocol: true } },
      limits: { connectTimeoutMs: 200 },
    });
    await closed(connectTcp(tcp?.port as number, '127.0.0.1'));
    const short = connectTcp(tcp?.port as number, '127.0.0.1');
    short.end(proxied.subarray(0, 20));
    await closed(short);
    expect(requests).toEqual([]);
  });

  it('is no header for a listener that was not told of it', async () => {
    const { tcp } = await start({ listen: { tcp: {} } });
    const socket = connectTcp(tcp?.port as number, '127.0.0.1');
    socket.write(Buffer.concat([proxied, hello]));
    await closed(socket);
    expect(requests).toEqual([]);
  });
});

it.each([[[]], [['other']], [['mqttv3.1']]])(
  'refuses a WebSocket that offers %j in place of mqtt',
  async (offered) => {
    const { ws } = await start({ listen: { ws: {} } });
    const socket = new WebSocket(ws?.url as string, offered);
    const [error] = (await once(socket, 'error')) as [Error];
    expect(error.message).toContain('400');
  },
);
