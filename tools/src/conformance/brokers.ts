import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createBroker, type RegistrySettings } from '@shoal/broker';
import { startCommand } from '../ci/run-command.ts';
import { mosquittoPath, namedBroker, startMosquitto } from '@shoal/mqtt-link/testing';

export interface RunningBroker {
  readonly url: string;
  /** The broker as it is, where `url` leads to one that had to be mended to run anything on it. */
  readonly unmendedUrl?: string;
  stop(): Promise<void>;
}

/** A broker to test on; `missing` says why it cannot be had here. */
export interface BrokerChoice {
  readonly name: string;
  start(): Promise<RunningBroker | { readonly missing: string }>;
}

export const BROKERS: readonly BrokerChoice[] = [
  { name: 'embedded, shoal', start: () => embedded('shoal') },
  { name: 'embedded, emqx', start: () => embedded('emqx') },
  { name: 'mosquitto', start: mosquitto },
  { name: 'mochi', start: mochi },
  ...[namedBroker()].flatMap((named) =>
    named === undefined ? [] : [{ name: named.name, start: named.start }],
  ),
];

async function embedded(profile: NonNullable<RegistrySettings['profile']>): Promise<RunningBroker> {
  const broker = createBroker({ allowAnonymous: true, registry: { profile } });
  const { tcp } = await broker.start();
  if (tcp === undefined) throw new Error('the broker opened no TCP listener');
  return { url: tcp.url, stop: () => broker.stop() };
}

async function mosquitto(): Promise<RunningBroker | { readonly missing: string }> {
  if (mosquittoPath() === undefined) return { missing: 'mosquitto is not installed' };
  return startMosquitto();
}

/** mochi-mqtt through the Go module proxy, built into a cache outside the repository. */
async function mochi(): Promise<RunningBroker | { readonly missing: string }> {
  const folder = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'shoal', 'mochi-2.7.9');
  const program = join(folder, 'mochi');
  const problem = existsSync(program) ? undefined : await build(folder, program);
  if (problem !== undefined) return { missing: problem };
  const [raw, mended] = [await freePort(), await freePort()];
  const child = spawn(program, [`127.0.0.1:${raw}`, `127.0.0.1:${mended}`], { stdio: 'ignore' });
  const withParent = (): void => void child.kill('SIGKILL');
  process.once('exit', withParent);
  const stop = async (): Promise<void> => {
    process.off('exit', withParent);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  };
  for (let attempt = 0; attempt < 400 && child.exitCode === null; attempt += 1) {
    if ((await accepts(raw)) && (await accepts(mended)))
      return { url: `mqtt://127.0.0.1:${mended}`, unmendedUrl: `mqtt://127.0.0.1:${raw}`, stop };
    await delay(25);
  }
  await stop();
  return { missing: 'mochi did not listen within 10 s' };
}

/** Undefined when it worked. */
async function build(folder: string, program: string): Promise<string | undefined> {
  await mkdir(folder, { recursive: true });
  try {
    const cwd = fileURLToPath(new URL('./mochi', import.meta.url));
    const { code, stderr } = await startCommand('go', ['build', '-o', program, '.'], { cwd }).done;
    return code === 0 ? undefined : `go could not build mochi: ${stderr.trim().slice(-300)}`;
  } catch {
    return 'go is not installed, and mochi is built with it';
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('error', () => resolve(false));
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
