import {
  ConformanceError,
  runConformance,
  SCENARIOS,
  subjectOf,
  type BadgeLevel,
  type Report,
  type Role,
  type ScenarioResult,
} from '@shoal/conformance';
import { BROKERS } from './brokers.ts';
import { KNOWN_BROKER_GAPS } from './known-broker-gaps.ts';
import { selfManifest } from './subject.ts';

const SDK_ROLES: readonly Role[] = ['responder', 'requester', 'subscriber'];
const LEVELS: readonly BadgeLevel[] = ['none', 'Core', 'Extended'];

/** What `pnpm conformance --self --json` prints. */
export interface SelfReport {
  /** Scenarios of our SDK as responder, requester and subscriber, on all brokers together. */
  readonly passed: number;
  readonly failed: number;
  readonly notRun: number;
  /** The lowest of the brokers that could be had. */
  readonly level: BadgeLevel;
  /** Nothing failed, but for gaps of foreign brokers that are known. */
  readonly ok: boolean;
  readonly brokers: readonly BrokerReport[];
}

export interface BrokerReport {
  readonly name: string;
  readonly passed: number;
  readonly failed: number;
  readonly notRun: number;
  readonly level: BadgeLevel;
  /** Why nothing was run on it. */
  readonly reason?: string;
  readonly roles?: Report['roles'];
  /** What failed or did not run, with reasons. */
  readonly open: readonly Pick<ScenarioResult, 'id' | 'status' | 'reason' | 'trace'>[];
  /** The broker itself as the subject: its level, and what it lacks of the profile's demands. */
  readonly broker?: {
    readonly passed: number;
    readonly failed: number;
    readonly notRun: number;
    readonly level: BadgeLevel;
    readonly extended: readonly string[];
    readonly failures: readonly { readonly id: string; readonly reason: string; readonly known: boolean }[];
    readonly unexpectedPasses: readonly string[];
  };
}

/** `only` names scenarios, `brokerName` one of `BROKERS`; both default to all. */
export async function runSelf(only?: readonly string[], brokerName?: string): Promise<SelfReport> {
  const choices = BROKERS.filter(({ name }) => brokerName === undefined || name === brokerName);
  if (choices.length === 0)
    throw new Error(`--broker: ${brokerName} is none of ${BROKERS.map(({ name }) => name).join('; ')}`);
  const subject = await selfManifest();
  const brokers = await Promise.all(choices.map((choice) => onBroker(choice, subject, only)));
  const sum = (key: 'passed' | 'failed' | 'notRun'): number =>
    brokers.reduce((total, broker) => total + broker[key], 0);
  const had = brokers.filter(({ reason }) => reason === undefined);
  const lowest = Math.min(...had.map(({ level }) => LEVELS.indexOf(level)));
  const brokersAsKnown = had.every(
    ({ broker }) =>
      broker?.failures.every(({ known }) => known) !== false && broker?.unexpectedPasses.length === 0,
  );
  return {
    passed: sum('passed'),
    failed: sum('failed'),
    notRun: sum('notRun'),
    level: LEVELS[lowest] ?? 'none',
    ok: sum('failed') === 0 && had.length > 0 && brokersAsKnown,
    brokers,
  };
}

async function onBroker(
  choice: (typeof BROKERS)[number],
  manifest: Awaited<ReturnType<typeof selfManifest>>,
  only: readonly string[] | undefined,
): Promise<BrokerReport> {
  const { name } = choice;
  const running = await choice.start();
  if ('missing' in running) {
    const count = SCENARIOS.filter(({ role }) => SDK_ROLES.includes(role)).length;
    return { name, passed: 0, failed: 0, notRun: count, level: 'none', reason: running.missing, open: [] };
  }
  const about = {
    broker: running.url,
    brokerName: name,
    concurrency: 3,
    ...(only === undefined ? {} : { only }),
  };
  try {
    const expectedFailures = KNOWN_BROKER_GAPS[name] ?? {};
    const [{ report }, asSubject] = await Promise.all([
      runConformance({ ...about, ...subjectOf(manifest), subjectName: manifest.name, roles: SDK_ROLES }),
      runConformance({
        ...about,
        broker: running.unmendedUrl ?? running.url,
        subjectName: name,
        roles: ['broker'],
        expectedFailures,
      }),
    ]);
    const { passed, failed, notRun, level, roles, scenarios } = report;
    return {
      name,
      passed,
      failed,
      notRun,
      level,
      roles,
      open: scenarios.filter(({ status }) => status !== 'passed'),
      broker: {
        passed: asSubject.report.passed,
        failed: asSubject.report.failed,
        notRun: asSubject.report.notRun,
        level: asSubject.report.level,
        extended: asSubject.report.roles.broker?.extended ?? [],
        failures: asSubject.report.scenarios
          .filter(({ status }) => status === 'failed')
          .map(({ id, reason = '' }) => ({ id, reason, known: id in expectedFailures })),
        unexpectedPasses: asSubject.verdict.unexpectedPasses,
      },
    };
  } catch (error) {
    if (!(error instanceof ConformanceError)) throw error;
    return { name, passed: 0, failed: 1, notRun: 0, level: 'none', reason: error.message, open: [] };
  } finally {
    await running.stop();
  }
}

export function selfAsText(report: SelfReport): string {
  const lines: string[] = [];
  for (const { name, passed, failed, notRun, level, reason, open, broker } of report.brokers) {
    lines.push(
      `Shoal's SDK on ${name}: ${passed} passed, ${failed} failed, ${notRun} not run, level ${level}`,
    );
    if (reason !== undefined) lines.push(`  ${reason}`);
    for (const scenario of open) {
      lines.push(`  ${scenario.status} ${scenario.id}: ${scenario.reason?.split('\n')[0] ?? ''}`);
      if (scenario.status === 'failed') lines.push(...(scenario.trace ?? []).map((line) => `    | ${line}`));
    }
    if (broker === undefined) continue;
    lines.push(
      `  the broker itself: ${broker.passed} passed, ${broker.failed} failed, ${broker.notRun} not run, level ${broker.level} ${broker.extended.join(', ')}`,
    );
    for (const gap of broker.failures)
      lines.push(`  ${gap.known ? 'known gap' : 'FAIL'} ${gap.id}: ${gap.reason.split('\n')[0]}`);
    for (const id of broker.unexpectedPasses) lines.push(`  a known gap is gone: ${id}`);
  }
  lines.push(
    `${report.passed} passed, ${report.failed} failed, ${report.notRun} not run`,
    `level: ${report.level}`,
  );
  return lines.join('\n');
}
