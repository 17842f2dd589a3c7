import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

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
  const file = join(folder, 'mosquitto.conf');
  const start = async (triesLeft: number): Promise<readonly [ChildProcess, number, number]> => {
    const [port, wsPort] = [await freePort(), await freePort()];
    await writeFile(file, configuration(folder, port, wsPort, options).join('\n'));
    try {
      return [await launch(path, file), port, wsPort];
    } catch (error) {
      // Somebody else took a port between the question and the start.
      if (triesLeft > 0 && String(error).includes('Address already in use')) return start(triesLeft - 1);
      throw error;
    }
  };
  const [first, port, wsPort] = await start(5);
  let child = first;
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
      child = await launch(path, file);
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
    'log_dest stderr',
    'log_type error',
    'log_type information',
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

/** Resolves when it says that it runs: that something accepts connections on its ports says only that somebody has them. */
async function launch(path: string, file: string): Promise<ChildProcess> {
  const child = spawn(path, ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  const runs = new Promise<void>((resolve, reject) => {
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      // What it says later is read, so that it never waits, and not kept.
      if (said.length < 10_000) said += chunk.toString();
      if (/mosquitto version \S+ running/.test(said)) resolve();
    });
    // After its last word, which says why.
    child.once('close', () => reject(new Error(`mosquitto ended: ${said}`)));
    setTimeout(() => reject(new Error(`mosquitto does not run after 5 s: ${said}`)), 5_000).unref();
  });
  try {
    await runs;
    return child;
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
