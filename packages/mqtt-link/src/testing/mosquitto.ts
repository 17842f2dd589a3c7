import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export interface MosquittoOptions {
  /** Lines added to the configuration. */
  readonly config?: readonly string[];
  /** Default 0: unlimited. Mosquitto's own default is 1 000, and it drops the rest silently. */
  readonly maxQueuedMessages?: number;
  /** Default true. Mosquitto's own default is false, which costs 40 ms for a reply after a pause. */
  readonly noDelay?: boolean;
  /** Default false. True keeps a database in a folder that is removed with `stop`, written as Mosquitto does by default. */
  readonly persistence?: boolean;
}

export interface RunningMosquitto {
  readonly host: string;
  readonly port: number;
  /** `mqtt://…` */
  readonly url: string;
  /** `ws://…` */
  readonly wsUrl: string;
  /** Of the process; another one after `restart`. */
  readonly pid: number;
  /** Kills the process; `start` again on the same ports with `restart`. Without persistence all state is lost. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** The mosquitto program, or undefined when it is not installed. */
export function mosquittoPath(): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders.map((folder) => join(folder, 'mosquitto')).find((file) => existsSync(file));
}

/** Starts a Mosquitto of its own on free ports of 127.0.0.1, set up as a fair opponent (see the options). */
export async function startMosquitto(options: MosquittoOptions = {}): Promise<RunningMosquitto> {
  const path = mosquittoPath();
  if (path === undefined) throw new Error('mosquitto is not installed');
  const folder = await mkdtemp(join(tmpdir(), 'shoal-mosquitto-'));
  const [port, wsPort] = [await freePort(), await freePort()];
  const file = join(folder, 'mosquitto.conf');
  await writeFile(file, configuration(folder, port, wsPort, options).join('\n'));
  let child = await launch(path, file, [port, wsPort]);
  const halt = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  };
  const stopWithParent = (): void => void child.kill('SIGKILL');
  process.once('exit', stopWithParent);
  return {
    host: '127.0.0.1',
    port,
    url: `mqtt://127.0.0.1:${port}`,
    wsUrl: `ws://127.0.0.1:${wsPort}`,
    get pid() {
      return child.pid!;
    },
    async restart() {
      await halt();
      child = await launch(path, file, [port, wsPort]);
    },
    async stop() {
      process.off('exit', stopWithParent);
      await halt();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function configuration(folder: string, port: number, wsPort: number, options: MosquittoOptions): string[] {
  return [
    `persistence ${options.persistence ?? false}`,
    `persistence_location ${folder}/`,
    'log_type error',
    'allow_anonymous true',
    `set_tcp_nodelay ${options.noDelay ?? true}`,
    `max_queued_messages ${options.maxQueuedMessages ?? 0}`,
    ...(options.config ?? []),
    `listener ${port} 127.0.0.1`,
    `listener ${wsPort} 127.0.0.1`,
    'protocol websockets',
    '',
  ];
}

async function launch(path: string, file: string, ports: readonly number[]): Promise<ChildProcess> {
  const child = spawn(path, ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  for (let attempt = 0; attempt < 200; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`mosquitto ended: ${errors}`);
    if ((await Promise.all(ports.map(accepts))).every(Boolean)) return child;
    await delay(25);
  }
  child.kill('SIGKILL');
  throw new Error(`mosquitto did not listen on ports ${ports.join(' and ')} within 5 s: ${errors}`);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
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
