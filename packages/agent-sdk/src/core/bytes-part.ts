import type { Part } from '@shoal/protocol';
import { encodeBase64, tryDecodeBase64 } from './base64.ts';

/** Bytes as a part of a message or an artifact. */
export function bytesPart(
  bytes: Uint8Array,
  fields: { readonly mediaType?: string; readonly filename?: string } = {},
): Part {
  return { raw: encodeBase64(bytes), ...fields };
}

/** The bytes of a raw part; undefined for other parts, and for one that is not base64. */
export function bytesOf(part: Part): Uint8Array | undefined {
  return part.raw === undefined ? undefined : tryDecodeBase64(part.raw);
}
