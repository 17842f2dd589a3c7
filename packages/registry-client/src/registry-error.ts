const BRAND = Symbol.for('@shoal/registry-client/error');

export type RegistryErrorCode = 'wait-timeout' | 'aborted' | 'stopped';

/** Every error of this package; see the table in the README. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  readonly code: RegistryErrorCode;

  constructor(code: RegistryErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
    Object.defineProperty(this, BRAND, { value: true });
  }
}

export function isRegistryError(error: unknown, code?: RegistryErrorCode): error is RegistryError {
  if (typeof error !== 'object' || error === null || !(BRAND in error)) return false;
  return code === undefined || (error as unknown as RegistryError).code === code;
}
