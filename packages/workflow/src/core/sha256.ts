import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

/** What the runtime has built in is ten times as quick; a browser has nothing that answers at once. */
const native = globalThis.process?.getBuiltinModule?.('node:crypto');

/** SHA-256 of a text, or of bytes, in hexadecimal. */
export function sha256Hex(content: string | Uint8Array): string {
  if (native !== undefined) return native.createHash('sha256').update(content).digest('hex');
  return bytesToHex(sha256(typeof content === 'string' ? utf8ToBytes(content) : content));
}
