import { judgeAnswer, type NeighbourAnswer, type Reply } from './judge-answer.ts';
import type { Neighbourhood } from './neighbours.ts';

export interface Survey {
  /** Of the device itself; null: it did not say. */
  readonly loadPercent: number | null;
  readonly neighbours: readonly NeighbourAnswer[];
  /** Devices that must not be down together with this one. */
  readonly group: readonly string[];
  readonly assumptions: readonly string[];
}

/** Puts together what was asked and what came back. `replies` in the order of the neighbours; `own`: of the device's own agent. */
export function concludeSurvey(
  deviceId: string,
  { neighbours, group, assumptions }: Neighbourhood,
  own: Reply,
  replies: readonly Reply[],
): Survey {
  const said = own.kind === 'answered' ? (own.data as { loadPercent?: unknown } | null) : null;
  const load = said?.loadPercent;
  const loadPercent = typeof load === 'number' && load >= 0 && load <= 100 ? load : null;
  const answers = neighbours.map((neighbour, i) =>
    judgeAnswer(neighbour, replies[i] ?? { kind: 'silent', why: 'not asked' }),
  );
  return {
    loadPercent,
    neighbours: answers,
    group,
    assumptions: [
      ...(loadPercent === null ? [`the load of ${deviceId} is not known: counted as 100 %`] : []),
      ...assumptions,
      ...answers.flatMap(({ assumption }) => assumption ?? []),
    ],
  };
}

/** When nobody could be asked. */
export function blindSurvey(): Survey {
  return {
    loadPercent: null,
    neighbours: [],
    group: [],
    assumptions: [
      'the neighbours could not be asked: nobody is counted on, the device is taken to run at full load',
    ],
  };
}
