import { replaceGlobals } from './io/virtual-globals.ts';
replaceGlobals();
const { runSeed } = await import('./io/run-seed.ts');
const t0 = process.hrtime.bigint();
const from = Number(process.argv[2] ?? 1),
  to = Number(process.argv[3] ?? 20);
let bad = 0;
for (let seed = from; seed <= to; seed++) {
  const r = await runSeed(seed, { trace: from === to, waitForRetention: seed % 10 === 0 });
  if (r.violations.length) {
    bad++;
    console.log(seed, r.scenario, r.faults.join(','), r.violations.join(' | ').slice(0, 600), r.virtualMs);
  }
  if (from === to) {
    console.log(r.trace.join('\n'));
    console.log({ ...r, trace: 0 });
  }
}
console.log(`${to - from + 1} runs, ${bad} bad, ${Number(process.hrtime.bigint() - t0) / 1e6} ms`);
process.exit(0);
