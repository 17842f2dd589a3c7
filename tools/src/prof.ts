import { fork } from 'node:child_process';
import { bundle } from './bench/bundle.ts';
import { mkdtempSync } from 'node:fs';
const file = await bundle(new URL('./bench/workflow/worker.ts', import.meta.url));
const [, , shape = 'chain', role = 'supervisor', count = '1500', prof = ''] = process.argv;
const open = (role: string, p: unknown, args: string[] = []) => {
  const c = fork(file, [role, JSON.stringify(p)], { execArgv: args, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const next = () => new Promise<any>((r) => c.once('message', r));
  return { c, ready: next(), call: async (command: string, more = {}) => { const n = next(); c.send({ command, ...more }); return (await n).value; } };
};
const broker = open('broker', { directory: mkdtempSync('/tmp/t/prof/store-') });
const { ready } = await broker.ready;
const sup = open(role, { url: ready.url }, prof ? ['--cpu-prof', '--cpu-prof-dir=/tmp/t/prof', `--cpu-prof-name=${prof}.cpuprofile`] : []);
await sup.ready;
const caller = open('caller', { url: ready.url });
await caller.ready;
await caller.call(shape, { count: 300, inFlight: Number(process.env.INF ?? 32) });
const n = Number(count);
const out = [];
for (let i = 0; i < 3; i++) {
  const b = [await sup.call('cpu'), await broker.call('cpu'), await caller.call('cpu')];
  const r = await caller.call(shape, { count: n / 3, inFlight: Number(process.env.INF ?? 32) });
  const a = [await sup.call('cpu'), await broker.call('cpu'), await caller.call('cpu')];
  out.push([r.perSecond.toFixed(0), ...a.map((x, i) => ((x - b[i]!) / 1000 / (n / 3)).toFixed(2))].join(' '));
}
console.log(shape, role, '  rate sup broker caller:', out.join(' | '));
for (const x of [caller, sup, broker]) { x.c.disconnect(); await new Promise((r) => x.c.once('exit', r)); }
