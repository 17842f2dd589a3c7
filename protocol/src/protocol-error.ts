/** One thing that is wrong with a document: where, and what to do about it. */
export interface Violation {
  /** Dotted and indexed path from the document's root, `message.parts[0].text`; empty for the document itself. */
  readonly field: string;
  readonly message: string;
}

/**
 * | code | when |
 * |---|---|
 * | `invalid-identifier` | an id does not match `^[A-Za-z0-9_.-]+$` or is reserved |
 * | `invalid-document` | a document about to be written does not match its schema; see `violations` |
 * | `unknown-document` | no schema has that name |
 */
export type ProtocolErrorCode = 'invalid-identifier' | 'invalid-document' | 'unknown-document';

const brand: unique symbol = Symbol.for('@shoal/protocol/error') as never;

export interface ProtocolErrorDetails {
  readonly field?: string;
  readonly violations?: readonly Violation[];
}

/** What this package throws; callers branch on `code`. */
export class ProtocolError extends Error {
  readonly [brand] = true;
  readonly code: ProtocolErrorCode;
  /** The first field at fault. */
  readonly field: string | undefined;
  readonly violations: readonly Violation[];

  constructor(code: ProtocolErrorCode, message: string, details: ProtocolErrorDetails = {}) {
    super(message);
    this.name = 'ProtocolError';
    this.code = code;
    this.violations = details.violations ?? [];
    this.field = details.field ?? this.violations[0]?.field;
  }
}

/** Works across copies of this package, unlike `instanceof`. */
export function isProtocolError(error: unknown, code?: ProtocolErrorCode): error is ProtocolError {
  if (typeof error !== 'object' || error === null || !(brand in error)) return false;
  return code === undefined || (error as ProtocolError).code === code;
}
