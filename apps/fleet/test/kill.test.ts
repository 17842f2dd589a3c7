import { existsSync } from 'node:fs';
import type { DeviceStatus } from '@shoal/device-agent';
import { openLink } from '@shoal/mqtt-link';
import { startCollector, type CollectedSpan, type Collector } from '@shoal/observability/testing';
import { parseShoalTopic } from '@shoal/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FleetReport } from '../src/observe/report.ts';
import { askStatus } from './ask-status.ts';
import { startFleetWith, type RunningFleet } from './running-fleet.ts';
import { TraceTree } from './trace-tree.ts';

// Physical models: the same everywhere. Steps take long enough to be killed in the middle.
const FLAGS = [
  '--once',
  '--models',
  '--devices',
  '4',
  '--speed',
  '100',
  '--step-seconds',
  '2',
  '--timeout',
  '100',
];
const STEPS = ['diagnose', 'plan', 'protect', 'survey', 'work-order'];
const LIMIT_MS = 180_000;

/** What must not depend on who died: everything but ids, times of this run, and the neighbours' load at the moment they were asked. */
function essence({ workOrder, sessions: all }: FleetReport) {
  // At a hundred times the speed a run that takes longer sees the weather change: healthy neighbours may ask too before it stops.
  const sessions = all.filter(({ deviceId }) => deviceId === workOrder?.deviceId);
  return {
    device: workOrder?.deviceId,
    verdict: workOrder?.finding.verdict,
    action: workOrder?.action,
    parts: workOrder?.parts.map(({ sku, inStock }) => ({ sku, inStock })),
    apartFrom: workOrder?.production.notTogetherWith,
    protection: workOrder?.protection,
    neighbours: workOrder?.assumptions,
    states: sessions.map(({ state }) => state),
    steps: sessions.flatMap((session) => session.steps.map(({ id, state }) => `${id} ${state}`)).toSorted(),
  };
}

/** Collects every result that is ever published, by session and step, so that a second one for a step would show. */
async function watchResults(fleet: RunningFleet): Promise<Map<string, Set<string>>> {
  const url = await fleet.url();
  const link = await openLink({
    url,
    clientId: `test-results-${process.pid}-${Math.random().toString(36).slice(2)}`,
  });
  const results = new Map<string, Set<string>>();
  await link.subscribe('shoal/v1/+/+/session/+/step/+/result', (message) => {
    const topic = parseShoalTopic(message.topic);
    if (topic?.kind !== 'result' || message.payload.length === 0) return;
    const step = `${topic.sessionId} ${topic.stepId}`;
    const seen = results.get(step) ?? new Set();
    results.set(step, seen.add(message.text()));
  });
  void fleet.done.finally(() => link.destroy());
  return results;
}

async function runWith(disturb: (fleet: RunningFleet) => Promise<void>, env: NodeJS.ProcessEnv = {}) {
  const fleet = startFleetWith(env, ...FLAGS);
  const results = await watchResults(fleet);
  await disturb(fleet);
  const { code, report, log } = await fleet.done;
  expect(report.ok, `${report.reason}\n${log.slice(-20_000)}`).toBe(true);
  expect(code).toBe(0);
  const session = report.sessions[0]?.sessionId;
  expect([...results.keys()].filter((step) => step.startsWith(`${session} `)).toSorted()).toEqual(
    STEPS.map((step) => `${session} ${step}`),
  );
  for (const [step, seen] of results) expect(seen.size, `results of ${step}`).toBe(1);
  expect(report.devices.map(({ presence }) => presence)).toEqual(report.devices.map(() => 'offline'));
  expect(fleet.processes()).toEqual([]);
  return { report, log };
}

