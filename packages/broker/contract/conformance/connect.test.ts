import { describe, expect, it } from 'vitest';

import { useBroker } from './fixture.ts';
import { packet, PERSISTENT, rawConnect, SURROGATE, text, USER_PROPERTIES } from './raw-client.ts';

const fixture = useBroker();
const will = (fields: object = {}) => ({
  will: { topic: 'will', payload: Buffer.from('gone'), qos: 1 as const, retain: false, ...fields },
});
const NUL = Buffer.from([0x61, 0]);

describe('a CONNECT that is not as specified is refused, and nothing after it is processed', () => {
  it.each([
    ['MQTT-3.1.2-1', 'another protocol name', rawConnect({ name: 'MQTX' }), 0x84],
    ['MQTT-3.1.2-2', 'a version that is not served', rawConnect({ level: 6 }), 0x84],
    ['MQTT-3.1.2-3', 'the reserved flag', rawConnect({ flags: 0x03 }), 0x81],
    ['MQTT-2.1.3-1', 'reserved bits of the fixed header', packet(0x11, rawConnect().subarray(2)), 0x81],
    ['MQTT-3.1.2-11', 'a will QoS without a will', rawConnect({ flags: 0x0a }), 0x81],
    ['MQTT-3.1.2-12', 'a will QoS of 3', rawConnect({ flags: 0x1e }), 0x81],
    ['MQTT-3.1.2-13', 'a retained will without a will', rawConnect({ flags: 0x22 }), 0x81],
    ['MQTT-3.1.2-9', 'the will flag without will fields', rawConnect({ flags: 0x06 }), 0x81],
    ['MQTT-3.1.2-17', 'the user name flag without a user name', rawConnect({ flags: 0x82 }), 0x81],
    ['MQTT-3.1.2-19', 'the password flag without a password', rawConnect({ flags: 0x42 }), 0x81],
    [
      'MQTT-3.1.2-16',
      'a user name without its flag',
      rawConnect({ payload: [text('raw'), text('user')] }),
      0x81,
    ],
    [
      'MQTT-3.1.2-18',
      'a password without its flag',
      rawConnect({ flags: 0x82, payload: [text('raw'), text('user'), text('password')] }),
      0x81,
    ],
    ['MQTT-3.1.3-3', 'no client identifier', rawConnect({ payload: [] }), 0x81],
    [
      'MQTT-3.1.3-4',
      'a client identifier with a surrogate',
      rawConnect({ payload: [text(SURROGATE)] }),
      0x81,
    ],
    ['MQTT-1.5.4-2', 'a client identifier with U+0000', rawConnect({ payload: [text(NUL)] }), 0x81],
    [
      'MQTT-3.1.3-11',
      'a will topic that is not UTF-8',
      rawConnect({ flags: 0x06, payload: [text('raw'), Buffer.from([0]), text(SURROGATE), text('x')] }),
      0x81,
    ],
    [
      'MQTT-3.1.3-12',
      'a user name that is not UTF-8',
      rawConnect({ flags: 0x82, payload: [text('raw'), text(SURROGATE)] }),
      0x81,
    ],
    [
      'MQTT-3.1.3-1',
      'fields in another order: the will in front of the client identifier',
      rawConnect({ flags: 0x06, payload: [Buffer.from([0]), text('will'), text('x'), text('raw')] }),
      0x81,
    ],
    [
      'MQTT-1.5.7-1',
      'a user property with U+0000',
      rawConnect({ properties: Buffer.concat([Buffer.from([0x26]), text('a'), text(NUL)]) }),
      0x81,
    ],
    [
      'MQTT-1.5.5-1',
      'a property length in more bytes than it needs',
      packet(0x10, text('MQTT'), 5, 2, 0, 0, 0x80, 0x00, text('raw')),
      0x81,
    ],
    ['MQTT-3.1.4-1', 'bytes after the last field', rawConnect({ payload: [text('raw'), text('')] }), 0x81],
    ['MQTT-4.13.1-1', 'a Receive Maximum of 0', rawConnect({ properties: Buffer.from([0x21, 0, 0]) }), 0x82],
    [
      'MQTT-4.13.1-1',
      'a property given twice',
      rawConnect({ properties: Buffer.from([0x21, 0, 9, 0x21, 0, 9]) }),
      0x82,
    ],
    [
      'MQTT-4.13.1-1',
      'authentication data without a method',
      rawConnect({ properties: Buffer.concat([Buffer.from([0x16]), text('x')]) }),
      0x82,
    ],
    [
      'MQTT-4.12.0-1',
      'an authentication method',
      rawConnect({ properties: Buffer.concat([Buffer.from([0x15]), text('SCRAM-SHA-256')]) }),
      0x8c,
    ],
  ])(
    '%s, MQTT-3.2.2-6, MQTT-3.2.2-7, MQTT-3.2.2-8, MQTT-3.1.4-6, MQTT-3.14.0-1: %s',
    async (_id, _what, bytes, reasonCode) => {
      const client = await fixture.open();
      client.send(bytes, { cmd: 'publish', topic: 't', payload: 'x', qos: 0, retain: true, dup: false });
      expect(await client.rest()).toMatchObject([{ cmd: 'connack', reasonCode, sessionPresent: false }]);
      expect(fixture.broker.stats()).toMatchObject({ sessions: 0, retained: 0 });
    },
  );

  it('MQTT-3.1.0-1: a first packet that is not CONNECT ends the connection without a word', async () => {
    const client = await fixture.open();
    client.send({ cmd: 'pingreq' });
    expect(await client.rest()).toEqual([]);
  });

  it('MQTT-3.1.4-2, MQTT-3.1.3-8: a client identifier that is too long is refused with 0x85', async () => {
    const client = await fixture.open();
    expect(await client.connect('x'.repeat(2000))).toMatchObject({ reasonCode: 0x85 });
    await expect(client.closed).resolves.toBeUndefined();
  });
});

