import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { installPythonSdk } from './python-sdk.ts';
import { assert, ROOT, run, sourceArgs, startCommand, type RunningCommand } from './run-command.ts';

/**
 * An agent in Python, on the profile's own SDK, joins the demo fleet and takes a step of a workflow, as the README of the Python
 * package tells it: the fleet, a further supervisor that offers the workflow, the agent, a run.
 */
const EXAMPLES = join(ROOT, 'protocol/python/examples');
const CLI = 'apps/cli/src/bin/main.ts';
const LIMIT_MS = 120_000;

const python = await installPythonSdk();
const started: RunningCommand[] = [];
const start = (file: string, args: readonly string[]): RunningCommand => {
  const running = startCommand(file, args, { timeoutMs: LIMIT_MS });
  started.push(running);
  return running;
};

try {
  const flags = ['--devices', '2', '--models', '--no-console'];
  const fleet = start(process.execPath, sourceArgs('apps/fleet/src/main.ts', ...flags));
  await says(fleet, /all 2 device agents are online/);
  const [, url = ''] = /listens at (mqtt:\S+)/.exec(fleet.output().stdout) ?? [];
  assert(url !== '', 'the fleet does not say where its broker listens');
  const here = ['--broker', url, '--org', 'acme', '--unit', 'plant-1'];
  start(python, [join(EXAMPLES, 'adviser.py'), new URL(url).port]);
  const workflow = ['--workflow', join(EXAMPLES, 'second-opinion.yaml')];
  start(process.execPath, sourceArgs(CLI, 'supervisor', ...workflow, ...here));
  await cardsOf(here, ['adviser', 'second-opinion']);
  const asked = [
    'workflow',
    'run',
    'second-opinion',
    '--var',
    'agentId=pump-01',
    '--json',
    '--timeout',
    '60',
  ];
  const { stdout } = await run(process.execPath, sourceArgs(CLI, ...asked, ...here), { timeoutMs: LIMIT_MS });
  assert(/pump-01 is \w+ at [\d.]+ % load: it/.test(stdout), `no word of the adviser in ${stdout}`);
  console.log(/pump-01 is [^"\\]+/.exec(stdout)?.[0]);
} catch (error) {
  const said = started.map((running) => JSON.stringify(running.output()).slice(-3_000));
  throw new Error([String(error), ...said].join('\n'), { cause: error });
} finally {
  for (const { child, done } of started.toReversed()) {
    child.kill('SIGTERM');
    await Promise.race([done, delay(15_000).then(() => child.kill('SIGKILL'))]);
    await done;
  }
}

/** Waits until a program has written this; its end is an error. */
async function says(running: RunningCommand, words: RegExp): Promise<void> {
  const { child } = running;
  while (!words.test(running.output().stdout)) {
    assert(child.exitCode === null && child.signalCode === null, 'it ended early');
    await delay(100);
  }
}

/** Waits until these agents are in the registry and not offline. */
async function cardsOf(here: readonly string[], agentIds: readonly string[]): Promise<void> {
  for (let missing = agentIds; missing.length > 0;) {
    const { stdout } = await run(process.execPath, sourceArgs(CLI, 'agents', 'list', '--json', ...here));
    missing = agentIds.filter((agentId) => !stdout.includes(`"${agentId}"`));
  }
}
