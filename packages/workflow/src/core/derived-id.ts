import { sha256Hex } from './sha256.ts';

/** 0 to 1, the same for the same parts wherever it is drawn: jitter that needs no randomness. */
export function derivedDraw(...parts: readonly (string | number)[]): number {
  const hex = sha256Hex(JSON.stringify(parts));
  return Number.parseInt(hex.slice(0, 12), 16) / 2 ** 48;
}

/**
 * A task id that every attempt of a step computes alike, in the form of a UUID version 4, which the profile wants: the agent that is
 * asked again recognises the request and does not do it twice.
 */
export function derivedTaskId(...parts: readonly string[]): string {
  const hex = sha256Hex(JSON.stringify(parts));
  const variant = '89ab'[Number.parseInt(hex[16] ?? '0', 16) % 4];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
