import { readdirSync, readFileSync } from 'node:fs';
import { assert, startCommand } from './run-command.ts';

/** The README's `dev` command comes up, and Ctrl-C (a signal to the whole group, as a terminal sends it) ends it with every agent offline. */
const dev = startCommand('npx', ['-y', 'pnpm@12.21.0', 'dev', '--devices', '4'], {
  detached: true,
  timeoutMs: 120_000,
});
const group = -(dev.child.pid ?? 0);
const ready = /all 4 device agents are online/;
while (!ready.test(dev.output().stdout)) {
  const ended = dev.child.exitCode !== null || dev.child.signalCode !== null;
  if (ended) throw new Error(`ended early\n${JSON.stringify(await dev.done)}`);
  await new Promise((resolve) => setTimeout(resolve, 100));
}
process.kill(group, 'SIGINT');
const result = await dev.done;
assert(
  /every agent is offline/.test(result.stdout),
  `no word that every agent is offline\n${result.stdout}\n${result.stderr}`,
);
const [, url = ''] = /listens at (\S+)/.exec(result.stdout) ?? [];
assert(url !== '', 'the log does not say where the broker listens');
const left = processesOf(url);
assert(left.length === 0, `processes left: ${left.join(', ')}`);
console.log(result.stdout);

/** The processes of the fleet at `url`; every one of them has it in its environment. */
function processesOf(url: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(url);
    } catch {
      return false;
    }
  });
}
