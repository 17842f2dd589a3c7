/** A situation that a system of coordinated agents has to survive, and the tests that show it. */
export interface Scenario {
  readonly id: string;
  readonly what: string;
  /** `file: title`, the title as it stands in the file. */
  readonly tests?: readonly string[];
  /** Why nothing here tests it. */
  readonly untested?: string;
}
