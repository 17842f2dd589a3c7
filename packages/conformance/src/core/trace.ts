import type { Packet } from 'mqtt-packet';
import { redact } from './redact.ts';

export interface TraceEntry {
  readonly atMs: number;
  /** Who wrote it, for example `subject` or `kit client-1`. */
  readonly from: string;
  readonly to: string;
  readonly packet: Packet;
}

/** Packets of one scenario, the newest `limit` of them. */
export class Trace {
  readonly #entries: TraceEntry[] = [];
  readonly #limit: number;
  #dropped = 0;

  constructor(limit = 2_000) {
    this.#limit = limit;
  }

  add(entry: TraceEntry): void {
    this.#entries.push(entry);
    if (this.#entries.length <= this.#limit) return;
    this.#entries.shift();
    this.#dropped += 1;
  }

  get entries(): readonly TraceEntry[] {
    return this.#entries;
  }

  /** One line a packet, times in ms since the first; keep-alive packets are left out. */
  lines(secrets: readonly string[] = [], last = 60): string[] {
    const shown = this.#entries.filter(({ packet }) => !packet.cmd.startsWith('ping'));
    const start = this.#entries[0]?.atMs ?? 0;
    const cut = Math.max(0, shown.length - last);
    const lines = shown
      .slice(cut)
      .map(({ atMs, from, to, packet }) =>
        redact(
          `+${String(Math.round(atMs - start)).padStart(5)} ms  ${from} -> ${to}  ${describe(packet)}`,
          secrets,
        ),
      );
    const missing = cut + this.#dropped;
    return missing === 0 ? lines : [`(${missing} packets before these)`, ...lines];
  }
}

/** A packet in one line. */
export function describe(packet: Packet): string {
  const name = packet.cmd.toUpperCase();
  switch (packet.cmd) {
    case 'connect':
      return `${name} v${packet.protocolVersion} client=${packet.clientId} clean=${packet.clean} keepalive=${packet.keepalive}${packet.username === undefined ? '' : ' username password=[redacted]'}${
        packet.will === undefined
          ? ''
          : ` will{topic=${packet.will.topic} qos=${packet.will.qos} retain=${packet.will.retain}${properties(packet.will.properties)} payload=${payload(packet.will.payload)}}`
      }${properties(packet.properties)}`;
    case 'publish':
      return `${name} #${packet.messageId ?? '-'} ${packet.topic} qos=${packet.qos}${packet.retain ? ' retain' : ''}${packet.dup ? ' dup' : ''}${properties(packet.properties)} ${payload(packet.payload)}`;
    case 'subscribe':
      return `${name} #${packet.messageId} ${packet.subscriptions.map(({ topic, qos }) => `${topic} qos=${qos}`).join(', ')}`;
    case 'unsubscribe':
      return `${name} #${packet.messageId} ${packet.unsubscriptions.join(', ')}`;
    case 'suback':
    case 'unsuback':
      return `${name} #${packet.messageId} ${packet.granted.map(String).join(', ')}`;
    default: {
      const { reasonCode } = packet as { reasonCode?: number };
      return `${name}${packet.messageId === undefined ? '' : ` #${packet.messageId}`}${reasonCode === undefined ? '' : ` 0x${reasonCode.toString(16).padStart(2, '0')}`}`;
    }
  }
}

function properties(values: object | undefined): string {
  const shown = Object.entries(values ?? {}).filter(([, value]) => value !== undefined);
  if (shown.length === 0) return '';
  const text = shown.map(([key, value]: [string, unknown]) => {
    if (Buffer.isBuffer(value)) return `${key}=${bytes(value)}`;
    if (key === 'userProperties') return JSON.stringify(hideAuthorization(value as object));
    return `${key}=${String(value)}`;
  });
  return ` [${text.join(' ')}]`;
}

function hideAuthorization(values: object): object {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) =>
      key.toLowerCase().includes('authorization') ? [key, '[redacted]'] : [key, value as unknown],
    ),
  );
}

function bytes(value: Buffer): string {
  const text = value.toString('utf8');
  if (/^[\x20-\x7e]{1,64}$/.test(text)) return text;
  return `0x${value.subarray(0, 24).toString('hex')}${value.length > 24 ? `… (${value.length} bytes)` : ''}`;
}

function payload(value: Buffer | string): string {
  const data = Buffer.from(value);
  const text = data.toString('utf8');
  if (text.includes('\uFFFD')) return bytes(data);
  return text.length > 600
    ? `${text.slice(0, 600)}… (${data.length} bytes)`
    : JSON.stringify(text).slice(1, -1);
}
