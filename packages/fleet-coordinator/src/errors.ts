/** Every code, with what it means. The README table is checked against this list. */
export const COORDINATOR_ERROR_CODES = {
  'invalid-production': 'The production plan is malformed; the message names the field.',
  disconnected:
    "The coordinator's own connection was away while it asked: nothing is known of the neighbours, ask again.",
  'order-invalid': 'The facts do not make a valid work order; the message names the fields.',
} as const;

export type CoordinatorErrorCode = keyof typeof COORDINATOR_ERROR_CODES;

const BRAND = Symbol.for('shoal.coordinator-error');

/** Branch on `code`. */
export class CoordinatorError extends Error {
  override readonly name = 'CoordinatorError';
  readonly [BRAND] = true;
  readonly code: CoordinatorErrorCode;

  constructor(code: CoordinatorErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** By brand, so it also knows errors of another copy of this package. */
export function isCoordinatorError(error: unknown): error is CoordinatorError {
  return typeof error === 'object' && error !== null && BRAND in error;
}
