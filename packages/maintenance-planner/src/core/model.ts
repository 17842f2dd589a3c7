/** What is planned with. Times are milliseconds since 1970 (UTC), money is in the plant's currency. */

export interface Part {
  readonly sku: string;
  readonly name: string;
  /** Components that it repairs. */
  readonly fits: readonly string[];
  /** Pieces that nobody has reserved. */
  readonly free: number;
  /** Hours until an ordered piece is there. */
  readonly leadTimeHours: number;
  readonly unitCost: number;
}

export interface Shift {
  /** Days on which it begins; 0 is Sunday. */
  readonly days: readonly number[];
  /** Minute of the day, UTC. */
  readonly fromMinute: number;
  /** Above 1440 it ends on the next day. */
  readonly toMinute: number;
}

export interface Technician {
  readonly id: string;
  readonly name: string;
  readonly skills: readonly string[];
  /** Where a shift begins and ends. */
  readonly homeSite: string;
  readonly shifts: readonly Shift[];
  readonly costPerHour: number;
}

/** A technician is at work elsewhere. Travel comes on top. */
export interface Occupation {
  readonly technicianId: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly site: string;
}

/** A device is down, or must not go down. */
export interface Window {
  readonly fromMs: number;
  readonly toMs: number;
  /** For people: `pump-01 is down`. */
  readonly reason: string;
}

export interface Job {
  readonly deviceId: string;
  readonly site: string;
  /** Each must be had by somebody of the crew. */
  readonly skills: readonly string[];
  readonly durationMinutes: number;
  readonly parts: readonly { readonly component: string; readonly quantity: number }[];
  readonly risk: FailureRisk;
  /** Work that begins later is late. It is not forbidden: the risk says what it costs. */
  readonly dueInHours: number;
}

/** Weibull: the chance that the machine has failed after t hours is 1 - 0.9^((t / b10Hours)^shape). */
export interface FailureRisk {
  /** Hours after which one such machine in ten has failed. */
  readonly b10Hours: number;
  /** 1: as likely at any hour; above 1: more likely as time goes by. */
  readonly shape: number;
  /** What a failure in service costs beyond the repair. */
  readonly failureCost: number;
}

export interface PlanningProblem {
  readonly job: Job;
  readonly nowMs: number;
  readonly parts: readonly Part[];
  readonly technicians: readonly Technician[];
  readonly occupations: readonly Occupation[];
  readonly travelMinutes: (from: string, to: string) => number;
  /** What an hour of standstill costs, by hour of the day (UTC): 24 numbers. */
  readonly downtimeCostByHour: readonly number[];
  readonly blocked: readonly Window[];
  /** Work begins not before; default now. */
  readonly notBeforeMs?: number;
  /** Work begins at whole multiples of it. */
  readonly gridMinutes: number;
  readonly horizonDays: number;
}

/** The largest problem that is searched; beyond it planning fails with `problem-too-large`. */
export const LIMITS = {
  technicians: 500,
  skills: 8,
  components: 4,
  alternatives: 8,
  starts: 4_000,
} as const;
