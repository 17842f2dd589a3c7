import type { Violation } from './protocol-error.ts';

/** `value` is the input itself, unknown fields and all, not a copy. */
export type Validation<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly violations: readonly Violation[] };

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Never throws, and never repeats the payload in its messages. */
export function parseJson(payload: Uint8Array | string): Validation<unknown> {
  let text: string;
  try {
    text = typeof payload === 'string' ? payload : utf8.decode(payload);
  } catch {
    return invalid('is not UTF-8: encode the JSON text as UTF-8');
  }
  if (text === '') return invalid('is empty: send a JSON document');
  try {
    return { ok: true, value: JSON.parse(text) as unknown };
  } catch (error) {
    const position = /position (\d+)/.exec(String(error))?.[1];
    const where = position === undefined ? '' : ` at character ${position}`;
    return invalid(`is not JSON: mend the syntax${where}`);
  }
}

function invalid(message: string): Validation<never> {
  return { ok: false, violations: [{ field: '', message }] };
}
