import type { ShoalTopic } from '@shoal/protocol';

/** What becomes of the messages of one kind of topic. */
export type Keeping =
  /** Never retained. */
  | { readonly kept: false }
  /** Retained with a Message Expiry, as `retained.test.ts` sees. */
  | { readonly expires: true }
  /** The same, as a test elsewhere sees: `file: title`. */
  | { readonly expiresBy: string }
  /** Retained until somebody takes it back, and why. */
  | { readonly stays: string };

/** Every kind of topic below `shoal/v1`. One that is missing does not compile. */
export const FAMILIES: Readonly<Record<ShoalTopic['kind'], Keeping>> = {
  session: { expires: true },
  claim: { expires: true },
  caller: { expires: true },
  control: { expires: true },
  pause: { expires: true },
  purge: { expires: true },
  extend: { expires: true },
  outcome: { expires: true },
  attempt: { expires: true },
  status: { expires: true },
  intent: { expires: true },
  result: { expires: true },
  items: { expires: true },
  approval: { expires: true },
  decision: { expires: true },
  desired: {
    stays:
      'it is what somebody wants, until that person wants otherwise; one for each agent, and whoever writes it may let it expire',
  },
  state: { expiresBy: 'packages/device-agent/src/io/device-agent.test.ts: saves what it knows with an end' },
  'agent-attempt': { expires: true },
  task: { expires: true },
  reasoning: {
    expiresBy:
      'packages/reasoner/src/io/create-reasoner.test.ts: what is retained is a valid record, with an expiry, and the oldest is cleared',
  },
  usage: { expires: true },
  trigger: { expires: true },
  writer: { expires: true },
  canary: { expires: true },
  telemetry: { kept: false },
  'tool-approval': {
    expiresBy: 'apps/cli/test/devices.test.ts: leaves a word on one call that ends with the time it is for',
  },
  'device-command': {
    expiresBy: 'packages/device-sim/contract/commands.test.ts: leave no litter: what they retain has an end',
  },
  'device-command-cancel': {
    expiresBy: 'packages/device-sim/contract/commands.test.ts: leave no litter: what they retain has an end',
  },
  'device-command-status': {
    expiresBy: 'packages/device-sim/contract/commands.test.ts: leave no litter: what they retain has an end',
  },
  host: { expires: true },
  'host-order': { kept: false },
  'host-event': { kept: false },
  spawn: { kept: false },
};
