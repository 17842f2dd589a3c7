import { Buffer as BrowserBuffer } from 'buffer/';

/** The `buffer` package: the same methods over Uint8Array. `allocUnsafeSlow` exists only in Node. */
export const Buffer = BrowserBuffer;

const strict = new TextDecoder('utf-8', { fatal: true });

export function isUtf8(bytes: Uint8Array): boolean {
  try {
    strict.decode(bytes);
    return true;
  } catch {
    return false;
  }
}
