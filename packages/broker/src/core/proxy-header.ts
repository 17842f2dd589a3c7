import { crc32c } from './crc32c.ts';

/** PROXY protocol, version 2: what a load balancer puts in front of the bytes of the client that it speaks for. */

/** Signature, command, family, length. */
export const PROXY_HEAD_BYTES = 16;
/** Addresses and TLVs; a header that announces more is refused. */
const MAX_BODY_BYTES = 4_096;
const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

const VERSION = 2;
const Command = { local: 0, proxy: 1 } as const;
/** Address family in the upper four bits; the bytes that its addresses and ports take. */
const Family = { unspecified: 0, inet: 1, inet6: 2, unix: 3 } as const;
const INET_BYTES = 12;
const INET6_BYTES = 36;
const UNIX_BYTES = 216;
const STREAM = 1;
/** Bytes of the addresses, in front of the TLVs. */
const ADDRESS_BYTES: Readonly<Record<number, number>> = {
  [Family.unspecified]: 0,
  [Family.inet]: INET_BYTES,
  [Family.inet6]: INET6_BYTES,
  [Family.unix]: UNIX_BYTES,
};
/** Type and length of a TLV. */
const TLV_HEAD_BYTES = 3;
const CRC_TYPE = 0x03;
const CRC_BYTES = 4;

/** A first part that is not a PROXY header; the message names the field. */
export class ProxyHeaderError extends Error {
  constructor(message: string) {
    super(`PROXY header: ${message}`);
    this.name = 'ProxyHeaderError';
  }
}

/** How many bytes follow the first 16. Throws ProxyHeaderError. */
export function proxyBodyBytes(head: Buffer): number {
  if (!head.subarray(0, SIGNATURE.length).equals(SIGNATURE)) throw new ProxyHeaderError('wrong signature');
  const version = (head[12] as number) >> 4;
  if (version !== VERSION) throw new ProxyHeaderError(`version ${version}, only 2 is spoken`);
  const length = head.readUInt16BE(14);
  if (length > MAX_BODY_BYTES)
    throw new ProxyHeaderError(`length ${length}, at most ${MAX_BODY_BYTES} are read`);
  return length;
}

/** Where the checksum of the header is, if it carries one. What follows addresses of no kind need not be TLVs. */
function findChecksum(body: Buffer, family: number): number | undefined {
  let at = ADDRESS_BYTES[family] ?? body.length;
  while (at + TLV_HEAD_BYTES <= body.length) {
    const length = body.readUInt16BE(at + 1);
    const value = at + TLV_HEAD_BYTES;
    if (value + length > body.length) break;
    if (body[at] === CRC_TYPE && length === CRC_BYTES) return value;
    at = value + length;
  }
  if (at < body.length && family !== Family.unspecified) throw new ProxyHeaderError('a TLV ends early');
  return undefined;
}

/** The checksum covers the whole header, itself taken as zero. */
function assertChecksum(head: Buffer, body: Buffer): void {
  const at = findChecksum(body, (head[13] as number) >> 4);
  if (at === undefined) return;
  const rest = [body.subarray(0, at), Buffer.alloc(CRC_BYTES), body.subarray(at + CRC_BYTES)];
  if (crc32c(head, ...rest) !== body.readUInt32BE(at)) throw new ProxyHeaderError('its checksum is wrong');
}

function readInet6(body: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => body.readUInt16BE(i * 2).toString(16));
  return groups.join(':');
}

/**
 * Address and port of the client, as `host:port`. Undefined when the proxy speaks for itself (a health check) or does not tell: then
 * the address of the connection counts. Throws ProxyHeaderError.
 */
export function parseProxySource(head: Buffer, body: Buffer): string | undefined {
  assertChecksum(head, body);
  const command = (head[12] as number) & 0x0f;
  if (command === Command.local) return undefined;
  if (command !== Command.proxy) throw new ProxyHeaderError(`command ${command} is not known`);
  const family = (head[13] as number) >> 4;
  const transport = (head[13] as number) & 0x0f;
  if (family === Family.unspecified || family === Family.unix) return undefined;
  if (family > Family.unix) throw new ProxyHeaderError(`address family ${family} is not known`);
  if (transport !== STREAM) throw new ProxyHeaderError(`transport ${transport} is not a stream`);
  if (body.length < (family === Family.inet ? INET_BYTES : INET6_BYTES))
    throw new ProxyHeaderError(`length ${body.length} is too short for its addresses`);
  if (family === Family.inet) return `${body.subarray(0, 4).join('.')}:${body.readUInt16BE(8)}`;
  return `[${readInet6(body)}]:${body.readUInt16BE(32)}`;
}
