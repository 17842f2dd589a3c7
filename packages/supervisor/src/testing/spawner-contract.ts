import { strict as assert } from 'node:assert';
import { randomUUID } from 'node:crypto';
import { createRequester } from '@shoal/agent-sdk';
import { openLink } from '@shoal/mqtt-link';
import type { Task } from '@shoal/protocol';
import { parseWorkflow, type StepOrder } from '@shoal/workflow';
import { createSupervisor } from '../io/supervisor.ts';
import { roomOf } from '../spawners/room-of.ts';
import type { Spawner } from '../types.ts';
import { stepOrder } from './step-order.ts';

/** Where the spawner of a case has to start things. */
export interface SpawnerPlace {
  readonly url: string;
  readonly org: string;
  readonly unit: string;
  /** Instances at once. */
  readonly maxRunning: number;
}

export interface SpawnerUnderTest {
  readonly spawner: Spawner;
  /** Kills everything that it started and that runs, without asking it. Unset: the cases about that are left out. */
  readonly kill?: () => void | Promise<void>;
  /** Takes down what it stands on; the spawner is stopped before. */
  readonly close?: () => Promise<void>;
}

/**
 * What every spawner has to do. Its blueprint `work` waits for `variables.workMs` milliseconds and gives `{ output: stepId }`; nothing else
 * is asked of it.
 */
export interface SpawnerCase {
  readonly title: string;
  /** It needs `kill`. */
  readonly kills: boolean;
  /** Rejects with AssertionError when the spawner does otherwise. */
  readonly run: (url: string, create: (place: SpawnerPlace) => Promise<SpawnerUnderTest>) => Promise<void>;
}

interface Stage extends SpawnerUnderTest {
  readonly url: string;
  readonly org: string;
  readonly unit: string;
}

type Play = (stage: Stage) => Promise<void>;

function contractCase(
  title: string,
  play: Play,
  more: { maxRunning?: number; kills?: boolean } = {},
): SpawnerCase {
  const { maxRunning = 100, kills = false } = more;
  return {
    title,
    kills,
    async run(url, create) {
      const place = { url, org: 'o', unit: `u-${randomUUID().slice(0, 8)}`, maxRunning };
      const made = await create(place);
      try {
        await play({ ...place, ...made });
      } finally {
        await made.spawner.stop();
        await made.close?.();
      }
    },
  };
}

/** What every spawner has to pass, run on a real broker. A case with `kills` needs instances that can be killed. */
export const SPAWNER_CASES: readonly SpawnerCase[] = [
  contractCase('instances carry a session to its end, and are gone then', async (stage) => {
    const task = await runSession(stage, { workMs: 20 });
    assert.equal(task.status.state, 'TASK_STATE_COMPLETED');
    await until(() => stage.spawner.running === 0);
  }),

  contractCase(
    'it says that an instance ended, and that it ended cleanly; one after the other',
    async (stage) => {
      for (const stepId of ['a', 'b', 'c']) assert.equal(await spawnAndWait(stage, stepId), true);
      await until(() => stage.spawner.running === 0);
    },
  ),

  contractCase(
    'it counts what runs and refuses one more than it has room for',
    async (stage) => {
      assert.equal(stage.spawner.capacity, 1);
      // At work for certain, and for a while: an instance without a session may be gone before the next order arrives.
      let refusal: Promise<void> | undefined;
      const task = await runSession(stage, { workMs: 500 }, () => {
        refusal = assert.rejects(Promise.resolve(stage.spawner.spawn(orderOf(stage, 'b'))));
        refusal.catch(() => undefined);
      });
      assert.ok(refusal);
      await refusal;
      assert.equal(task.status.state, 'TASK_STATE_COMPLETED');
      await until(() => stage.spawner.running === 0);
      // Where instances run elsewhere, the room comes back a little after the word that one has ended.
      let clean: boolean | undefined;
      while (clean === undefined)
        clean = await spawnAndWait(stage, 'c').catch(
          () => new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 20)),
        );
      assert.equal(clean, true);
    },
    { maxRunning: 1 },
  ),

  contractCase('one order given twice does no harm', async (stage) => {
    const order = orderOf(stage, 'a');
    await stage.spawner.spawn(order);
    // Whether the second is refused or finds the first is the spawner's business; it must not break it.
    await Promise.resolve(stage.spawner.spawn(order)).catch(() => undefined);
    await until(() => stage.spawner.running === 0);
  }),

  contractCase(
    'an instance that is killed is told as not clean, and its step runs again',
    async (stage) => {
      let killed = false;
      const { spawner: inner } = stage;
      const spawner: Spawner = {
        get running() {
          return inner.running;
        },
        get capacity() {
          return inner.capacity;
        },
        room: (needs) => roomOf(inner, needs),
        spawn: (order, hooks) =>
          inner.spawn(order, {
            ...hooks,
            onExit(clean) {
              killed ||= !clean;
              hooks?.onExit?.(clean);
            },
          }),
        stop: () => inner.stop(),
      };
      const task = await runSession({ ...stage, spawner }, { workMs: 1_500 }, () => stage.kill?.());
      assert.equal(task.status.state, 'TASK_STATE_COMPLETED');
      assert.equal(killed, true);
    },
    { kills: true },
  ),

  contractCase(
    'one that is stopped takes no order, and stopping twice is fine',
    async ({ spawner, ...stage }) => {
      await spawner.stop();
      await spawner.stop();
      await assert.rejects(Promise.resolve(spawner.spawn(orderOf(stage, 'a'))), /stopped/);
    },
  ),
];

const orderOf = ({ org, unit }: Pick<Stage, 'org' | 'unit'>, stepId: string): StepOrder =>
  stepOrder({ org, unit, stepId });

function spawnAndWait(stage: Stage, stepId: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    stage.spawner.spawn(orderOf(stage, stepId), { onExit: resolve }).catch(reject);
  });
}

/** One session of two steps. `onWork` is called once, when an instance is at work. */
async function runSession(
  { url, org, unit, spawner }: Stage,
  variables: Readonly<Record<string, number>>,
  onWork?: () => unknown,
): Promise<Task> {
  const supervisor = createSupervisor({
    url,
    org,
    unit,
    spawner,
    workflows: [
      parseWorkflow(`id: flow
description: Two steps.
variables: { workMs: { default: 20 } }
steps:
  - { id: a, use: { blueprint: work }, retry: { backoffSeconds: 0.05 } }
  - { id: b, use: { blueprint: work }, needs: [a], retry: { backoffSeconds: 0.05 } }
`),
    ],
    policy: { suspicionMs: 20, probeGapMs: 50, adoptMs: 200, livenessMs: 2_000 },
    reconcileIntervalMs: 1_000,
    probeTimeoutMs: 1_000,
  });
  await supervisor.start();
  const link = await openLink({ url, clientId: `${org}/${unit}/caller` });
  const requester = createRequester({ link, address: { org, unit, agentId: 'caller' } });
  try {
    if (onWork !== undefined) {
      let told = false;
      await link.subscribe(`shoal/v1/${org}/${unit}/session/+/step/a/status`, ({ payload }) => {
        if (told || !new TextDecoder().decode(payload).includes('"running"')) return;
        told = true;
        onWork();
      });
    }
    const address = { org, unit, agentId: 'flow' };
    return (await requester.send(address, { data: variables }, { firstReplyTimeoutMs: 150_000 })) as Task;
  } finally {
    await requester.close();
    await link.close();
    await supervisor.stop();
  }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}
