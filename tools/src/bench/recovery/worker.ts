import { randomUUID } from 'node:crypto';
import { createRequester } from '@shoal/agent-sdk';
import { createBroker } from '@shoal/broker';
import { openLink } from '@shoal/mqtt-link';
import {
  childProcessSpawner,
  type ChildProcessSpawner,
  createHost,
  createSupervisor,
  inProcessSpawner,
  openRemoteHosts,
  workerThreadSpawner,
  type Spawner,
} from '@shoal/supervisor';
import { defineBlueprint, parseWorkflow, type Blueprint, type StepContext } from '@shoal/workflow';
import { serve } from '../serve.ts';
import { APPROVAL_FLOW, writeLiveSessions } from './live-sessions.ts';
import { monotonicMs } from './monotonic.ts';
import { mortalSpawner, type MortalSpawner } from './mortal-spawner.ts';
import { DIE_TOPIC, told, TOLD_TOPIC, UNIT, workUntilKilled, type Told } from './told.ts';

interface WorkerParameters {
  readonly url: string;
  /** Of the broker's store. */
  readonly directory: string;
  /** Of the broker; 0 takes a free one. */
  readonly port: number;
  readonly spawner: 'in process' | 'thread' | 'cold child' | 'warm child' | 'hosts';
  /** The program of a child process or thread. */
  readonly step: string;
  readonly hostId: string;
}

/** Child processes that are started ahead. */
const WARM = 2;

const FLOW = `id: flow
description: One step.
deadlineSeconds: 600
retentionSeconds: 60
steps:
  - { id: a, use: { blueprint: work }, timeoutSeconds: 600 }
`;

const CROWD_FLOW = `id: crowd
description: One step that notices when its broker comes back.
deadlineSeconds: 600
retentionSeconds: 60
steps:
  - { id: a, use: { blueprint: back }, timeoutSeconds: 600 }
`;

const work = defineBlueprint({ id: 'work', description: 'Works until it is killed.', run: workUntilKilled });

/** Each role runs in a process of its own. */
async function start(role: string, parameters: WorkerParameters): Promise<void> {
  const { url } = parameters;
  switch (role) {
    case 'broker': {
      const { directory, port } = parameters;
      const broker = createBroker({ allowAnonymous: true, store: { directory }, listen: { tcp: { port } } });
      return serve({ ready: { url: (await broker.start()).tcp!.url } });
    }
    case 'supervisor':
      return serve({ commands: await supervise(parameters) });
    case 'host': {
      const { hostId } = parameters;
      await createHost({
        url,
        ...UNIT,
        hostId,
        spawner: inProcessSpawner({ url, blueprints: [work] }),
      }).start();
      return serve({});
    }
    case 'crowd':
      return serve({ commands: await crowd(url) });
    case 'writer': {
      const link = await openLink({ url, clientId: 'bench/recovery/records' });
      return serve({
        commands: {
          async write({ count = 0 }) {
            await writeLiveSessions(link, count);
            return count;
          },
        },
      });
    }
    case 'restarted':
      return serve({ ready: await restart(url) });
    default:
      throw new Error(`no role ${role}`);
  }
}

function spawnerOf({ spawner, url, step }: WorkerParameters): Spawner | Promise<Spawner> {
  switch (spawner) {
    case 'in process':
      return mortalSpawner({ url, blueprints: [work] });
    case 'thread':
      return workerThreadSpawner({ url, file: step });
    case 'cold child':
      return childProcessSpawner({ url, command: process.execPath, args: [step] });
    case 'warm child':
      return childProcessSpawner({ url, command: process.execPath, args: [step], warm: WARM });
    default:
      return openRemoteHosts({ url, ...UNIT });
  }
}

/** One session at a time: `begin` until its step is at work, `die` where nobody else can kill it, `resumed` until it is at work again. */
async function supervise(parameters: WorkerParameters) {
  const { url } = parameters;
  const spawner = await spawnerOf(parameters);
  const { link, ask, whenTold } = await callerOf(url);
  const supervisor = createSupervisor({ url, ...UNIT, workflows: [parseWorkflow(FLOW)], spawner });
  await supervisor.start();
  let sessionId = '';
  let ended: Promise<unknown> = Promise.resolve();
  return {
    async begin() {
      await ended;
      if (parameters.spawner === 'warm child') await isFull(spawner as ChildProcessSpawner);
      sessionId = randomUUID();
      const working = whenTold((word) => word.sessionId === sessionId && word.attempt === 1);
      ended = ask('flow', sessionId);
      const { pid } = await working;
      return pid;
    },
    async die() {
      const atMs = monotonicMs();
      if ('kill' in spawner) (spawner as MortalSpawner).kill(sessionId);
      else await link.publish(DIE_TOPIC, sessionId);
      return atMs;
    },
    async resumed() {
      const { atMs } = await whenTold((word) => word.sessionId === sessionId && word.attempt > 1);
      return atMs;
    },
    /** After the last of them: child processes outlive their supervisor, and would wait for a broker that is gone. */
    async end() {
      await ended;
      await supervisor.stop();
      await spawner.stop();
      return 0;
    },
  };
}

