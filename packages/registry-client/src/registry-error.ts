const BRAND = Symbol.for('@shoal/registry-client/error');

/** What each code means; the table in the README says the same. */
export const REGISTRY_ERROR_CODES = {
  'wait-timeout': 'no such agent came in time',
  aborted: 'the signal of the wait was aborted',
  stopped: 'the registry was stopped meanwhile',
  'unknown-agent': 'no such agent is registered',
  'probe-denied': 'the broker does not allow this client to ask agents, or probing is off',
  'invalid-card': 'the card to register is not an Agent Card; nothing was published',
  'not-owner': "only the client whose id is the agent's address may change its card over MQTT",
  'registration-refused': 'the broker did not take the card',
  'registration-not-stored': 'the broker passed the card on and did not keep it',
  'registry-disabled': "EMQX's A2A registry is switched off",
  'api-unauthorized': 'the REST API does not know the credentials, or they may not do this',
  'api-not-found': 'no such card, or the retainer is off',
  'api-refused': 'the REST API refused the request; the message repeats why',
  'api-failed': 'the REST API could not be reached, or answered something else',
} as const;

export type RegistryErrorCode = keyof typeof REGISTRY_ERROR_CODES;

export interface RegistryErrorOptions {
  readonly cause?: unknown;
  /** HTTP status, or reason code of a PUBACK. */
  readonly status?: number;
}

/** Every error of this package; see the table in the README. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  readonly code: RegistryErrorCode;
  readonly status?: number;

  constructor(code: RegistryErrorCode, message: string, options: RegistryErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    if (options.status !== undefined) this.status = options.status;
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/** By brand, so it also knows errors of another copy of this package. `code` unset: any of them. */
export function isRegistryError(error: unknown, code?: RegistryErrorCode): error is RegistryError {
  if (typeof error !== 'object' || error === null || !(BRAND in error)) return false;
  return code === undefined || (error as unknown as RegistryError).code === code;
}
