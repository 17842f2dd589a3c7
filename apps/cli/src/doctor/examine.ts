import { isLinkError } from '@shoal/mqtt-link';
import type { Check } from '../shapes/doctor.ts';
import * as features from './features.ts';
import { check, messageOf, type Patient } from './patient.ts';
import { registry } from './registry.ts';
import * as state from './state.ts';
import { subscriptionIds } from './subscription-ids.ts';
import * as wills from './wills.ts';

interface Examination {
  readonly id: string;
  readonly title: string;
  run(patient: Patient): Check | Promise<Check | readonly Check[]>;
}

const EXAMINATIONS: readonly Examination[] = [
  { id: 'announced', title: 'what the broker announces', run: features.announced },
  { id: 'retained', title: 'retained messages', run: features.retained },
  { id: 'message-expiry', title: 'message expiry', run: features.messageExpiry },
  { id: 'retain-handling', title: 'retain handling', run: features.retainHandling },
  { id: 'no-local', title: 'no local', run: features.noLocal },
  { id: 'shared', title: 'shared subscriptions', run: features.shared },
  { id: 'shared-dollar', title: 'shared subscriptions on $-topics', run: features.sharedDollar },
  { id: 'subscription-ids', title: 'subscription identifiers', run: subscriptionIds },
  { id: 'will', title: 'wills with user properties', run: wills.will },
  { id: 'will-delay', title: 'will delay', run: wills.willDelay },
  { id: 'packet-size', title: 'packet size', run: features.packetSize },
  { id: 'durability', title: 'retained messages survive a restart', run: state.durability },
  { id: 'registry', title: 'registry', run: registry },
  { id: 'cards', title: 'Agent Cards', run: state.cards },
  { id: 'records', title: 'records of sessions', run: (patient) => state.records(patient, Date.now()) },
];

/** All at once: some only wait. What fails is a finding of its own, and never keeps another from being looked at. */
export async function examine(patient: Patient): Promise<readonly Check[]> {
  const found = await Promise.all(EXAMINATIONS.map((one) => carefully(one, patient)));
  return found.flat();
}

async function carefully(examination: Examination, patient: Patient): Promise<readonly Check[]> {
  const { id, title } = examination;
  try {
    const found = await examination.run(patient);
    return Array.isArray(found) ? (found as readonly Check[]) : [found as Check];
  } catch (error) {
    if (isLinkError(error, 'publish-refused') || isLinkError(error, 'subscribe-refused'))
      return [
        check(
          id,
          title,
          'skip',
          `this credential may not try it: ${error.message}`,
          'look with the credential of a supervisor or an operator of the unit',
        ),
      ];
    return [
      check(
        id,
        title,
        'error',
        messageOf(error),
        'look at the log of the broker; if it is busy, give --timeout more',
      ),
    ];
  }
}
