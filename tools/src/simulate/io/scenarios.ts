import { derivedTaskId } from '@shoal/workflow';
import { RETRY, SCENARIOS, type Scenario } from '../../shapes/scenarios.ts';
import type { Random } from '../core/random.ts';
import { ORG, SESSION_ID, UNIT } from './names.ts';
import { RERUNS, type Rerun } from './reruns.ts';

/** What only virtual time has the patience for, or what begins without a caller. */
export interface SimScenario extends Scenario {
  /** The session that callers are told the end of. Unset: the one that they ask for. */
  readonly sessionId?: string;
  /** Begins without a request: by the telemetry of a sensor, or by the clock. */
  readonly triggered?: {
    readonly by: 'alarms' | 'clock';
    /** One session for each, in order, and no other. */
    readonly sessions: readonly string[];
    /** Of a clock nobody has read before: what passed until somebody did is nobody's. */
    readonly mayMissFirst: boolean;
  };
  /** Somebody gives the session and its approval more time; the word on that comes so late that it needs it. */
  readonly extended?: {
    readonly sessionMs: number;
    readonly approvalMs: number;
    readonly approvesAtMs: number;
  };
  /** What is run again when the session has ended; callers are told the end of that. */
  readonly rerun?: Rerun;
}

/** Devices of the sensor that has an alarm. */
export const SENSED = ['p-1', 'p-2'] as const;
export const ALARMS = [1, 2] as const;

export function telemetryOf(deviceId: string): string {
  return `shoal/v1/${ORG}/${UNIT}/device/${deviceId}/telemetry`;
}

export function alarmSession(deviceId: string, alarm: number): string {
  return derivedTaskId('trigger', ORG, UNIT, 'alarms', 'hot', telemetryOf(deviceId), String(alarm));
}

const alarms = ALARMS.flatMap((alarm) => SENSED.map((deviceId) => alarmSession(deviceId, alarm)));

/** The first of January 2026 is when virtual time begins; later than any fault, and twice in its midst. */
const TIMES = [5, 15, 65, 75, 185, 195].map((second) => new Date(Date.UTC(2026, 0, 1) + second * 1000));
const clock = TIMES.map((at) => derivedTaskId('trigger', ORG, UNIT, 'clock', 'often', '', at.toISOString()));

const PATIENT: readonly SimScenario[] = [
  {
    id: 'alarms',
    name: 'two devices have an alarm, twice each, in a storm of messages',
    yaml: `id: alarms
description: Started by telemetry.
deadlineSeconds: 900
retentionSeconds: 60
triggers:
  - { id: hot, description: Too hot., telemetry: { when: "message.celsius > 90", forSeconds: 0.3, cooldownSeconds: 1 } }
steps:
  - { id: a, use: { blueprint: work }, ${RETRY} }
`,
    once: [],
    moreInstances: alarms.length - 1,
    sessionId: alarms.at(-1)!,
    triggered: { by: 'alarms', sessions: alarms, mayMissFirst: false },
  },
  {
    id: 'clock',
    name: 'a schedule of six times',
    yaml: `id: clock
description: Started by the clock.
deadlineSeconds: 900
retentionSeconds: 60
triggers:
  - { id: often, description: Six times., schedule: { cron: "5,15 0,1,3 0 1 1 *", missed: all } }
steps:
  - { id: a, use: { blueprint: work }, ${RETRY} }
`,
    once: [],
    moreInstances: clock.length - 1,
    sessionId: clock.at(-1)!,
    triggered: { by: 'clock', sessions: clock, mayMissFirst: true },
  },
  {
    id: 'extended',
    name: 'a person is given more time',
    yaml: `id: extended
description: For tests of recovery.
deadlineSeconds: 150
retentionSeconds: 400
steps:
  - { id: a, use: { blueprint: work }, ${RETRY} }
  - { id: ask, use: { approval: { prompt: "Shall it?", expirySeconds: 120 } }, needs: [a], ${RETRY} }
  - { id: z, use: { blueprint: plain }, needs: [ask], ${RETRY} }
`,
    once: [],
    approves: true,
    extended: { sessionMs: 300_000, approvalMs: 280_000, approvesAtMs: 200_000 },
  },
];

const ONCE = SCENARIOS.filter(({ once }) => once.length > 0);

/** Of so many seeds one each has a scenario that must not act twice, that has patience, and that runs something again; the others any. */
const ROUND = 8;
const BY_SEED: Readonly<Record<number, readonly SimScenario[]>> = { 2: ONCE, 3: PATIENT, 5: RERUNS };

export function scenarioOf(seed: number, random: Random): SimScenario {
  return random.pick<SimScenario>(BY_SEED[seed % ROUND] ?? SCENARIOS);
}

export function sessionOf({ sessionId = SESSION_ID }: SimScenario): string {
  return sessionId;
}
