/** Default wait for an answer by method, in milliseconds ("Timeouts"). */
const DEFAULTS: Readonly<Record<string, number>> = {
  ping: 10_000,
  'tools/call': 60_000,
  'sampling/createMessage': 60_000,
  'completion/complete': 60_000,
};

const OTHERWISE = 30_000;

export type RequestTimeouts = Readonly<Record<string, number>>;

/** `overrides` maps a method, or `default` for the others, to milliseconds. */
export function requestTimeoutMs(method: string, overrides: RequestTimeouts = {}): number {
  return overrides[method] ?? DEFAULTS[method] ?? overrides['default'] ?? OTHERWISE;
}
