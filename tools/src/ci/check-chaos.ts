import { assert, sourceArgs, startCommand } from './run-command.ts';

/** A short `pnpm chaos` on real processes: every session ends as it should, nothing is lost or done twice. */
const { stdout, stderr } = await startCommand(
  process.execPath,
  sourceArgs('tools/src/chaos/main.ts', '--minutes', '0.5', '--sessions', '4', '--seed', '1', '--json'),
  { timeoutMs: 10 * 60_000 },
).done;
if (stdout === '') throw new Error(stderr.slice(-4000));
console.log(stdout);
const report = JSON.parse(stdout) as Record<'started' | 'finished' | 'lost' | 'duplicated', number> & {
  readonly wrong: readonly string[];
  readonly recoveryMs: { readonly count: number };
};
assert(report.started > 0, 'no session was started');
assert(report.recoveryMs.count > 0, 'no instance was killed and came back');
assert(report.lost === 0 && report.duplicated === 0, 'something was lost or done twice');
assert(report.wrong.length === 0 && report.finished === report.started, 'a session ended otherwise');
