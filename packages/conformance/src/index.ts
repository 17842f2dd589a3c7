export { REQUIREMENTS } from './core/requirements.ts';
export { EXTENDED_PARTS } from './core/requirement.ts';
export type { Level, Part, Requirement, Role } from './core/requirement.ts';
export { SCENARIOS } from './scenarios/index.ts';
export type { Scenario } from './scenarios/scenario.ts';

export { runConformance, subjectOf } from './io/run-conformance.ts';
export type { ConformanceOptions, ConformanceResult } from './io/run-conformance.ts';
export type { RunOptions, RunSubject } from './io/run.ts';
export { commandLaunch } from './io/subject.ts';
export type { Launch, Subject } from './io/subject.ts';

export { parseManifest } from './core/manifest.ts';
export {
  REQUESTER_OFFERS,
  REQUESTER_OPERATIONS,
  RESPONDER_OFFERS,
  RESPONDER_VARIANTS,
} from './core/manifest.ts';
export type {
  Manifest,
  RequesterManifest,
  RequesterOffer,
  RequesterOperation,
  ResponderManifest,
  ResponderOffer,
  ResponderVariant,
  SubjectCommand,
} from './core/manifest.ts';
export { judge, parseExpectedFailures } from './core/expectations.ts';
export type { ExpectedFailures, Verdict } from './core/expectations.ts';
export type { BadgeLevel, Report, RoleReport, ScenarioResult, Status } from './core/report.ts';
export { reportAsText } from './core/report-text.ts';
export { reportAsJunit } from './core/report-junit.ts';
export { ConformanceError } from './core/conformance-error.ts';
export type { ConformanceErrorCode } from './core/conformance-error.ts';
