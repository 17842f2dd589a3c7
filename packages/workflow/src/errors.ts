/** One problem of a workflow file, where it is. Lines and columns count from 1. */
export interface Finding {
  readonly file?: string;
  readonly line: number;
  readonly column: number;
  /** Where in the document: `steps[2].needs[0]`. */
  readonly path: string;
  readonly message: string;
}

export type WorkflowErrorCode =
  | 'invalid-workflow'
  | 'invalid-request'
  | 'invalid-order'
  | 'expression'
  | 'unknown-blueprint'
  | 'no-session'
  | 'session-ended'
  | 'not-pending';

const brand = Symbol.for('@shoal/workflow/WorkflowError');

/** What this package throws. `code` is a row of the table in the README. */
export class WorkflowError extends Error {
  readonly [brand] = true;
  readonly code: WorkflowErrorCode;
  readonly findings: readonly Finding[];

  constructor(
    code: WorkflowErrorCode,
    message: string,
    options: { findings?: readonly Finding[]; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'WorkflowError';
    this.code = code;
    this.findings = options.findings ?? [];
  }
}

/** By brand, so it also knows errors of another copy of this package. `code` unset: any of them. */
export function isWorkflowError(error: unknown, code?: WorkflowErrorCode): error is WorkflowError {
  return isBranded(error, brand) && (code === undefined || (error as WorkflowError).code === code);
}

const stepBrand = Symbol.for('@shoal/workflow/StepError');

/**
 * Thrown by a step to fail with a reason of its own. `retryable: true` asks for another attempt, within the step's bound;
 * a step of kind `idempotent: false` is only retried when it fails before its effect, and ends as `unknown` with
 * `effectUnknown: true`.
 */
export class StepError extends Error {
  readonly [stepBrand] = true;
  /** Upper case with underscores: `PART_NOT_FOUND`. */
  readonly code: string;
  readonly retryable: boolean;
  /** Whether the step's effect happened is not known: a step that must not act twice ends as `unknown` then. */
  readonly effectUnknown: boolean;
  readonly details: unknown;

  constructor(
    code: string,
    message: string,
    options: { retryable?: boolean; effectUnknown?: boolean; details?: unknown; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'StepError';
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.effectUnknown = options.effectUnknown ?? false;
    this.details = options.details;
  }
}

/** By brand, so it also knows errors of another copy of this package. */
export function isStepError(error: unknown): error is StepError {
  return isBranded(error, stepBrand);
}

function isBranded(value: unknown, key: symbol): boolean {
  return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[key] === true;
}
