import { runSelf, selfAsText, type SelfReport } from '../conformance/self.ts';
import { assert } from './run-command.ts';

/** `pnpm conformance --self`: our SDK passes what it offers, on the embedded broker in both profiles, Mosquitto, and mochi where Go is. */
/** More than these is no matter of a busy machine. */
const MAX_AGAIN = 20;

const report = await runSelf();
console.log(selfAsText(report));
for (const { name, broker } of report.brokers)
  assert((broker?.unexpectedPasses ?? []).length === 0, `a known gap of ${name} is gone`);
/** Of our SDK on a broker, or of the broker itself beyond what is known. */
const failuresOf = (brokers: SelfReport['brokers']) =>
  brokers.flatMap(({ name, open, broker }) => [
    ...open.filter(({ status }) => status === 'failed').map(({ id }) => ({ name, id })),
    ...(broker?.failures ?? []).filter(({ known }) => !known).map(({ id }) => ({ name, id })),
  ]);
const failed = failuresOf(report.brokers);
// On a busy machine a requester of the kit's starts too late. And mochi has one space of packet identifiers for both directions
// (MQTT 5 §2.2.1 has two): where they meet it answers SUBSCRIBE with 0x91. What fails again, nearly alone, has failed.
if (failed.length > 0) {
  const ids = [...new Set(failed.map(({ id }) => id))];
  assert(ids.length <= MAX_AGAIN, `${ids.length} scenarios failed`);
  console.log(`unstable, once more: ${failed.map(({ name, id }) => `${id} on ${name}`).join(', ')}`);
  const again = await runSelf(ids);
  const failing = failuresOf(again.brokers).map(({ name, id }) => `${id} on ${name}`);
  assert(failing.length === 0, `failed again: ${failing.join(', ')}\n${selfAsText(again)}`);
}
const had = report.brokers.filter(({ reason }) => reason === undefined);
for (const name of ['embedded, shoal', 'embedded, emqx', 'mosquitto'])
  assert(
    had.some((broker) => broker.name === name && broker.level !== 'none'),
    `nothing was run on ${name}, or its level is none`,
  );