it('MQTT-3.1.0-2, MQTT-3.2.0-2: a second CONNECT is a protocol error', async () => {
  const client = await fixture.client('a');
  client.send(rawConnect());
  expect(await client.rest()).toMatchObject([{ cmd: 'disconnect', reasonCode: 0x82 }]);
});

it('MQTT-3.1.4-5, MQTT-3.2.0-1, MQTT-3.2.2-1: CONNACK 0x00 comes first, its reserved flags 0', async () => {
  const first = await fixture.client('a', PERSISTENT);
  await first.subscribe('t');
  first.destroy();
  await first.closed;
  const sender = await fixture.client('sender');
  await sender.publish('t', 'queued');
  const again = await fixture.open();
  const bytes = new Promise<Buffer>((resolve) => again.socket.once('data', resolve));
  const connack = await again.connect('a', PERSISTENT);
  expect(connack).toMatchObject({ cmd: 'connack', reasonCode: 0, sessionPresent: true });
  expect((await bytes).subarray(0, 1).toString('hex')).toBe('20');
  expect((await bytes)[2]).toBe(1);
  expect(await again.publication()).toMatchObject({ topic: 't' });
});

it.each(['a', '0', 'abcdefghijklmnopqrstuvw', 'XYZ0123456789'])(
  'MQTT-3.1.3-5: the client identifier %s is accepted',
  async (clientId) => {
    const client = await fixture.open();
    expect(await client.connect(clientId)).toMatchObject({ reasonCode: 0 });
  },
);

it('MQTT-3.1.3-6, MQTT-3.1.3-7, MQTT-3.2.2-16: an empty client identifier gets one of its own, which then works', async () => {
  const [one, two] = [await fixture.open(), await fixture.open()];
  const ids = [await one.connect('', { ...PERSISTENT, clean: true }), await two.connect('')].map(
    (connack) => connack.properties?.assignedClientIdentifier,
  );
  expect(ids[0]).toMatch(/./);
  expect(ids[1]).not.toBe(ids[0]);
  one.destroy();
  await one.closed;
  const again = await fixture.open();
  expect(await again.connect(ids[0] as string, PERSISTENT)).toMatchObject({ sessionPresent: true });
});

