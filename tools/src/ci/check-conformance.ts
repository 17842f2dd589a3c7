import { runSelf, selfAsText } from '../conformance/self.ts';
import { assert } from './run-command.ts';

/** `pnpm conformance --self`: our SDK passes what it offers, on the embedded broker in both profiles, Mosquitto, and mochi where Go is. */
/** More than these is no matter of a busy machine. */
const MAX_AGAIN = 20;

const report = await runSelf();
console.log(selfAsText(report));
for (const { name, broker } of report.brokers) {
  assert(broker?.failures.every(({ known }) => known) !== false, `${name} lacks more than is known`);
  assert((broker?.unexpectedPasses ?? []).length === 0, `a known gap of ${name} is gone`);
}
const failed = report.brokers.flatMap(({ name, open }) =>
  open.filter(({ status }) => status === 'failed').map((scenario) => ({ name, ...scenario })),
);
// On a busy machine a requester of the kit's starts too late. And mochi has one space of packet identifiers for both directions
// (MQTT 5 §2.2.1 has two): where they meet it answers SUBSCRIBE with 0x91. What fails again, nearly alone, has failed.
if (failed.length > 0) {
  const ids = [...new Set(failed.map(({ id }) => id))];
  assert(ids.length <= MAX_AGAIN, `${ids.length} scenarios failed`);
  console.log(`unstable, once more: ${failed.map(({ name, id }) => `${id} on ${name}`).join(', ')}`);
  const again = await runSelf(ids);
  const failing = again.brokers.filter((broker) => broker.failed !== 0).map(({ name }) => name);
  assert(failing.length === 0, `a scenario failed again on ${failing.join(', ')}\n${selfAsText(again)}`);
}
const had = report.brokers.filter(({ reason }) => reason === undefined);
for (const name of ['embedded, shoal', 'embedded, emqx', 'mosquitto'])
  assert(
    had.some((broker) => broker.name === name && broker.level !== 'none'),
    `nothing was run on ${name}, or its level is none`,
  );
