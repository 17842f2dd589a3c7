export type LinkErrorCode =
  | 'invalid-options'
  | 'invalid-topic'
  | 'invalid-property'
  | 'connect-refused'
  | 'connect-timeout'
  | 'connect-failed'
  | 'may-connect-failed'
  | 'not-connected'
  | 'connection-lost'
  | 'publish-refused'
  | 'subscribe-refused'
  | 'not-supported'
  | 'packet-too-large'
  | 'ack-timeout'
  | 'queue-full'
  | 'aborted'
  | 'fenced'
  | 'closed'
  | 'protocol-error'
  | 'handler-failed'
  | 'queue-overflow'
  | 'unclaimed-message'
  | 'payload-not-utf8'
  | 'snapshot-incomplete';

export interface LinkErrorDetails {
  /** The MQTT 5 reason code, where the broker gave one. */
  readonly reasonCode?: number | undefined;
  readonly reasonString?: string | undefined;
  readonly cause?: unknown;
}

const brand: unique symbol = Symbol.for('shoal.link-error');

/** Everything that goes wrong on a link. `code` is a row of the table in the README; branch on it, never on the text. */
export class LinkError extends Error {
  readonly code: LinkErrorCode;
  declare readonly reasonCode?: number;
  declare readonly reasonString?: string;
  readonly [brand] = true;

  constructor(code: LinkErrorCode, message: string, details: LinkErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'LinkError';
    this.code = code;
    if (details.reasonCode !== undefined) this.reasonCode = details.reasonCode;
    if (details.reasonString !== undefined) this.reasonString = details.reasonString;
  }
}

/** True for a LinkError, also one of another copy of this package; with `code`, only for that one. */
export function isLinkError(error: unknown, code?: LinkErrorCode): error is LinkError {
  if (typeof error !== 'object' || error === null || !(brand in error)) return false;
  return code === undefined || (error as LinkError).code === code;
}

export function toError(value: unknown): Error {
  return value instanceof Error ? value : new Error(String(value));
}
