export interface Finding {
  /** Dotted path in the card. */
  readonly field: string;
  /** What is odd and how to mend it. */
  readonly message: string;
}
