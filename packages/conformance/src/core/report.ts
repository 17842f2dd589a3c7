import { EXTENDED_PARTS, type Part, type Requirement, type Role } from './requirement.ts';

export type Status = 'passed' | 'failed' | 'notRun';

export interface ScenarioResult {
  readonly id: string;
  readonly title: string;
  readonly role: Role;
  readonly requirements: readonly string[];
  readonly status: Status;
  /** Why it failed or did not run. */
  readonly reason?: string;
  readonly durationMs: number;
  /** Of a failed one: the packets, one a line, secrets hidden. */
  readonly trace?: readonly string[];
}

/** `Core`: every MUST of the core part that is this role's was seen to hold. `Extended`: and those of one optional part. */
export type BadgeLevel = 'none' | 'Core' | 'Extended';

export interface RoleReport {
  readonly passed: number;
  readonly failed: number;
  readonly notRun: number;
  readonly level: BadgeLevel;
  /** The optional parts that hold. */
  readonly extended: readonly Part[];
  /** Requirements that keep it from Core, and the scenarios that failed or did not run. */
  readonly missing: readonly string[];
}

export interface Report {
  readonly subject: string;
  readonly broker: string;
  readonly passed: number;
  readonly failed: number;
  readonly notRun: number;
  /** The lowest level of the roles that were tested. */
  readonly level: BadgeLevel;
  readonly roles: Readonly<Partial<Record<Role, RoleReport>>>;
  readonly scenarios: readonly ScenarioResult[];
}

const LEVELS: readonly BadgeLevel[] = ['none', 'Core', 'Extended'];

export function buildReport(
  about: { readonly subject: string; readonly broker: string },
  scenarios: readonly ScenarioResult[],
  requirements: readonly Requirement[],
): Report {
  const roles = [...new Set(scenarios.map(({ role }) => role))];
  const reports = roles.map((role) => [role, reportRole(role, scenarios, requirements)] as const);
  const lowest = Math.min(...reports.map(([, { level }]) => LEVELS.indexOf(level)), LEVELS.length - 1);
  return {
    ...about,
    ...counts(scenarios),
    level: reports.length === 0 ? 'none' : (LEVELS[lowest] as BadgeLevel),
    roles: Object.fromEntries(reports),
    scenarios,
  };
}

function counts(scenarios: readonly ScenarioResult[]) {
  const count = (wanted: Status): number => scenarios.filter(({ status }) => status === wanted).length;
  return { passed: count('passed'), failed: count('failed'), notRun: count('notRun') };
}

function reportRole(
  role: Role,
  scenarios: readonly ScenarioResult[],
  requirements: readonly Requirement[],
): RoleReport {
  const own = scenarios.filter((scenario) => scenario.role === role);
  const missing = (part: Part): string[] => gaps(part, role, own, requirements);
  const core = missing('core');
  const extended = EXTENDED_PARTS.filter(
    (part) => own.some((scenario) => isOf(part, scenario, requirements)) && missing(part).length === 0,
  );
  const level = core.length > 0 ? 'none' : extended.length > 0 ? 'Extended' : 'Core';
  return { ...counts(own), level, extended, missing: core };
}

/** The MUSTs of a part that were not seen to hold: every scenario of such a requirement has to pass, and there has to be one. */
function gaps(
  part: Part,
  role: Role,
  own: readonly ScenarioResult[],
  requirements: readonly Requirement[],
): string[] {
  const musts = requirements.filter(
    (one) => one.part === part && one.roles.includes(role) && one.level === 'MUST',
  );
  const optional = requirements.filter((one) => one.part === part && one.roles.includes(role));
  return (part === 'core' ? musts : optional).flatMap(({ id }) => {
    const open = own.filter(({ requirements, status }) => requirements.includes(id) && status !== 'passed');
    return open.length === 0 ? [] : [`${id}: ${open.map((one) => `${one.id} ${one.status}`).join(', ')}`];
  });
}

function isOf(part: Part, scenario: ScenarioResult, requirements: readonly Requirement[]): boolean {
  return requirements.some((one) => one.part === part && scenario.requirements.includes(one.id));
}
