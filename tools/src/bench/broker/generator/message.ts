import { generate } from 'mqtt-packet';
import type { Qos, Version } from './lean-client.ts';

export const PAYLOAD_BYTES = 500;

/** What an A2A request carries: response topic, correlation data and two user properties. */
const PROPERTIES = {
  contentType: 'application/json',
  responseTopic: '$a2a/v1/reply/bench/broker/requester/7c9e6679',
  correlationData: Buffer.from('7c9e6679-7425-40de-944b-e07fc1f90ae7'),
  userProperties: { 'a2a-version': '1.0', 'content-encoding': 'identity' },
};

/** A PUBLISH as it goes over the wire; MQTT 5 with properties. */
export function encodeMessage(
  version: Version,
  topic: string,
  qos: Qos,
  fields: { readonly payload?: Buffer | string; readonly retain?: boolean; readonly messageId?: number } = {},
): Buffer {
  const { payload = Buffer.alloc(PAYLOAD_BYTES, 'x'), retain = false, messageId = 1 } = fields;
  return generate(
    {
      cmd: 'publish',
      topic,
      payload,
      qos,
      dup: false,
      retain,
      ...(qos === 0 ? {} : { messageId }),
      ...(version === 5 ? { properties: PROPERTIES } : {}),
    },
    { protocolVersion: version },
  );
}

/**
 * Many messages in one piece of memory, with packet identifiers from 1 on: what a publisher sends is a slice of it. A slice may be sent
 * again once its messages are acknowledged.
 */
export class MessageRing {
  readonly count: number;
  private readonly bytes: Buffer;
  private readonly packetBytes: number;
  private next = 0;

  constructor(packet: Buffer, topic: string, qos: Qos, count: number) {
    this.count = count;
    this.packetBytes = packet.length;
    this.bytes = Buffer.allocUnsafeSlow(packet.length * count);
    const idAt = packet.indexOf(topic, 1, 'utf8') + Buffer.byteLength(topic);
    for (let i = 0; i < count; i += 1) {
      packet.copy(this.bytes, i * packet.length);
      if (qos > 0) this.bytes.writeUInt16BE(i + 1, i * packet.length + idAt);
    }
  }

  /** The next messages, as many as lie together. */
  take(wanted: number): { readonly count: number; readonly bytes: Buffer } {
    const count = Math.min(wanted, this.count - this.next);
    const start = this.next * this.packetBytes;
    this.next = (this.next + count) % this.count;
    return { count, bytes: this.bytes.subarray(start, start + count * this.packetBytes) };
  }
}
