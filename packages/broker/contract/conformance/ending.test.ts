import { once } from 'node:events';

import { generate, parser, type Packet } from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';

import { useBroker } from './fixture.ts';
import { packet, publishPacket, rawConnect, text } from './raw-client.ts';

const fixture = useBroker();

it('MQTT-3.12.4-1: PINGREQ is answered', async () => {
  const client = await fixture.client('a');
  expect(await client.send({ cmd: 'pingreq' }).next()).toMatchObject({ cmd: 'pingresp' });
});

describe('DISCONNECT', () => {
  it('MQTT-3.14.4-1, MQTT-3.14.4-2, MQTT-3.14.2-1, MQTT-3.14.2-2: of the broker is its last packet, then it closes', async () => {
    const client = await fixture.client('a');
    await client.subscribe('t');
    client.send(packet(0x00), publishPacket('t', 'x'), { cmd: 'pingreq' });
    const [goodbye, ...more] = await client.rest();
    expect(goodbye).toMatchObject({ cmd: 'disconnect', reasonCode: 0x81 });
    expect((goodbye as { properties?: object }).properties).not.toHaveProperty('sessionExpiryInterval');
    expect(more).toEqual([]);
  });

  it.each([
    ['MQTT-3.14.1-1', 'with reserved bits', packet(0xe1), 0x81],
    ['MQTT-3.14.2-1', 'with a reason code that it does not have', packet(0xe0, 0x01), 0x82],
    ['MQTT-4.13.1-1', 'with bytes after its end', packet(0xe0, 0, 0, 0), 0x81],
  ])('%s: %s is answered', async (_id, _what, bytes, reasonCode) => {
    const client = await fixture.client('a');
    client.send(bytes);
    expect(await client.rest()).toMatchObject([{ cmd: 'disconnect', reasonCode }]);
  });

  it('MQTT-3.14.2-3: has a reason string only if it fits', async () => {
    const reasons = [];
    for (const maximumPacketSize of [1000, 40]) {
      const client = await fixture.client(`m${maximumPacketSize}`, { properties: { maximumPacketSize } });
      client.send(packet(0x30, text(''), 3, 0x23, 0, 9));
      const [goodbye] = (await client.rest()) as [Packet & { properties?: { reasonString?: string } }];
      expect(goodbye).toMatchObject({ cmd: 'disconnect', reasonCode: 0x82 });
      expect(client.sizeOf(goodbye)).toBeLessThanOrEqual(maximumPacketSize);
      reasons.push(goodbye.properties?.reasonString);
    }
    expect(reasons).toEqual(['topic alias: 9 was never given a topic', undefined]);
  });

  it('tells all clients that the broker stops', async () => {
    const [one, old] = [await fixture.client('a'), await fixture.client('b', { protocolVersion: 4 })];
    await fixture.broker.stop();
    expect(await one.rest()).toMatchObject([{ cmd: 'disconnect', reasonCode: 0x8b }]);
    expect(await old.rest()).toEqual([]);
  });
});

describe('enhanced authentication', () => {
  it.each([
    ['MQTT-3.15.1-1', 'AUTH with reserved bits', packet(0xf1), 0x81],
    ['MQTT-4.12.0-7', 'AUTH without a method in CONNECT', packet(0xf0, 0x18, 0), 0x82],
  ])('%s: %s ends the connection', async (_id, _what, bytes, reasonCode) => {
    const client = await fixture.client('a');
    client.send(bytes);
    expect(await client.rest()).toMatchObject([{ cmd: 'disconnect', reasonCode }]);
  });

  it('MQTT-4.12.0-6: is never begun by the broker', async () => {
    const client = await fixture.open();
    const connack = await client.connect('a', { username: 'u', password: Buffer.from('p') });
    expect(connack).toMatchObject({ cmd: 'connack', reasonCode: 0 });
    expect(connack.properties).not.toHaveProperty('authenticationMethod');
    expect(await client.pending()).toEqual([]);
  });

  it('MQTT-4.12.0-1: is refused before the user is asked for', async () => {
    await fixture.restart({ authenticate: () => false });
    const client = await fixture.open();
    client.send(rawConnect({ properties: Buffer.concat([Buffer.from([0x15]), text('X')]) }));
    expect(await client.rest()).toMatchObject([{ cmd: 'connack', reasonCode: 0x8c }]);
  });
});

describe('transports', () => {
  const web = async (): Promise<WebSocket> => {
    const socket = new WebSocket(fixture.addresses.ws?.url as string, ['other', 'mqtt']);
    await once(socket, 'open');
    return socket;
  };

  it('MQTT-4.2.0-1: TCP carries packets in order, however they are cut', async () => {
    const client = await fixture.open();
    const bytes = Buffer.concat([
      rawConnect(),
      generate(
        { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 't', qos: 0 }], properties: {} },
        {
          protocolVersion: 5,
        },
      ),
      generate(publishPacket('t', 'x'), { protocolVersion: 5 }),
    ]);
    for (const byte of bytes) await new Promise((sent) => client.socket.write(Buffer.from([byte]), sent));
    const got = [await client.next(), await client.next(), await client.next()];
    expect(got.map(({ cmd }) => cmd)).toEqual(['connack', 'suback', 'publish']);
  });

  it('MQTT-6.0.0-1: WebSocket text ends the connection', async () => {
    const socket = await web();
    socket.send('text');
    const [code] = (await once(socket, 'close')) as [number];
    expect(code).toBe(1003);
  });

  it('MQTT-6.0.0-1, MQTT-6.0.0-2, MQTT-6.0.0-4: WebSocket frames hold parts of packets and several of them, and are binary', async () => {
    const socket = await web();
    expect(socket.protocol).toBe('mqtt');
    const bytes = Buffer.concat([rawConnect(), generate({ cmd: 'pingreq' }), generate({ cmd: 'pingreq' })]);
    const reader = parser({ protocolVersion: 5 });
    const got: string[] = [];
    const all = new Promise<void>((resolve) => {
      reader.on('packet', ({ cmd }) => {
        got.push(cmd);
        if (got.length === 3) resolve();
      });
    });
    const binary: boolean[] = [];
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      binary.push(isBinary);
      reader.parse(data);
    });
    socket.send(bytes.subarray(0, 7));
    socket.send(bytes.subarray(7, 9));
    socket.send(bytes.subarray(9));
    await all;
    expect(got).toEqual(['connack', 'pingresp', 'pingresp']);
    expect(binary).not.toContain(false);
    socket.close();
  });

  it('MQTT-6.0.0-3: a WebSocket that does not offer mqtt is refused', async () => {
    const socket = new WebSocket(fixture.addresses.ws?.url as string, ['other']);
    const [error] = (await once(socket, 'error')) as [Error];
    expect(error.message).toContain('400');
  });
});
