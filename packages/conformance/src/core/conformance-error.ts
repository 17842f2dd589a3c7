export type ConformanceErrorCode =
  | 'invalid-option'
  | 'invalid-manifest'
  | 'invalid-expectations'
  | 'broker-unreachable'
  | 'subject-not-ready';

/** What keeps the kit from testing at all. A subject that fails a scenario is a result, not an error. */
export class ConformanceError extends Error {
  readonly code: ConformanceErrorCode;

  constructor(code: ConformanceErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ConformanceError';
    this.code = code;
  }
}

/** Thrown by a scenario whose prerequisite is missing: it is reported as not run, with this reason. */
export class NotRun extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'NotRun';
  }
}
