/** What was seen of one run, when all faults were over and nothing moved any more. */
export interface Observed {
  readonly scenario: { readonly once: readonly string[]; readonly manyEnds: boolean };
  readonly diskLost: boolean;
  /** The end of the session as each caller was told it, in order. */
  readonly told: readonly { readonly caller: string; readonly task: string; readonly end: string }[];
  readonly callers: number;
  /** By record (`step/a/result`): the contents it had, one after the other. */
  readonly contents: ReadonlyMap<string, readonly string[]>;
  /** States of the steps, of items and of compensations too. */
  readonly steps: Readonly<Record<string, string>>;
  readonly effects: readonly { readonly sessionId: string; readonly stepId: string; readonly by: string }[];
  /** Of a scenario that runs something again; else undefined. */
  readonly rerun:
    | {
        readonly sessionId: string;
        /** Steps and items whose work was to be done again. */
        readonly again: readonly string[];
      }
    | undefined;
  readonly spawns: number;
  /** Steps, items, compensations and steps of child sessions. */
  readonly stepCount: number;
  readonly maxAttempts: number;
  /** Instances that are still there though the session has ended. */
  readonly alive: readonly string[];
  /** Records that are still retained after the retention; undefined when it was not waited for. */
  readonly leftBehind: readonly string[] | undefined;
  /** Of a scenario that triggers start; else undefined. */
  readonly occasions:
    | {
        /** In the order in which they come. */
        readonly sessions: readonly string[];
        readonly mayMissFirst: boolean;
        /** By session: plans that it had. */
        readonly started: ReadonlyMap<string, number>;
      }
    | undefined;
}

export interface Undisturbed {
  /** What callers are told: state and artifacts. */
  readonly end: string;
}

export interface Invariant {
  readonly name: string;
  /** Undefined: it holds. `skip`: it says nothing about this run. Else what broke it. */
  readonly check: (run: Observed, undisturbed: Undisturbed) => string | undefined;
}

const hasUnknown = ({ steps }: Observed): boolean => Object.values(steps).includes('unknown');

export const INVARIANTS: readonly Invariant[] = [
  {
    name: 'a: the session ends once the faults are over',
    check: ({ contents }) => (contents.has('outcome') ? undefined : 'no outcome'),
  },
  {
    name: 'b: the outcome is the undisturbed one, or a typed unknown of a step that must not act twice',
    check: (run, undisturbed) => {
      const [first] = run.told;
      if (first === undefined) return 'skip';
      if (run.scenario.manyEnds) return 'skip';
      if (hasUnknown(run)) {
        const wrong = Object.entries(run.steps).filter(
          ([id, state]) => state === 'unknown' && !run.scenario.once.includes(id),
        );
        return wrong.length === 0 ? undefined : `unknown: ${wrong.map(([id]) => id).join(', ')}`;
      }
      return first.end === undisturbed.end ? undefined : `${first.end} instead of ${undisturbed.end}`;
    },
  },
  {
    name: 'c: a result or outcome that was written does not change',
    check: ({ contents, diskLost }) => {
      if (diskLost) return 'skip';
      const changed = [...contents].filter(
        ([record, all]) => (record.endsWith('/result') || record.endsWith('outcome')) && all.length > 1,
      );
      return changed.length === 0
        ? undefined
        : changed.map(([record, all]) => `${record}: ${all.join(' then ')}`).join('; ');
    },
  },
  {
    name: 'd: every caller is told one end, and all the same',
    check: ({ told, callers, diskLost }) => {
      if (told.length < callers) return `${told.length} of ${callers} callers were answered`;
      if (diskLost) return 'skip';
      const words = new Set(told.map(({ task }) => task));
      return words.size === 1 ? undefined : [...words].join(' and ');
    },
  },
  {
    name: 'e: no instance is left when the session has ended',
    check: ({ alive }) => (alive.length === 0 ? undefined : alive.join(', ')),
  },
  {
    name: 'f: spawns are bounded',
    check: ({ spawns, stepCount, maxAttempts }) =>
      spawns <= stepCount * maxAttempts ? undefined : `${spawns} spawns of ${stepCount} steps`,
  },
  {
    name: 'g: a step that must not act twice acts at most once',
    check: ({ scenario, effects }) => {
      if (scenario.once.length === 0) return 'skip';
      const acts = effects.filter(({ stepId }) => scenario.once.includes(stepId));
      const twice = acts.filter(({ sessionId, stepId }, at) =>
        acts.slice(0, at).some((act) => act.sessionId === sessionId && act.stepId === stepId),
      );
      return twice.length === 0 ? undefined : `${twice.map(({ stepId }) => stepId).join(', ')} acted twice`;
    },
  },
  {
    name: 'h: the plan is not rewritten',
    check: ({ contents, diskLost }) => {
      if (diskLost) return 'skip';
      const plans = contents.get('') ?? [];
      return plans.length <= 1 ? undefined : plans.join(' then ');
    },
  },
  {
    name: 'j: a trigger starts one session for each occasion, and no other',
    check: ({ occasions, diskLost }) => {
      if (occasions === undefined || diskLost) return 'skip';
      const { sessions, mayMissFirst, started } = occasions;
      const first = mayMissFirst ? sessions.findIndex((id) => started.has(id)) : 0;
      const missing = sessions.slice(Math.max(0, first)).filter((id) => !started.has(id));
      const others = [...started.keys()].filter((id) => !sessions.includes(id));
      const again = [...started].filter(([, plans]) => plans > 1).map(([id]) => id);
      const wrong = Object.entries({ missing, others, again }).filter(([, ids]) => ids.length > 0);
      return wrong.length === 0 ? undefined : JSON.stringify(Object.fromEntries(wrong));
    },
  },
  {
    name: 'k: a re-run does again what was asked for, and nothing else',
    check: (run) => {
      const { rerun, effects, diskLost } = run;
      if (rerun === undefined || diskLost) return 'skip';
      const ran = new Set(
        effects.filter(({ sessionId }) => sessionId === rerun.sessionId).map(({ stepId }) => stepId),
      );
      const others = [...ran].filter((id) => !rerun.again.includes(id));
      // What is unknown may not have acted, and what needs it then never begins.
      const missing = hasUnknown(run) ? [] : rerun.again.filter((id) => !ran.has(id));
      const wrong = Object.entries({ others, missing }).filter(([, ids]) => ids.length > 0);
      return wrong.length === 0 ? undefined : JSON.stringify(Object.fromEntries(wrong));
    },
  },
  {
    name: 'i: nothing is left behind after the retention',
    check: ({ leftBehind }) => {
      if (leftBehind === undefined) return 'skip';
      return leftBehind.length === 0 ? undefined : leftBehind.join(', ');
    },
  },
];