describe.skipIf(!existsSync('/proc/self/environ'))(
  'a fleet whose processes are killed',
  { timeout: LIMIT_MS },
  () => {
    let undisturbed: ReturnType<typeof essence>;
    let collector: Collector;
    let firstRun: readonly CollectedSpan[];
    const traced = (): NodeJS.ProcessEnv => ({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });

    afterAll(() => collector.stop());
    beforeAll(async () => {
      collector = await startCollector();
      const { report } = await runWith(async () => {}, traced());
      firstRun = [...collector.spans];
      undisturbed = essence(report);
      expect(undisturbed.verdict).toMatch(/race|ball/);
      expect(undisturbed.states).toEqual(['completed']);
    }, LIMIT_MS);

    it('is one trace, from the sample that raised the anomaly to the work order, over all its processes', () => {
      const { device } = undisturbed;
      const tree = TraceTree.of(firstRun, `telemetry ${device}`);
      const agent = tree.root.pid;
      // Requested, accepted, spawned, at work: and what the step asks of the device, on both sides.
      const diagnosis = tree.path(
        [`telemetry ${device}`, 'consumer', 'shoal-spawned'],
        ['SendStreamingMessage', 'client', 'shoal-spawned'],
        ['SendStreamingMessage', 'server', 'shoal-supervisor'],
        ['spawn diagnose', 'producer', 'shoal-supervisor'],
        ['step diagnose', 'consumer', 'shoal-spawned'],
        ['tools/call read_vibration_waveform', 'client', 'shoal-spawned'],
        ['tools/call read_vibration_waveform', 'server', 'shoal-devices'],
      );
      expect(new Set(diagnosis.map(({ pid }) => pid)).size).toBe(4);
      // What acts goes through the agent that watches the device: the process in which the trace began.
      const protection = tree.path(
        ['spawn protect', 'producer', 'shoal-supervisor'],
        ['step protect', 'consumer', 'shoal-spawned'],
        ['SendMessage', 'client', 'shoal-spawned'],
        ['SendMessage', 'server', 'shoal-spawned'],
        ['tools/call set_speed', 'client', 'shoal-spawned'],
        ['tools/call set_speed', 'server', 'shoal-devices'],
      );
      expect(protection[3]?.pid).toBe(agent);
      const [spawned, order] = tree.path(
        ['step work-order', 'consumer', 'shoal-spawned'],
        ['work order', 'internal', 'shoal-spawned'],
      );
      expect(order?.attributes['shoal.work_order.id']).toMatch(/^WO-/);
      // It follows from the steps that it needed.
      expect(spawned?.links.map(({ spanId }) => tree.get(spanId)?.name).toSorted()).toEqual(
        ['diagnose', 'plan', 'protect', 'survey'].map((step) => `spawn ${step}`),
      );
      expect(tree.spans.filter(({ name }) => name.startsWith('step ')).map(({ name }) => name)).toHaveLength(
        STEPS.length,
      );
      expect(tree.orphans).toEqual([]);
    });

    it('ends with the same work order when an instance is killed in mid-step', async () => {
      const before = collector.spans.length;
      const { report, log } = await runWith(async (fleet) => {
        await fleet.untilLog(/step +diagnose +at work/);
        expect(fleet.kill('shoal-step diagnose')).toBe(1);
      }, traced());
      expect(essence(report)).toEqual(undisturbed);
      expect(log).toMatch(/lost +diagnose/);
      expect(attempts(report, 'diagnose')).toBe(2);
      // The second attempt is of the same trace, and follows from the first, whose process told nothing any more.
      const tree = TraceTree.of(collector.spans.slice(before), `telemetry ${undisturbed.device}`);
      const [first, second] = tree.named('spawn diagnose');
      expect(second?.links.map(({ spanId }) => spanId)).toEqual([first?.spanId]);
      expect(tree.named('step diagnose').map(({ parentSpanId }) => parentSpanId)).toEqual([second?.spanId]);
    });

    it('ends with the same work order when the device agent that asked is killed; its successor knows the baseline', async () => {
      const device = undisturbed.device ?? '';
      let before: DeviceStatus | undefined;
      let after: DeviceStatus | undefined;
      const { report } = await runWith(async (fleet) => {
        await fleet.untilLog(/step +diagnose +at work/);
        before = await askStatus(await fleet.url(), device);
        expect(fleet.kill(`shoal-agent ${device}`)).toBe(1);
        await fleet.untilLog(new RegExp(`offline +${device}[^]*online +${device}`));
        after = await askStatus(await fleet.url(), device);
      });
      expect(essence(report)).toEqual(undisturbed);
      expect(before?.phase).toBe('judging');
      expect(after?.phase).toBe('judging');
      expect(after?.learnedSamples).toBe(before?.learnedSamples);
      expect(after?.channels.map(normal)).toEqual(before?.channels.map(normal));
    });

    it('ends with the same work order when the broker is killed', async () => {
      const { report } = await runWith(async (fleet) => {
        await fleet.untilLog(/step +diagnose +at work/);
        expect(fleet.kill('shoal-broker')).toBe(1);
      });
      expect(essence(report)).toEqual(undisturbed);
      expect(report.restarts.map((restart) => restart.process)).toEqual(['broker']);
    });

    it.each(['plan', 'protect'])(
      'ends with the same work order when the devices are killed as %s begins',
      async (step) => {
        const { report } = await runWith(async (fleet) => {
          await fleet.untilLog(new RegExp(`step +${step} +at work`));
          expect(fleet.kill('shoal-devices')).toBe(1);
        });
        // Devices that start again play their fault again: on a slow machine a second session begins before the fleet stops.
        const [first] = report.sessions;
        expect(essence({ ...report, sessions: first === undefined ? [] : [first] })).toEqual(undisturbed);
      },
    );

    it('ends with the same work order when the supervisor is killed', async () => {
      const { report } = await runWith(async (fleet) => {
        await fleet.untilLog(/step +diagnose +at work/);
        expect(fleet.kill('shoal-supervisor')).toBe(1);
      });
      expect(essence(report)).toEqual(undisturbed);
      expect(report.restarts.map((restart) => restart.process)).toEqual(['supervisor']);
    });

    it.each([1, 2])(
      'ends with the same work order when all of them are killed in random order, seed %i',
      async (seed) => {
        const { report } = await runWith(async (fleet) => {
          await fleet.untilLog(/step +diagnose +at work/);
          for (const title of shuffled(
            ['shoal-step diagnose', `shoal-agent ${undisturbed.device}`, 'shoal-supervisor'],
            seed,
          )) {
            fleet.kill(title);
            await new Promise((resolve) => setTimeout(resolve, 300 * seed));
          }
          // And the planner, while it is asked: its successor finds the booking, or makes it.
          await fleet.untilLog(/step +plan +at work/);
          fleet.kill('shoal-agent maintenance-planner');
        });
        expect(essence(report)).toEqual(undisturbed);
      },
    );
  },
);

function normal({ channel, typical, normalLow, normalHigh }: DeviceStatus['channels'][number]) {
  return { channel, typical, normalLow, normalHigh };
}

function attempts(report: FleetReport, step: string): number | undefined {
  return report.sessions[0]?.steps.find(({ id }) => id === step)?.attempts;
}

function shuffled<T>(items: readonly T[], seed: number): T[] {
  let state = seed;
  const random = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
  return items
    .map((item) => ({ item, key: random() }))
    .toSorted((a, b) => a.key - b.key)
    .map(({ item }) => item);
}
