export type BrokerErrorCode =
  | 'invalid-options'
  | 'already-started'
  | 'listen-failed'
  | 'store-open-failed'
  | 'store-version-unknown';

const BRAND = Symbol.for('@shoal/broker.BrokerError');

/** Errors of this package; branch on `code`, the README has the table. */
export class BrokerError extends Error {
  readonly code: BrokerErrorCode;
  readonly [BRAND] = true;

  constructor(code: BrokerErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'BrokerError';
    this.code = code;
  }
}

/** By brand, so it also knows errors of another copy of this package. `code` unset: any of them. */
export function isBrokerError(error: unknown, code?: BrokerErrorCode): error is BrokerError {
  if (typeof error !== 'object' || error === null || !(BRAND in error)) return false;
  return code === undefined || (error as BrokerError).code === code;
}
