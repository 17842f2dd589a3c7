import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { assert, run } from './run-command.ts';

/**
 * The Docker spawner on a real engine: the one that runs here, else one that is started for this check alone and stopped again, which takes
 * root and `dockerd`. Where neither is to be had, it says so.
 */
const SOCKET = '/var/run/docker.sock';
const START_MS = 60_000;

if (await answers(SOCKET)) await runTests(SOCKET);
else {
  const started = await startEngine();
  if (typeof started === 'string')
    console.log(`skip  THE DOCKER SPAWNER WAS NOT RUN ON A REAL ENGINE: ${started}`);
  else
    try {
      await runTests(started.socket);
    } finally {
      await started.stop();
    }
}

/** A test that was skipped proves nothing, so there must be none. */
async function runTests(socket: string): Promise<void> {
  const { stdout } = await run(
    'npx',
    ['vitest', 'run', 'packages/spawner-docker/contract/real-engine.test.ts'],
    { timeoutMs: 600_000, env: { ...process.env, DOCKER_HOST: `unix://${socket}` } },
  );
  const [, passed = '0', failed, skipped] = /(\d+) passed, (\d+) failed, (\d+) skipped/.exec(stdout) ?? [];
  assert(
    Number(passed) >= 16 && failed === '0' && skipped === '0',
    `the tests on a real engine did not all run\n${stdout.slice(-4_000)}`,
  );
  console.log(`${passed} tests passed on the engine at ${socket}`);
}

/** An engine with everything of its own in one folder, but for the usual bridge; or why there is none. */
async function startEngine(): Promise<{ readonly socket: string; stop(): Promise<void> } | string> {
  if (process.getuid?.() !== 0) return 'none runs, and only root can start one';
  const folder = mkdtempSync(join(tmpdir(), 'shoal-docker-'));
  const socket = join(folder, 'docker.sock');
  const daemon = spawn(
    'dockerd',
    [
      `--host=unix://${socket}`,
      ...['pidfile', 'data-root', 'exec-root'].map((name) => `--${name}=${join(folder, name)}`),
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  // A check that takes too long is ended from outside.
  process.once('exit', () => daemon.kill());
  let said = '';
  daemon.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString('utf8')).slice(-1_000)));
  const ended = new Promise<string>((resolve) => {
    daemon.once('error', (error) => resolve(error.message));
    daemon.once('exit', () => resolve(`dockerd ended: ${said}`));
  });
  const stop = async (): Promise<void> => {
    await end(daemon);
    rmSync(folder, { recursive: true, force: true });
  };
  const deadline = AbortSignal.timeout(START_MS);
  while (!deadline.aborted) {
    const why = await Promise.race([ended, setTimeout(200)]);
    if (why === undefined && (await answers(socket))) return { socket, stop };
    if (why !== undefined) return stop().then(() => why);
  }
  await stop();
  return `dockerd did not answer within ${START_MS} ms: ${said}`;
}

async function end(daemon: ChildProcess): Promise<void> {
  if (daemon.pid === undefined || daemon.exitCode !== null || daemon.signalCode !== null) return;
  const gone = once(daemon, 'exit');
  daemon.kill('SIGTERM');
  const timer = new AbortController();
  void setTimeout(30_000, undefined, { signal: timer.signal }).then(
    () => daemon.kill('SIGKILL'),
    () => undefined,
  );
  await gone;
  timer.abort();
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({ socketPath, path: '/_ping', timeout: 5_000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    asked.once('timeout', () => asked.destroy());
    asked.once('error', () => resolve(false));
    asked.end();
  });
}
