/** A copy that keeps no other memory alive; for a few bytes a loop is several times faster than the built-in ways. */
export function copyBytes(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(bytes.length);
  for (let i = 0; i < bytes.length; i += 1) copy[i] = bytes[i] as number;
  return copy;
}
