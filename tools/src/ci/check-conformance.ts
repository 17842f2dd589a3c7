import { runSelf, selfAsText } from '../conformance/self.ts';
import { assert } from './run-command.ts';

/** `pnpm conformance --self`: our SDK passes what it offers, on the embedded broker in both profiles, Mosquitto, and mochi where Go is. */
const report = await runSelf();
console.log(selfAsText(report));
assert(report.ok, 'a scenario failed, or a known gap of a foreign broker is gone');
const had = report.brokers.filter(({ reason }) => reason === undefined);
for (const name of ['embedded, shoal', 'embedded, emqx', 'mosquitto'])
  assert(
    had.some((broker) => broker.name === name),
    `nothing was run on ${name}`,
  );
assert(report.level !== 'none', `level ${report.level}`);
