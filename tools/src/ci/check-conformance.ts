import { runSelf, selfAsText } from '../conformance/self.ts';
import { assert } from './run-command.ts';

/** `pnpm conformance --self`: our SDK passes what it offers, on the embedded broker in both profiles, Mosquitto, and mochi where Go is. */
const report = await runSelf();
console.log(selfAsText(report));
for (const { name, broker } of report.brokers) {
  assert(broker?.failures.every(({ known }) => known) !== false, `${name} lacks more than is known`);
  assert((broker?.unexpectedPasses ?? []).length === 0, `a known gap of ${name} is gone`);
}
const failed = report.brokers.flatMap(({ name, open }) =>
  open.filter(({ status }) => status === 'failed').map((scenario) => ({ name, ...scenario })),
);
// mochi has one space of packet identifiers for both directions (MQTT 5 §2.2.1 has two): where they meet it answers SUBSCRIBE with 0x91.
const collided = failed.filter(
  ({ name, trace = [] }) => name === 'mochi' && trace.some((line) => /SUBACK #\d+ 145/.test(line)),
);
assert(failed.length === collided.length, 'a scenario failed');
if (collided.length > 0) {
  const ids = collided.map(({ id }) => id);
  console.log(`packet identifiers met on mochi, once more: ${ids.join(', ')}`);
  const again = await runSelf(ids);
  assert(again.brokers.find(({ name }) => name === 'mochi')?.failed === 0, 'a scenario failed again');
}
const had = report.brokers.filter(({ reason }) => reason === undefined);
for (const name of ['embedded, shoal', 'embedded, emqx', 'mosquitto'])
  assert(
    had.some((broker) => broker.name === name && broker.level !== 'none'),
    `nothing was run on ${name}, or its level is none`,
  );
