import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mosquittoPath, startMosquitto } from '@shoal/mqtt-link/testing';
import { startWorker } from '../worker.ts';

export const CONTENDERS = {
  embedded: 'embedded',
  durable: 'embedded, on disk',
  mosquitto: 'Mosquitto',
  mosquittoDefault: 'Mosquitto with its default set_tcp_nodelay false and queues',
  mosquittoPersistent: 'Mosquitto with persistence true',
  aedes: 'aedes',
} as const;
export type Contender = keyof typeof CONTENDERS;

export interface RunningBroker {
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

/** Queues that hold what a benchmark has in flight; Mosquitto's own are 20 in flight and 1,000 queued. */
const GENEROUS = ['max_inflight_messages 1000'];

export const isAvailable = (contender: Contender): boolean =>
  !contender.startsWith('mosquitto') || mosquittoPath() !== undefined;

/** Each starts a broker in a process of its own; `file` is the bundled worker. */
export const startContender: Readonly<Record<Contender, (file: string) => Promise<RunningBroker>>> = {
  embedded: (file) => startNode(file, 'embedded', {}),
  async durable(file) {
    const directory = await mkdtemp(join(tmpdir(), 'shoal-bench-'));
    const broker = await startNode(file, 'embedded', { directory });
    return { ...broker, stop: () => broker.stop().then(() => rm(directory, { recursive: true })) };
  },
  mosquitto: () => startMosquitto({ config: GENEROUS }),
  mosquittoDefault: () => startMosquitto({ noDelay: false, maxQueuedMessages: 1_000 }),
  mosquittoPersistent: () => startMosquitto({ config: GENEROUS, persistence: true }),
  aedes: (file) => startNode(file, 'aedes', {}),
};

async function startNode(file: string, role: string, parameters: unknown): Promise<RunningBroker> {
  const worker = await startWorker(file, role, parameters);
  return { port: Number(worker.ready['port']), pid: worker.pid, stop: () => worker.stop() };
}
