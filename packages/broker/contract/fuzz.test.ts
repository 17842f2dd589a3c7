import { once } from 'node:events';
import { duplexPair } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';

import * as fc from 'fast-check';
import { generate, type Packet } from 'mqtt-packet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';

import { FrameSplitter } from '../src/core/codec/frame-splitter.ts';
import { createBroker, type Broker, type BrokerAddresses } from '../src/index.ts';
import { packet, rawConnect, text } from './conformance/raw-client.ts';
import { bufferBytes } from './memory.ts';
import { Clients, Inbox } from './mqtt-clients.ts';

/** Seconds for each property, with a seed of its own; unset: a short run, always the same. */
const SECONDS = Number(process.env['SHOAL_FUZZ_SECONDS'] ?? 0);
const FUZZ: fc.Parameters<unknown> =
  SECONDS > 0
    ? {
        numRuns: Number.MAX_SAFE_INTEGER,
        interruptAfterTimeLimit: SECONDS * 1000,
        markInterruptAsFailure: false,
      }
    : { numRuns: 500, seed: 20_260 };
const TIMEOUT_MS = 60_000 + SECONDS * 2_000;

/** What a client can be refused for; 0x80, unspecified error, would be a mistake of ours. */
const REASONS = new Set([0x81, 0x82, 0x84, 0x85, 0x8c, 0x8f, 0x90, 0x93, 0x94, 0x95, 0x97]);

const clients = new Clients();
const errors: string[] = [];
let broker: Broker;
let addresses: BrokerAddresses;

beforeAll(async () => {
  broker = createBroker({
    allowAnonymous: true,
    listen: { tcp: {}, ws: {} },
    limits: { maxPacketBytes: 64 * 1024, maxSessions: 1_000, maxRetainedMessages: 1_000 },
    logger: {
      debug: () => undefined,
      info: () => undefined,
      warn: () => undefined,
      error: (message, fields) => errors.push(`${message} ${JSON.stringify(fields)}`),
    },
  });
  addresses = await broker.start();
});

afterAll(async () => {
  clients.closeAll();
  await broker.stop();
});

/** First byte and body of every packet that came back. */
type Answers = readonly (readonly [first: number, body: Buffer])[];

/** Sends these bytes over a connection of its own and waits for its end. */
async function converse(chunks: readonly Buffer[]): Promise<Answers> {
  const [near, far] = duplexPair();
  const packets: [number, Buffer][] = [];
  const splitter = new FrameSplitter(1024 * 1024);
  near.on('data', (chunk: Buffer) =>
    splitter.push(chunk, (data, start, bodyStart, end) => {
      packets.push([data[start] as number, Buffer.from(data.subarray(bodyStart, end))]);
      return true;
    }),
  );
  near.on('error', () => undefined);
  broker.handle(far);
  const closed = once(near, 'close');
  near.once('end', () => near.end());
  for (const chunk of chunks) near.write(chunk);
  // Everything above is read before the next turn, and answered at its end.
  await turn();
  await turn();
  near.end();
  await closed;
  return packets;
}

/** What is wrong with these answers: a refusal has to be the last packet, and its reason the fault of the client. */
function faultsOf(packets: Answers): readonly string[] {
  const faults = packets.flatMap(([first, body], at) => {
    const reason = first === 0x20 ? (body[1] as number) : first === 0xe0 ? (body[0] ?? 0) : 0;
    if (reason < 0x80) return [];
    const last = at === packets.length - 1 ? [] : [`packet after the refusal ${reason}`];
    // CONNACK of MQTT 3.1.1 has return codes of its own, all below 0x80.
    return REASONS.has(reason) ? last : [...last, `reason ${reason}`];
  });
  return [...faults, ...errors];
}

async function stillServes(): Promise<void> {
  const client = await clients.connect(addresses.tcp?.url as string);
  const inbox = new Inbox(client);
  await client.subscribeAsync('alive');
  await client.publishAsync('alive', 'yes', { qos: 1 });
  expect((await inbox.next()).payload).toBe('yes');
  await client.endAsync();
}

const encode = (version: 4 | 5, ...packets: Packet[]): Buffer =>
  Buffer.concat(packets.map((one) => generate(one, { protocolVersion: version })));

