import type { FailureMode } from './failure-modes.ts';
import { DEFAULT_FAILURE_MODES, failureMode } from './failure-modes.ts';
import type { Job, PlanningProblem, Window } from './model.ts';
import { DEFAULT_SITE } from './seed.ts';
import type { MaintenanceRequest } from './schemas.ts';
import { PlannerError } from '../errors.ts';
import type { StockData } from './store.ts';

/** How a plant plans. Money in its currency. */
export interface PlanningPolicy {
  readonly failureModes: readonly FailureMode[];
  /** Where devices stand that name no site. */
  readonly site: string;
  /** What a failure in service costs beyond the repair. */
  readonly failureCost: number;
  /** Weibull shape of remaining life; 1.5 is what ISO 281 takes for bearings. */
  readonly lifeShape: number;
  /** What an hour of standstill costs, by hour of the day (UTC); 24 numbers. */
  readonly downtimeCostByHour: readonly number[];
  readonly gridMinutes: number;
  readonly horizonDays: number;
  /** Minutes for a journey that the store does not know. */
  readonly travelMinutes: number;
  /** Hours that lie between the standstills of devices which must not be down together. */
  readonly gapHours: number;
}

/** What counts where `policy` says nothing: an hour of standstill costs 200, a failure 20 000, plans reach 60 days ahead. */
export const DEFAULT_POLICY: PlanningPolicy = {
  failureModes: DEFAULT_FAILURE_MODES,
  site: DEFAULT_SITE,
  failureCost: 20_000,
  lifeShape: 1.5,
  downtimeCostByHour: Array.from({ length: 24 }, () => 200),
  gridMinutes: 60,
  horizonDays: 60,
  travelMinutes: 30,
  gapHours: 1,
};

const HOUR_MS = 3_600_000;

/** Throws PlannerError `invalid-job` when the policy makes no sense. */
export function problemOf(
  request: MaintenanceRequest,
  data: StockData,
  policy: PlanningPolicy,
  nowMs: number,
): PlanningProblem & { readonly mode: FailureMode } {
  const mode = failureMode(request.verdict, policy.failureModes);
  const atMs = request.at === undefined ? nowMs : Date.parse(request.at);
  const site = request.site ?? policy.site;
  const job: Job = {
    deviceId: request.deviceId,
    site,
    skills: mode.skills,
    durationMinutes: mode.durationMinutes,
    parts: mode.parts.map((component) => ({ component, quantity: 1 })),
    risk: { b10Hours: mode.dueInHours, shape: policy.lifeShape, failureCost: policy.failureCost },
    dueInHours: mode.dueInHours,
  };
  if (mode.skills.length === 0 || !(mode.durationMinutes > 0) || !(mode.dueInHours > 0))
    throw new PlannerError(
      'invalid-job',
      `failure mode ${mode.verdict}: skills, durationMinutes and dueInHours must say something`,
    );
  return {
    mode,
    job,
    nowMs: atMs,
    parts: data.parts,
    technicians: data.technicians,
    occupations: data.occupations,
    travelMinutes: travelBetween(data.travel, policy.travelMinutes),
    downtimeCostByHour: request.downtimeCostByHour ?? policy.downtimeCostByHour,
    blocked: [...requestedWindows(request), ...downWindows(request, data, policy)],
    ...(request.notBefore === undefined ? {} : { notBeforeMs: Date.parse(request.notBefore) }),
    gridMinutes: policy.gridMinutes,
    horizonDays: policy.horizonDays,
  };
}

function requestedWindows({ blocked = [] }: MaintenanceRequest): Window[] {
  return blocked.map(({ from, to, reason }, i) => {
    const [fromMs, toMs] = [Date.parse(from), Date.parse(to)];
    if (!(fromMs < toMs)) throw new PlannerError('invalid-job', `blocked[${i}].to must be after from`);
    return { fromMs, toMs, reason };
  });
}

/** Standstills of the same device and of those that must not be down with it. */
function downWindows(request: MaintenanceRequest, data: StockData, { gapHours }: PlanningPolicy): Window[] {
  const others = new Set([...(request.notTogetherWith ?? []), request.deviceId]);
  return data.downtimes
    .filter(({ deviceId }) => others.has(deviceId))
    .map(({ deviceId, fromMs, toMs }) => ({
      fromMs: fromMs - gapHours * HOUR_MS,
      toMs: toMs + gapHours * HOUR_MS,
      reason: `${deviceId} is down for its own repair`,
    }));
}

/** Symmetric, and nothing within one site. */
function travelBetween(travel: StockData['travel'], unknown: number): (from: string, to: string) => number {
  const known = new Map(
    travel.flatMap(({ from, to, minutes }) => [
      [`${to}\0${from}`, minutes] as const,
      [`${from}\0${to}`, minutes] as const,
    ]),
  );
  return (from, to) => (from === to ? 0 : (known.get(`${from}\0${to}`) ?? unknown));
}
