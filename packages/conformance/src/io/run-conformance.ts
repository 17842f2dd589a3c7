import { judge, type ExpectedFailures, type Verdict } from '../core/expectations.ts';
import type { Manifest } from '../core/manifest.ts';
import { buildReport, type Report } from '../core/report.ts';
import { REQUIREMENTS } from '../core/requirements.ts';
import { runScenarios, type RunOptions, type RunSubject } from './run.ts';
import { commandLaunch } from './subject.ts';
import { hideLogin } from './wire.ts';

export interface ConformanceOptions extends RunOptions {
  /** Names of the subject and the broker in the report. Default of the broker: its URL, without login. */
  readonly subjectName: string;
  readonly brokerName?: string;
  readonly expectedFailures?: ExpectedFailures;
}

export interface ConformanceResult {
  readonly report: Report;
  readonly verdict: Verdict;
}

/**
 * Runs the scenarios of the roles against a subject and a broker, and judges the outcome. Rejects with ConformanceError
 * `broker-unreachable` before anything is tested when the broker does not answer.
 */
export async function runConformance(options: ConformanceOptions): Promise<ConformanceResult> {
  const results = await runScenarios(options);
  const about = { subject: options.subjectName, broker: options.brokerName ?? hideLogin(options.broker) };
  const report = buildReport(about, results, REQUIREMENTS);
  return { report, verdict: judge(report, options.expectedFailures) };
}

/** The subject that a manifest describes, started as processes. */
export function subjectOf({ responder, requester, subscriber }: Manifest): RunSubject {
  return {
    ...(responder === undefined ? {} : { responder: { ...responder, launch: commandLaunch(responder) } }),
    ...(requester === undefined ? {} : { requester: { ...requester, launch: commandLaunch(requester) } }),
    ...(subscriber === undefined ? {} : { subscriber: { launch: commandLaunch(subscriber) } }),
  };
}
