import type { Task } from '@shoal/protocol';
import { endOf, stepsOf } from '../shapes/end-of.ts';
import type { Scenario } from '../shapes/scenarios.ts';
import type { EffectLine } from './run.ts';

export interface Session {
  readonly scenario: Pick<Scenario, 'id' | 'once' | 'manyEnds'>;
  readonly sessionId: string;
  readonly task?: Task;
}

export interface Verdict {
  readonly started: number;
  /** Ended as the undisturbed run, or where a step must not act twice as a typed unknown. */
  readonly finished: number;
  /** Of those. */
  readonly unknown: number;
  /** Nobody was told an end. */
  readonly lost: number;
  /** Steps that must not act twice, and did. */
  readonly duplicated: number;
  /** Ended otherwise. */
  readonly wrong: readonly string[];
}

/** `undisturbed`: by workflow, the end without faults. */
export function judge(
  sessions: readonly Session[],
  effects: readonly EffectLine[],
  undisturbed: ReadonlyMap<string, string>,
): Verdict {
  const acted = new Map<string, number>();
  for (const { sessionId, stepId } of effects)
    acted.set(`${sessionId}/${stepId}`, (acted.get(`${sessionId}/${stepId}`) ?? 0) + 1);
  let [finished, unknown, lost, duplicated] = [0, 0, 0, 0];
  const wrong: string[] = [];
  for (const { scenario, sessionId, task } of sessions) {
    duplicated += scenario.once.filter((id) => (acted.get(`${sessionId}/${id}`) ?? 0) > 1).length;
    if (task === undefined) lost += 1;
    else if (isTypedUnknown(scenario, task)) {
      finished += 1;
      unknown += 1;
    } else if (scenario.manyEnds === true || endOf(task) === undisturbed.get(scenario.id)) finished += 1;
    else wrong.push(`${scenario.id} ${sessionId}: ${endOf(task)}`);
  }
  return { started: sessions.length, finished, unknown, lost, duplicated, wrong };
}

function isTypedUnknown(scenario: Pick<Scenario, 'once'>, task: Task): boolean {
  const unknown = Object.entries(stepsOf(task)).filter(([, state]) => state === 'unknown');
  return unknown.length > 0 && unknown.every(([id]) => scenario.once.includes(id));
}
