const BRAND = Symbol.for('@shoal/reasoner/error');

/** What each code means; the table in the README says the same. */
export const REASONER_ERROR_CODES = {
  'budget-exhausted': 'a budget of the agent, the session or the fleet does not allow another call',
  'ledger-unavailable': 'what was used so far could not be read or written, so no budget can be kept',
  'timed-out': 'the model did not decide in time',
  'model-unavailable': 'the model or its endpoint failed; the message says how',
  'invalid-output': 'the model gave no answer that fits the schema, repairs included',
  'too-many-calls': 'the model went on calling tools beyond the limit',
  aborted: 'the signal of the caller was aborted',
  'invalid-rules-output': 'the rules gave an answer that does not fit the schema: a defect of the rules',
  'invalid-task': 'the task cannot be worked on; the message names the field',
  'invalid-config': 'the configuration cannot be used; the message names the field and the fix',
  closed: 'the reasoner was closed',
} as const;

export type ReasonerErrorCode = keyof typeof REASONER_ERROR_CODES;

/** Every error of this package. Messages hold no key: they have passed the redactor. */
export class ReasonerError extends Error {
  override readonly name = 'ReasonerError';
  readonly code: ReasonerErrorCode;

  constructor(code: ReasonerErrorCode, message: string) {
    super(message);
    this.code = code;
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/** By brand, so it also knows errors of another copy of this package. `code` unset: any of them. */
export function isReasonerError(error: unknown, code?: ReasonerErrorCode): error is ReasonerError {
  if (typeof error !== 'object' || error === null || !(BRAND in error)) return false;
  return code === undefined || (error as unknown as ReasonerError).code === code;
}
