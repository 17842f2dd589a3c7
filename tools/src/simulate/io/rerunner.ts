import { createRequester } from '@shoal/agent-sdk';
import { sessionControl } from '@shoal/workflow';
import { ask, START, type Question } from './caller.ts';
import type { Fleet } from './fleet.ts';
import { ORG, RERUN_ID, SESSION_ID, UNIT } from './names.ts';
import type { Rerun } from './reruns.ts';
import type { SimScenario } from './scenarios.ts';
import { pause, type SimProcess } from './world.ts';

/** Lets a session end, has something of it run again by `sessionControl`, and asks until it is told the end of that. */
export function startRerunner(
  fleet: Fleet,
  { id }: SimScenario,
  { from, items, repeatEffects }: Rerun,
  name: string,
  afterMs: number,
): void {
  const { world } = fleet;
  const rerun = {
    from,
    ...(items === undefined ? {} : { items }),
    ...(repeatEffects === undefined ? {} : { repeatEffects }),
  };
  // Word for word what `sessionControl` asks, so that it is the same request again.
  const again: Question = {
    message: { taskId: RERUN_ID, messageId: RERUN_ID, text: `run again from ${from}` },
    metadata: { rerun: { of: SESSION_ID, ...rerun } },
  };
  const process: SimProcess = world.start(name, async () => {
    await pause(afterMs);
    const link = await fleet.connect(process, `${ORG}/${UNIT}/${name}`);
    const requester = createRequester({ link, address: { org: ORG, unit: UNIT, agentId: name } });
    const control = sessionControl(link, { org: ORG, unit: UNIT, by: `${name}-control` });
    for (let asked = false; ;) {
      const task = await ask(requester, id, asked ? again : START);
      if (typeof task === 'string') world.note(`${name} is told ${task}`);
      const ended = typeof task === 'object' && /COMPLETED|FAILED|CANCELED/.test(task.status.state);
      if (ended && asked) return void fleet.told.push({ caller: name, task });
      if (ended) {
        fleet.rerunBegins();
        asked = await control.rerun(SESSION_ID, { ...rerun, sessionId: RERUN_ID }).then(
          () => true,
          (error: unknown) => (world.note(`${name} is told ${String(error)}`), false),
        );
      }
      // A session that is gone, with its broker's disk, has to be there first.
      else if (asked && task === 'InvalidParams') asked = false;
      await pause(500);
    }
  });
  fleet.callers.push(process);
}