/** Whatever comes before is a cold start: that has a row of its own. */
async function isFull(spawner: ChildProcessSpawner): Promise<void> {
  while (spawner.ready < WARM) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Somebody who starts sessions, and hears what their steps tell. */
async function callerOf(url: string) {
  const agentId = `caller-${randomUUID().slice(0, 8)}`;
  const link = await openLink({ url, clientId: `bench/recovery/${agentId}` });
  const requester = createRequester({ link, address: { ...UNIT, agentId } });
  const words: Told[] = [];
  let onTold = (): void => undefined;
  await link.subscribe(TOLD_TOPIC, (message) => {
    words.push(JSON.parse(message.text()) as Told);
    onTold();
  });
  return {
    link,
    ask: (workflow: string, taskId: string, returnImmediately = false) =>
      requester.send(
        { ...UNIT, agentId: workflow },
        { text: 'go', taskId },
        { firstReplyTimeoutMs: 120_000, returnImmediately },
      ),
    /** The first word, past or to come, that fits. */
    whenTold: async (fits: (word: Told) => boolean): Promise<Told> => {
      for (;;) {
        const found = words.find(fits);
        if (found !== undefined) return found;
        await new Promise<void>((resolve) => (onTold = resolve));
      }
    },
  };
}

/** `heard`: what the broker has acknowledged, in the same process, for the caller's own connection is lost as well. */
async function workOverRestart(
  context: StepContext,
  heard: (word: Told) => void,
): Promise<{ output: string }> {
  const { link } = context;
  const say = async (word: Told['word']): Promise<void> => {
    await link.publish(TOLD_TOPIC, JSON.stringify(told(context, word)), { qos: 1 });
    heard(told(context, word));
  };
  const lost = new Promise<void>((resolve) => link.on('offline', () => resolve()));
  if (context.attempt === 1) {
    await say('working');
    await lost;
  }
  for (;;) {
    context.signal.throwIfAborted();
    const said = await say('after the restart').then(
      () => true,
      () => false,
    );
    if (said) return { output: 'worked' };
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Many sessions at once, in the process of their supervisor. */
async function crowd(url: string) {
  const { ask } = await callerOf(url);
  const words: Told[] = [];
  let onWord = (): void => undefined;
  const back = defineBlueprint({
    id: 'back',
    description: 'Works over a restart.',
    run: (context) =>
      workOverRestart(context, (word) => {
        words.push(word);
        onWord();
      }),
  });
  const spawner = inProcessSpawner({ url, blueprints: [back], maxRunning: 10_000 });
  await createSupervisor({
    url,
    ...UNIT,
    workflows: [parseWorkflow(CROWD_FLOW)],
    spawner,
    spawnsPerSecond: 100_000,
  }).start();
  const sessions = new Set<string>();
  const heard = async (word: Told['word']): Promise<number> => {
    const left = new Set(sessions);
    let lastMs = 0;
    let seen = 0;
    for (;;) {
      for (; seen < words.length; seen += 1)
        if (words[seen]!.word === word && left.delete(words[seen]!.sessionId)) lastMs = words[seen]!.atMs;
      if (left.size === 0) return lastMs;
      await new Promise<void>((resolve) => (onWord = resolve));
    }
  };
  return {
    async begin({ count = 0 }: Readonly<Record<string, number>>) {
      words.length = 0;
      sessions.clear();
      for (let at = 0; at < count; at += 1) sessions.add(randomUUID());
      await Promise.all([...sessions].map((id) => ask('crowd', id, true)));
      return heard('working');
    },
    /** When the last of them had gone on. */
    progressed: () => heard('after the restart'),
    again: () => Promise.resolve(words.filter(({ attempt }) => attempt > 1).length),
  };
}

/** A supervisor that finds everything there: ready when each session was looked at. */
async function restart(url: string): Promise<Record<string, number>> {
  const blueprints: readonly Blueprint[] = [work];
  const supervisor = createSupervisor({
    url,
    ...UNIT,
    workflows: [parseWorkflow(APPROVAL_FLOW)],
    spawner: inProcessSpawner({ url, blueprints }),
    maxOpenSessions: 100_000,
  });
  await supervisor.start();
  // The looks that `start` asked for come first.
  await new Promise((resolve) => setImmediate(resolve));
  const { openSessions } = supervisor.stats();
  return {
    atMs: monotonicMs(),
    sessions: openSessions,
    peakMb: process.resourceUsage().maxRSS / 1024,
    residentMb: process.memoryUsage().rss / 1e6,
  };
}

const [, , role = '', parameters = '{}'] = process.argv;
await start(role, JSON.parse(parameters) as WorkerParameters);
