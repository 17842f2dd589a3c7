import type { Message } from '../../core/message.ts';
import type { Delivery } from '../../core/session.ts';
import { ByteWriter } from './byte-writer.ts';
import {
  appendDelivery,
  decodeDelivery,
  decodeMessage,
  encodeMessage,
  type DeliveryRecord,
} from './records.ts';

/** What an entry of the log says, one after another. Clients and messages are numbered in the order in which the entry names them. */
const FACT = { client: 1, message: 2, delivery: 3, sent: 4, released: 5, gone: 6 } as const;

/** Kind, number of the client, sequence: what every fact on a delivery begins with. */
const HEAD_BYTES = 1 + 4 + 6;
const LENGTH_BYTES = 4;

/** Puts facts together to the value of one entry. */
export class LogEntryWriter {
  private readonly out = new ByteWriter();
  private readonly clients = new Map<string, number>();
  private readonly messages = new Map<Message, number>();

  /** A delivery as it is now, with its message. */
  delivery(clientId: string, delivery: Delivery): void {
    const message = this.messageNumber(delivery.message);
    const at = this.head(FACT.delivery, clientId, delivery.sequence, LENGTH_BYTES);
    appendDelivery(this.out, delivery, message);
    this.out.bytes.writeUInt32BE(this.out.length - at - LENGTH_BYTES, at);
  }

  /** It was sent; it was recorded before. */
  sent(clientId: string, { sequence, packetId }: Delivery): void {
    const at = this.head(FACT.sent, clientId, sequence, 2);
    this.out.bytes.writeUInt16BE(packetId, at);
  }

  /** Says all that still matters of a delivery with QoS 2. */
  released(clientId: string, { sequence, packetId }: Delivery): void {
    const at = this.head(FACT.released, clientId, sequence, 2);
    this.out.bytes.writeUInt16BE(packetId, at);
  }

  gone(clientId: string, { sequence }: Delivery): void {
    this.head(FACT.gone, clientId, sequence, 0);
  }

  /** Undefined when nothing was said. */
  finish(): Buffer | undefined {
    return this.out.length === 0 ? undefined : this.out.finish();
  }

  /** Returns where the rest goes. */
  private head(fact: number, clientId: string, sequence: number, more: number): number {
    const client = this.clientNumber(clientId);
    const at = this.out.claim(HEAD_BYTES + more);
    const { bytes } = this.out;
    bytes[at] = fact;
    bytes.writeUInt32BE(client, at + 1);
    return bytes.writeUIntBE(sequence, at + 5, 6);
  }

  private clientNumber(clientId: string): number {
    const known = this.clients.get(clientId);
    if (known !== undefined) return known;
    this.named(FACT.client, Buffer.from(clientId));
    this.clients.set(clientId, this.clients.size);
    return this.clients.size - 1;
  }

  private messageNumber(message: Message): number {
    const known = this.messages.get(message);
    if (known !== undefined) return known;
    this.named(FACT.message, encodeMessage(message));
    this.messages.set(message, this.messages.size);
    return this.messages.size - 1;
  }

  private named(fact: number, what: Buffer): void {
    const at = this.out.claim(1 + LENGTH_BYTES + what.length);
    const { bytes } = this.out;
    bytes[at] = fact;
    bytes.set(what, bytes.writeUInt32BE(what.length, at + 1));
  }
}

export interface LogReader {
  delivery(clientId: string, sequence: number, record: DeliveryRecord, message: Message): void;
  sent(clientId: string, sequence: number, packetId: number): void;
  released(clientId: string, sequence: number, packetId: number): void;
  gone(clientId: string, sequence: number): void;
}

/** Tells the facts of one entry in their order. Throws when they cannot be read. */
export function readLogEntry(bytes: Buffer, reader: LogReader): void {
  const clients: string[] = [];
  const messages: Message[] = [];
  let at = 0;
  const blob = (): Buffer => {
    const start = at + LENGTH_BYTES;
    at = start + bytes.readUInt32BE(at);
    if (at > bytes.length) throw new RangeError('it ends too early');
    return bytes.subarray(start, at);
  };
  while (at < bytes.length) {
    const fact = bytes[at++];
    if (fact === FACT.client) clients.push(blob().toString());
    else if (fact === FACT.message) messages.push(decodeMessage(blob()));
    else {
      const clientId = clients[bytes.readUInt32BE(at)];
      const sequence = bytes.readUIntBE(at + 4, 6);
      at += HEAD_BYTES - 1;
      if (clientId === undefined) throw new Error('it has a client without a name');
      if (fact === FACT.delivery) {
        const record = decodeDelivery(blob());
        const message = messages[record.messageId ?? -1];
        if (message === undefined) throw new Error('it has a delivery without a message');
        reader.delivery(clientId, sequence, record, message);
      } else if (fact === FACT.gone) reader.gone(clientId, sequence);
      else if (fact === FACT.sent || fact === FACT.released) {
        const packetId = bytes.readUInt16BE(at);
        at += 2;
        if (fact === FACT.sent) reader.sent(clientId, sequence, packetId);
        else reader.released(clientId, sequence, packetId);
      } else throw new Error(`it says something unknown, ${fact}`);
    }
  }
}
