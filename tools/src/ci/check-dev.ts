import { assert, sourceArgs, startCommand } from './run-command.ts';

/** `pnpm dev` comes up, and Ctrl-C ends it cleanly: exit code 0, every agent offline, no process left. */
const dev = startCommand(process.execPath, sourceArgs('apps/fleet/src/main.ts', '--devices', '4'), {
  timeoutMs: 90_000,
});
const ready = /all 4 device agents are online/;
while (!ready.test(dev.output().stdout)) {
  const ended = dev.child.exitCode !== null || dev.child.signalCode !== null;
  if (ended) throw new Error(`ended early\n${JSON.stringify(await dev.done)}`);
  await new Promise((resolve) => setTimeout(resolve, 100));
}
dev.child.kill('SIGINT');
const result = await dev.done;
assert(
  result.code === 0,
  `exit code ${result.code}, signal ${result.signal}\n${result.stdout}\n${result.stderr}`,
);
assert(/every agent is offline/.test(result.stdout), `no word that every agent is offline\n${result.stdout}`);
console.log(result.stdout);