/** A whole life of a client, with every packet that it may send. */
function lifeOf(version: 4 | 5): Buffer {
  const five = version === 5;
  const properties = five
    ? { contentType: 'text/plain', responseTopic: 'r', userProperties: { a: ['1', '2'] }, topicAlias: 3 }
    : {};
  const publish = { cmd: 'publish', topic: 'a/b', payload: 'x', dup: false, retain: false } as const;
  return encode(
    version,
    {
      cmd: 'connect',
      clientId: `life-${version}`,
      protocolVersion: version,
      clean: true,
      keepalive: 60,
      username: 'u',
      password: Buffer.from('p'),
      will: { topic: 'will', payload: Buffer.from('gone'), qos: 1, retain: false },
      ...(five ? { properties: { sessionExpiryInterval: 0, receiveMaximum: 10, topicAliasMaximum: 5 } } : {}),
    },
    {
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: [
        { topic: 'a/+', qos: 2 },
        { topic: '$share/g/#', qos: 1 },
      ],
    },
    { ...publish, qos: 0, properties },
    { ...publish, qos: 1, messageId: 2, properties: {} },
    { ...publish, qos: 2, messageId: 3, properties: {} },
    { cmd: 'pubrel', messageId: 3 },
    { cmd: 'puback', messageId: 1 },
    { cmd: 'pubrec', messageId: 2 },
    { cmd: 'pubcomp', messageId: 2 },
    { cmd: 'unsubscribe', messageId: 4, unsubscriptions: ['a/+'] },
    { cmd: 'pingreq' },
    { cmd: 'disconnect' },
  );
}

const lives = [lifeOf(5), lifeOf(4)];

describe('bytes from outside', () => {
  it.each([
    ['MQTT 5', 0],
    ['MQTT 3.1.1', 1],
  ])('mean the same wherever they are cut: %s', async (_name, at) => {
    const life = lives[at] as Buffer;
    const whole = (await converse([life])).map(([first]) => first);
    expect(whole).toContain(0xd0);
    for (let cut = 1; cut < life.length; cut++) {
      const packets = await converse([life.subarray(0, cut), life.subarray(cut)]);
      expect(packets.map(([first]) => first)).toEqual(whole);
    }
    const bytes = await converse(Array.from(life, (byte) => Buffer.from([byte])));
    expect(bytes.map(([first]) => first)).toEqual(whole);
  });

  it('may end anywhere', async () => {
    for (const life of lives) {
      for (let end = 0; end < life.length; end++)
        expect(faultsOf(await converse([life.subarray(0, end)]))).toEqual([]);
    }
    await stillServes();
    expect(broker.stats().connections).toBe(0);
  });

  const change = fc.record({
    at: fc.nat(),
    kind: fc.constantFrom('set', 'insert', 'delete', 'repeat'),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }),
  });

  it(
    'may be damaged anywhere: a connection ends with a reason, and nothing else does',
    { timeout: TIMEOUT_MS },
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...lives),
          fc.array(change, { minLength: 1, maxLength: 6 }),
          fc.nat(),
          async (life, changes, cut) => {
            let bytes = life;
            for (const { at, kind, bytes: other } of changes) {
              const from = at % bytes.length;
              const skipped = kind === 'set' || kind === 'delete' ? other.length : 0;
              const put =
                kind === 'delete' ? [] : kind === 'repeat' ? bytes.subarray(from, from + 40) : other;
              bytes = Buffer.concat([
                bytes.subarray(0, from),
                Buffer.from(put),
                bytes.subarray(from + skipped),
              ]);
              if (bytes.length === 0) bytes = Buffer.from([0]);
            }
            const half = cut % bytes.length;
            expect(faultsOf(await converse([bytes.subarray(0, half), bytes.subarray(half)]))).toEqual([]);
          },
        ),
        FUZZ,
      );
      await stillServes();
      expect(broker.stats().connections).toBe(0);
    },
  );

  it('may be anything, before and after CONNECT', { timeout: TIMEOUT_MS }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(Buffer.alloc(0), rawConnect(), lives[1]?.subarray(0, 40) as Buffer),
        fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 4 }),
        async (start, chunks) => {
          expect(faultsOf(await converse([start, ...chunks.map((chunk) => Buffer.from(chunk))]))).toEqual([]);
        },
      ),
      FUZZ,
    );
    await stillServes();
  });

  it('may be packets of any kind with any content', { timeout: TIMEOUT_MS }, async () => {
    const any = fc
      .tuple(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 60 }))
      .map(([first, body]) => packet(first, Buffer.from(body)));
    await fc.assert(
      fc.asyncProperty(fc.array(any, { maxLength: 12 }), async (packets) => {
        expect(faultsOf(await converse([rawConnect(), ...packets]))).toEqual([]);
      }),
      FUZZ,
    );
    await stillServes();
  });

  it('may be any WebSocket frames', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 5 }), async (frames) => {
        const socket = new WebSocket(addresses.ws?.url as string, 'mqtt');
        socket.on('error', () => undefined);
        await once(socket, 'open');
        const closed = once(socket, 'close');
        socket.send(rawConnect());
        for (const frame of frames) socket.send(frame);
        socket.close();
        await closed;
        expect(errors).toEqual([]);
      }),
      { ...FUZZ, numRuns: 50 },
    );
    await stillServes();
  });
});

