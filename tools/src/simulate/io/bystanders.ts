import { createRequester } from '@shoal/agent-sdk';
import { parseJson, parseShoalTopic, treeFilter, type TriggerRecord } from '@shoal/protocol';
import { sessionControl } from '@shoal/workflow';
import type { Fleet } from './fleet.ts';
import { ORG, SESSION_ID, UNIT } from './names.ts';
import { ALARMS, alarmSession, SENSED, sessionOf, telemetryOf, type SimScenario } from './scenarios.ts';
import { pause, type SimProcess } from './world.ts';

/** Waits for the end of a session that it has not asked for, and is told as a caller is. */
export function startWaiter(fleet: Fleet, scenario: SimScenario, name: string): void {
  const { world } = fleet;
  const process: SimProcess = world.start(name, async () => {
    const link = await fleet.connect(process, `${ORG}/${UNIT}/${name}`);
    const requester = createRequester({ link, address: { org: ORG, unit: UNIT, agentId: name } });
    const target = { org: ORG, unit: UNIT, agentId: scenario.id };
    for (;;) {
      const task = await requester
        .getTask(target, { id: sessionOf(scenario) }, { firstReplyTimeoutMs: 5_000 })
        .catch(() => undefined);
      if (task !== undefined && /COMPLETED|FAILED|CANCELED/.test(task.status.state))
        return void fleet.told.push({ caller: name, task });
      await pause(2_000);
    }
  });
  fleet.callers.push(process);
}

const BETWEEN_SAMPLES_MS = 100;
/** Samples of an alarm that go on after its run has ended. */
const STORM = 15;

/**
 * Devices that are too hot until the run of their alarm has ended and for a while after, then cool until the trigger is armed again;
 * and once more.
 */
export function startSensor(fleet: Fleet): void {
  const { world } = fleet;
  const process: SimProcess = world.start('sensor', async () => {
    const link = await fleet.connect(process, `${ORG}/${UNIT}/sensor`);
    const ended = new Set<string>();
    const armed = new Set<string>();
    const where = { org: ORG, unit: UNIT };
    await untilDone(() =>
      link.subscribe(treeFilter('session', where), ({ topic, payload }) => {
        const at = parseShoalTopic(topic);
        if (at?.kind === 'outcome' && payload.length > 0) ended.add(at.sessionId);
      }),
    );
    await untilDone(() =>
      link.subscribe(treeFilter('trigger', where), ({ payload }) => {
        const json = parseJson(payload);
        if (!json.ok) return;
        const { key, episode, state } = json.value as TriggerRecord;
        if (state === 'armed') armed.add(`${key} ${episode}`);
      }),
    );
    const sample = async (celsius: number): Promise<void> => {
      // One that is lost on the way is followed by another.
      for (const deviceId of SENSED)
        link.publish(telemetryOf(deviceId), JSON.stringify({ celsius })).catch(() => undefined);
      await pause(BETWEEN_SAMPLES_MS);
    };
    for (const alarm of ALARMS) {
      world.note(`sensor is hot, ${alarm}`);
      while (!SENSED.every((deviceId) => ended.has(alarmSession(deviceId, alarm)))) await sample(95);
      for (let more = 0; more < STORM; more += 1) await sample(95);
      world.note(`sensor is cool, ${alarm}`);
      while (!SENSED.every((deviceId) => armed.has(`${telemetryOf(deviceId)} ${alarm}`))) await sample(20);
    }
    fleet.sensed = true;
  });
}

/** Gives the session and its approval more time, as soon as there is an approval. */
export function startExtender(
  fleet: Fleet,
  { sessionMs, approvalMs }: NonNullable<SimScenario['extended']>,
): void {
  const { world } = fleet;
  const process: SimProcess = world.start('extender', async () => {
    const link = await fleet.connect(process, `${ORG}/${UNIT}/extender`);
    const control = sessionControl(link, { org: ORG, unit: UNIT, by: 'extender' });
    const isDone = async (): Promise<boolean> => {
      const { extend } = await control.read(SESSION_ID);
      return extend?.deadlineAt !== undefined && extend.steps?.['ask'] !== undefined;
    };
    await untilDone(async () => {
      if (await isDone()) return;
      await control.extend(SESSION_ID, { untilMs: world.startedAtMs + sessionMs }).catch(ignoreRepeated);
      await control
        .extend(SESSION_ID, { stepId: 'ask', untilMs: world.startedAtMs + approvalMs })
        .catch(ignoreRepeated);
      if (!(await isDone())) throw new Error('not yet');
    });
    world.note('extended');
  });
}

/** What was extended by a call whose answer was lost is refused when it is asked for again. */
function ignoreRepeated(error: unknown): void {
  if (!String(error).includes('already')) throw error;
}

async function untilDone(act: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await act();
      return;
    } catch {
      await pause(500);
    }
  }
}
