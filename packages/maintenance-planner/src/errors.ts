/** Every code, with what it means. The README table is checked against this list. */
export const PLANNER_ERROR_CODES = {
  'invalid-seed': 'The seed, or an entry of it, is malformed; the message names the field.',
  'invalid-job': 'A job, a policy or a key cannot be planned with; the message names the field.',
  'problem-too-large':
    'More technicians, skills or parts than are searched to the end; the message has the limit.',
  'no-slot': 'No slot exists within the horizon; the message says what stands in the way.',
  'key-taken': 'The key already stands for a booking of another device.',
  'booking-released': 'The booking of this key was released; a released key books nothing again.',
  'store-too-new': 'The database was written by a later version.',
  'store-full': 'The database has reached its size limit; nothing was booked.',
  'store-failed': 'The database refused; the message repeats why.',
  usage: 'An option that cannot be understood; the message says what is expected.',
} as const;

export type PlannerErrorCode = keyof typeof PLANNER_ERROR_CODES;

const BRAND = Symbol.for('shoal.planner-error');

/** Branch on `code`. */
export class PlannerError extends Error {
  override readonly name = 'PlannerError';
  readonly [BRAND] = true;
  readonly code: PlannerErrorCode;

  constructor(code: PlannerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** By brand, so it also knows errors of another copy of this package. */
export function isPlannerError(error: unknown): error is PlannerError {
  return typeof error === 'object' && error !== null && BRAND in error;
}
