/** Whose duty it is. `subscriber` is a client that follows discovery topics. */
export type Role = 'responder' | 'requester' | 'broker' | 'subscriber';

export type Level = 'MUST' | 'SHOULD' | 'MAY';

/**
 * `core` counts for the level Core. The others are parts that an implementation may leave out; those of `EXTENDED_PARTS` make it
 * Extended. `reading`: where the profile is silent and the kit tests Shoal's reading; `informative`: nothing to see on the wire.
 * Neither counts for a level.
 */
export type Part =
  | 'core'
  | 'jku'
  | 'broker-status'
  | 'binary'
  | 'shared-subscription'
  | 'ubsp'
  | 'oauth'
  | 'handover'
  | 'reading'
  | 'informative';

/** Profile: Extended Conformance. "Extended observability" is not defined further and is not tested. */
export const EXTENDED_PARTS: readonly Part[] = [
  'jku',
  'broker-status',
  'binary',
  'shared-subscription',
  'ubsp',
];

export interface Requirement {
  readonly id: string;
  readonly level: Level;
  readonly roles: readonly Role[];
  readonly part: Part;
  /** Where it stands: a section of the profile with the number of the item, or of another specification. */
  readonly section: string;
  readonly text: string;
}