describe('sessions', () => {
  it('MQTT-3.1.2-4, MQTT-3.1.4-4, MQTT-3.2.2-2: Clean Start begins a new session', async () => {
    const first = await fixture.client('a', PERSISTENT);
    await first.subscribe('t');
    first.send({ cmd: 'disconnect' });
    await first.closed;
    const again = await fixture.open();
    expect(await again.connect('a', { ...PERSISTENT, clean: true })).toMatchObject({ sessionPresent: false });
    await again.publish('t', 'x');
    expect(await again.pending()).toEqual([]);
  });

  it('MQTT-3.1.2-5, MQTT-3.1.2-23, MQTT-3.1.3-2, MQTT-3.2.2-3, MQTT-4.5.0-1: without it the session of that identifier goes on', async () => {
    const first = await fixture.client('a', PERSISTENT);
    await first.subscribe('t');
    first.destroy();
    await first.closed;
    const sender = await fixture.client('sender');
    await sender.publish('t', 'meanwhile');
    const other = await fixture.open();
    expect(await other.connect('b', PERSISTENT)).toMatchObject({ sessionPresent: false });
    const again = await fixture.open();
    expect(await again.connect('a', PERSISTENT)).toMatchObject({ sessionPresent: true });
    expect((await again.publication()).payload.toString()).toBe('meanwhile');
  });

  it('MQTT-3.1.2-6, MQTT-3.2.2-3: without it and without a session there is a new one', async () => {
    const client = await fixture.open();
    expect(await client.connect('a', PERSISTENT)).toMatchObject({ reasonCode: 0, sessionPresent: false });
  });

  it('MQTT-3.1.4-3, MQTT-4.13.2-1: the older connection is told 0x8E and closed', async () => {
    const first = await fixture.client('a');
    await fixture.client('a');
    expect(await first.rest()).toMatchObject([{ cmd: 'disconnect', reasonCode: 0x8e }]);
  });

  it('tells the expiry interval that it lowered', async () => {
    await fixture.restart({ limits: { maxSessionExpirySeconds: 30 } });
    const client = await fixture.open();
    const connack = await client.connect('a', PERSISTENT);
    expect(connack.properties).toMatchObject({ sessionExpiryInterval: 30 });
  });

  it('end at DISCONNECT with an expiry interval of 0, and cannot begin to last there', async () => {
    const first = await fixture.client('a', PERSISTENT);
    first.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 0 } });
    await first.closed;
    expect(fixture.broker.stats().sessions).toBe(0);
    const second = await fixture.client('a');
    second.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 60 } });
    expect(await second.rest()).toMatchObject([{ cmd: 'disconnect', reasonCode: 0x82 }]);
  });

  it('last longer when DISCONNECT says so', async () => {
    const first = await fixture.client('a', { properties: { sessionExpiryInterval: 1 } });
    first.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 600 } });
    await first.closed;
    const again = await fixture.open();
    expect(await again.connect('a', { clean: false })).toMatchObject({ sessionPresent: true });
  });
});

describe('wills', () => {
  it.each([
    ['MQTT-3.1.2-14', false],
    ['MQTT-3.1.2-15', true],
  ])(
    '%s, MQTT-3.1.2-7, MQTT-3.1.2-8, MQTT-3.1.2-10: is published once when the connection is lost, retained: %s',
    async (_id, retain) => {
      const watcher = await fixture.client('watcher');
      await watcher.subscribe('will', { rap: true });
      const dying = await fixture.client('dying', { ...PERSISTENT, ...will({ retain }) });
      dying.destroy();
      expect(await watcher.publication()).toMatchObject({ topic: 'will', qos: 1, retain });
      expect(fixture.broker.stats().retained).toBe(retain ? 1 : 0);
      const again = await fixture.client('dying', PERSISTENT);
      again.destroy();
      await again.closed;
      expect(await watcher.pending()).toEqual([]);
    },
  );

  it('MQTT-3.14.4-3, MQTT-3.1.2-10: is taken back by DISCONNECT 0x00, not by 0x04', async () => {
    const watcher = await fixture.client('watcher');
    await watcher.subscribe('will');
    for (const reasonCode of [0, 4]) {
      const client = await fixture.client(
        `leaving-${reasonCode}`,
        will({ payload: Buffer.from([reasonCode]) }),
      );
      client.send({ cmd: 'disconnect', reasonCode });
      await client.closed;
    }
    const got = await watcher.publications();
    expect(got.map(({ payload }) => (payload as Buffer)[0])).toEqual([4]);
  });

  it('MQTT-3.1.3-10: keeps the order of its user properties', async () => {
    const watcher = await fixture.client('watcher');
    await watcher.subscribe('will');
    const dying = await fixture.open();
    const fields = [
      text('dying'),
      Buffer.from([USER_PROPERTIES.length]),
      USER_PROPERTIES,
      text('will'),
      text('x'),
    ];
    dying.send(rawConnect({ flags: 0x06, payload: fields }));
    expect(await dying.next()).toMatchObject({ reasonCode: 0 });
    const bytes = new Promise<Buffer>((resolve) => watcher.socket.once('data', resolve));
    dying.destroy();
    expect((await bytes).includes(USER_PROPERTIES)).toBe(true);
  });

  it('is refused when the client may not publish there', async () => {
    await fixture.restart({ authorize: (_client, _action, topic) => topic !== 'will' });
    const client = await fixture.open();
    const connack = await client.connect('a', will());
    expect(connack).toMatchObject({ reasonCode: 0x87 });
    expect(connack.properties?.reasonString).toContain('will topic');
  });
});

