/** Every code, with what it means. The README table is checked against this list. */
export const SCAFFOLD_ERROR_CODES = {
  'unknown-kind': 'There is no template of this kind; the message lists those that there are.',
  'invalid-name': 'A name cannot serve as package name and A2A identifier; the message says which and why.',
  'folder-not-empty': 'The folder exists and holds something. Nothing was written.',
  'write-failed': 'The folder cannot be written to. What was written before stays.',
  usage: 'A command line that cannot be understood; the message says what is expected.',
} as const;

export type ScaffoldErrorCode = keyof typeof SCAFFOLD_ERROR_CODES;

const BRAND = Symbol.for('shoal.scaffold-error');

/** Branch on `code`. */
export class ScaffoldError extends Error {
  override readonly name = 'ScaffoldError';
  readonly [BRAND] = true;
  readonly code: ScaffoldErrorCode;

  constructor(code: ScaffoldErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** By brand, so it also knows errors of another copy of this package. */
export function isScaffoldError(error: unknown): error is ScaffoldError {
  return typeof error === 'object' && error !== null && BRAND in error;
}
