import type { Requirement } from './requirement.ts';

const BY_PART: Readonly<Partial<Record<Requirement['part'], string>>> = {
  ubsp: 'no scenario yet; needs keys on both sides',
  jku: 'no broker or agent offers it',
  informative: 'nothing to see on the wire',
};

const BY_ID: Readonly<Record<string, string>> = {
  DP2: 'what makes an agent unregister is its own affair',
  RQ4: 'needs TLS and a token source of the requester',
  O1: 'needs TLS and a token source of the requester',
  O6: 'needs TLS and a token source of the requester',
  P6: 'what a label from outside is differs between implementations',
  N1: 'the requester’s choice',
  N6: 'a MAY without consequences',
  ED2: 'needs a requester that asks for binary artifacts',
  BS4: 'a subscriber cannot be seen to overrate a status',
  BS5: 'needs a broker with two statuses on one card',
};

/** Why a requirement has no scenario; undefined is a gap that a test of the kit reports. */
export function notTestedReason({ id, part }: Requirement): string | undefined {
  return BY_ID[id] ?? BY_PART[part];
}