describe('Maximum Packet Size of the client', () => {
  it('MQTT-3.2.2-19, MQTT-3.1.2-24: leaves the reason string of CONNACK out, not the code', async () => {
    const client = await fixture.open();
    const connack = await client.connect('x'.repeat(2000), { properties: { maximumPacketSize: 20 } });
    expect(connack).toMatchObject({ reasonCode: 0x85 });
    expect(connack.properties?.reasonString).toBeUndefined();
    expect(client.sizeOf(connack)).toBeLessThanOrEqual(20);
  });

  it.each([5, 4])(
    'MQTT-3.1.2-24: of %i bytes has no room for CONNACK, so there is no connection',
    async (maximumPacketSize) => {
      const client = await fixture.open();
      client.send(
        rawConnect({ properties: Buffer.from([0x27, 0, 0, 0, maximumPacketSize]), payload: [text('small')] }),
      );
      const said = await client.rest();
      for (const one of said) expect(client.sizeOf(one)).toBeLessThanOrEqual(maximumPacketSize);
      expect(fixture.broker.stats().sessions).toBe(0);
    },
  );
});

describe('Response Information', () => {
  const asking = { properties: { requestResponseInformation: true } };

  it('MQTT-3.1.2-28: is for clients that ask', async () => {
    const [asked, silent] = [await fixture.open(), await fixture.open()];
    const responseInformation = '$a2a/v1/reply/acme/plant/pump-01';
    expect((await asked.connect('acme/plant/pump-01', asking)).properties).toMatchObject({
      responseInformation,
    });
    const { properties } = await silent.connect('acme/plant/pump-02');
    expect(properties?.responseInformation).toBeUndefined();
  });

  it('is what the option says', async () => {
    await fixture.restart({ responseInformation: ({ clientId }) => `replies/${clientId}` });
    const client = await fixture.open();
    expect((await client.connect('a', asking)).properties?.responseInformation).toBe('replies/a');
  });

  it('is nothing for a client id that is no agent', async () => {
    const client = await fixture.open();
    expect((await client.connect('a', asking)).properties?.responseInformation).toBeUndefined();
  });
});

describe('keep alive', () => {
  it('MQTT-3.2.2-22, MQTT-3.1.2-22: ends a silent connection with 0x8D like a failure of the network', async () => {
    const watcher = await fixture.client('watcher');
    await watcher.subscribe('will');
    const client = await fixture.client('silent', { keepalive: 1, ...will() });
    expect(await client.rest()).toMatchObject([{ cmd: 'disconnect', reasonCode: 0x8d }]);
    expect(await watcher.publication()).toMatchObject({ topic: 'will' });
  });

  it('MQTT-3.1.2-22: is not met by bytes that never become a packet', async () => {
    const client = await fixture.client('trickle', { keepalive: 1 });
    client.send(Buffer.from([0x30, 0x7f]));
    const trickle = setInterval(() => client.send(Buffer.from([0])), 50);
    const said = await client.rest();
    clearInterval(trickle);
    expect(said).toMatchObject([{ cmd: 'disconnect', reasonCode: 0x8d }]);
  });

  it('is told when the broker wants another', async () => {
    await fixture.restart({ limits: { maxKeepAliveSeconds: 60 } });
    for (const keepalive of [0, 61, 600]) {
      const client = await fixture.open();
      const connack = await client.connect(`k${keepalive}`, { keepalive });
      expect(connack.properties?.serverKeepAlive).toBe(60);
    }
    const content = await fixture.open();
    expect((await content.connect('k60', { keepalive: 60 })).properties?.serverKeepAlive).toBeUndefined();
  });
});