const ILL_FORMED: readonly (readonly [string, readonly number[]])[] = [
  ['a lone continuation', [0x80]],
  ['an overlong slash', [0xc0, 0xaf]],
  ['an overlong U+0000', [0xc0, 0x80]],
  ['a three byte overlong', [0xe0, 0x80, 0xaf]],
  ['a high surrogate', [0xed, 0xa0, 0x80]],
  ['a surrogate pair', [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80]],
  ['a truncated sequence', [0x61, 0xe2, 0x82]],
  ['a code point beyond Unicode', [0xf4, 0x90, 0x80, 0x80]],
  ['a byte that UTF-8 does not have', [0xff]],
  ['U+0000', [0x61, 0x00, 0x61]],
];

describe.each(ILL_FORMED)('ill-formed text: %s', (_what, content) => {
  const bad = text(Buffer.from(content));
  const user = (name: Buffer, value: Buffer): Buffer => Buffer.concat([Buffer.from([0x26]), name, value]);
  const publish = (properties: Buffer): Buffer => packet(0x30, text('t'), properties.length, properties);
  const of = (id: number): Buffer => Buffer.concat([Buffer.from([id]), bad]);

  it.each([
    ['topic', packet(0x30, bad, 0)],
    ['filter of SUBSCRIBE', packet(0x82, 0, 1, 0, bad, 0)],
    ['filter of UNSUBSCRIBE', packet(0xa2, 0, 1, 0, bad)],
    ['content type', publish(of(3))],
    ['response topic', publish(of(8))],
    ['user property name', publish(user(bad, text('v')))],
    ['user property value', publish(user(text('n'), bad))],
    ['reason string of PUBACK', packet(0x40, 0, 1, 0, of(0x1f).length, of(0x1f))],
    ['reason string of DISCONNECT', packet(0xe0, 0, of(0x1f).length, of(0x1f))],
  ])('as %s ends the connection with 0x81', async (_field, bytes) => {
    const packets = await converse([rawConnect(), bytes]);
    expect(packets.map(([first, body]) => [first, body[0]])).toEqual([
      [0x20, 0],
      [0xe0, 0x81],
    ]);
  });

  it.each([
    ['client identifier', rawConnect({ payload: [bad] })],
    ['user name', rawConnect({ flags: 0x82, payload: [text('a'), bad] })],
    ['will topic', rawConnect({ flags: 6, payload: [text('a'), Buffer.from([0]), bad, text('x')] })],
    ['user property', rawConnect({ properties: user(bad, text('v')) })],
  ])('as %s of CONNECT is refused with 0x81', async (_field, bytes) => {
    const packets = await converse([bytes]);
    expect(packets.map(([first, body]) => [first, body[1]])).toEqual([[0x20, 0x81]]);
  });
});

describe('memory', () => {
  it('grows with what came, not with what was announced', async () => {
    const sockets = Array.from({ length: 200 }, () => {
      const [near, far] = duplexPair();
      broker.handle(far);
      near.resume();
      near.write(rawConnect({ payload: [text('')] }));
      return near;
    });
    const before = bufferBytes();
    // 60 KB announced, 100 bytes sent.
    for (const socket of sockets)
      socket.write(Buffer.concat([Buffer.from([0x30, 0xe0, 0xd4, 0x03]), Buffer.alloc(100)]));
    await stillServes();
    expect(bufferBytes() - before).toBeLessThan(2 * 1024 * 1024);
    for (const socket of sockets) {
      const closed = once(socket, 'close');
      socket.end();
      await closed;
    }
  });

  it.each([
    ['a packet above the limit, at its fifth byte', Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]), 0x95],
    ['a length that does not end', Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff]), 0x81],
  ])('is not asked for %s', async (_what, bytes, reasonCode) => {
    const packets = await converse([rawConnect(), bytes]);
    expect(packets.at(-1)?.[1][0]).toBe(reasonCode);
  });

  it('is not held by clients that only subscribe, name topics or take identifiers', async () => {
    const held = (): object => {
      const { sessions, subscriptions, connections } = broker.stats();
      return { sessions, subscriptions, connections };
    };
    const before = held();
    const aliases = Array.from({ length: 64 }, (_, i) => packet(0x30, text(`t/${i}`), 3, 0x23, 0, i + 1));
    for (let round = 0; round < 20; round++) {
      const filters = Array.from({ length: 100 }, (_, i) =>
        packet(0x82, 0, 1, 0, text(`s/${round}/${i}`), 0),
      );
      await converse([rawConnect(), ...filters, ...aliases]);
    }
    expect(held()).toEqual(before);
  });
});
