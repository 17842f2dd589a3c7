import { createRequester, isA2aError, type MessageInput, type Requester } from '@shoal/agent-sdk';
import type { Task } from '@shoal/protocol';
import type { Scenario } from '../../shapes/scenarios.ts';
import type { Fleet } from './fleet.ts';
import { ORG, SESSION_ID, UNIT } from './names.ts';
import type { SimScenario } from './scenarios.ts';
import { pause, type SimProcess } from './world.ts';

/** Asks until it is told an end, as a device agent does: with the same ids each time. */
export function startCaller(fleet: Fleet, scenario: SimScenario, name: string, afterMs: number): void {
  const { world } = fleet;
  const process: SimProcess = world.start(name, async () => {
    await pause(afterMs);
    const link = await fleet.connect(process, `${ORG}/${UNIT}/${name}`);
    const requester = createRequester({ link, address: { org: ORG, unit: UNIT, agentId: name } });
    if (scenario.cancelAfterMs !== undefined) void cancel(requester, scenario);
    let approves = false;
    for (;;) {
      world.note(`${name} asks`);
      const answer = await ask(requester, scenario.id, approves ? APPROVE : START);
      if (typeof answer === 'string') world.note(`${name} is told ${answer}`);
      const task = typeof answer === 'string' ? undefined : answer;
      const isAsked = task?.status.state === 'TASK_STATE_INPUT_REQUIRED';
      if (task !== undefined && !isAsked) return void fleet.told.push({ caller: name, task });
      // Whoever says it, says it with the same message: the second word is a repetition of the first.
      approves = isAsked && !approves && world.elapsedMs >= (scenario.extended?.approvesAtMs ?? 0);
      if (isAsked && scenario.extended !== undefined && !approves) await pause(20_000);
      await pause(approves ? 50 : 500);
    }
  });
  fleet.callers.push(process);
}

export interface Question {
  readonly message: MessageInput;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

const IDS = { taskId: SESSION_ID, contextId: 'c-1' } as const;
/** What every session is begun with. */
export const START: Question = { message: { data: {}, messageId: 'm-1', ...IDS } };
const APPROVE: Question = { message: { text: 'approve', messageId: 'm-2', ...IDS } };

/** The task, or why there is none. */
export async function ask(
  requester: Requester,
  workflowId: string,
  { message, metadata }: Question,
): Promise<Task | string | undefined> {
  try {
    const answer = await requester.send({ org: ORG, unit: UNIT, agentId: workflowId }, message, {
      firstReplyTimeoutMs: 20_000,
      ...(metadata === undefined ? {} : { requestMetadata: metadata }),
    });
    return 'status' in answer ? answer : undefined;
  } catch (error) {
    return isA2aError(error) ? error.code : String(error);
  }
}

async function cancel(requester: Requester, { id, cancelAfterMs }: Scenario): Promise<void> {
  await pause(cancelAfterMs ?? 0);
  await requester
    .cancelTask({ org: ORG, unit: UNIT, agentId: id }, { id: SESSION_ID })
    .catch(() => undefined);
}
