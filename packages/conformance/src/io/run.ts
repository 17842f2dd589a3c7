import { randomBytes } from 'node:crypto';
import { NotRun } from '../core/conformance-error.ts';
import type { RequesterManifest, ResponderManifest } from '../core/manifest.ts';
import type { Role } from '../core/requirement.ts';
import type { ScenarioResult } from '../core/report.ts';
import { SCENARIOS } from '../scenarios/index.ts';
import type { RequesterScenario, Scenario } from '../scenarios/scenario.ts';
import { BrokerStage } from './broker-stage.ts';
import { RequesterStage } from './requester-stage.ts';
import { performScenario, type Performance } from './perform.ts';
import { ResponderRun } from './responder-run.ts';
import type { StageOptions } from './stage.ts';
import type { Launch } from './subject.ts';
import { SubscriberStage } from './subscriber-stage.ts';

export interface RunSubject {
  readonly responder?: Pick<ResponderManifest, 'offers' | 'variants'> & { readonly launch: Launch };
  readonly requester?: Pick<RequesterManifest, 'offers' | 'operations'> & { readonly launch: Launch };
  readonly subscriber?: { readonly launch: Launch };
}

export interface RunOptions extends RunSubject {
  /** `mqtt://` or `mqtts://`. */
  readonly broker: string;
  /** PEM of an authority to trust. */
  readonly ca?: string;
  readonly roles: readonly Role[];
  /** Ids, or beginnings of ids (`V30` is all that begins with `V30.`). Unset: all. */
  readonly only?: readonly string[];
  /** Default `conformance`. */
  readonly org?: string;
  /** Default: a new one for each run. */
  readonly unit?: string;
  /** How long to wait for what has to come. Default 5 000. */
  readonly timeoutMs?: number;
  /** How long to wait for what must not come. Default 300. */
  readonly quietMs?: number;
  /** Scenarios at once. Default 4. */
  readonly concurrency?: number;
  readonly onResult?: (result: ScenarioResult) => void;
}

/** Runs the scenarios of the roles, those that wait longest first. A scenario that fails is a result; what rejects is the kit's own trouble. */
export async function runScenarios(options: RunOptions): Promise<ScenarioResult[]> {
  const stageOptions: StageOptions = {
    url: options.broker,
    org: options.org ?? 'conformance',
    unit: options.unit ?? `u${randomBytes(4).toString('hex')}`,
    timeoutMs: options.timeoutMs ?? 5_000,
    quietMs: options.quietMs ?? 300,
    ...(options.ca === undefined ? {} : { ca: options.ca }),
  };
  let numbers = 0;
  const count = (): number => (numbers += 1);
  const chosen = SCENARIOS.filter(
    ({ id, role }) => options.roles.includes(role) && isChosen(id, options.only),
  ).toSorted((a, b) => (b.extraMs ?? 0) - (a.extraMs ?? 0));
  const responderRun = new ResponderRun(stageOptions, count, options.responder);
  const results = new Map<string, ScenarioResult>();
  const record = (result: ScenarioResult): void => {
    results.set(result.id, result);
    options.onResult?.(result);
  };
  const perform = (scenario: Scenario): Promise<ScenarioResult> => {
    if (scenario.role === 'responder') return responderRun.perform(scenario);
    return performScenario(scenario, stageOptions, () =>
      performanceOf(scenario, options, stageOptions, count),
    );
  };
  const isLate = (scenario: Scenario): boolean => scenario.role === 'responder' && scenario.last === true;
  try {
    await inParallel(
      chosen.filter((scenario) => !isLate(scenario)),
      options.concurrency ?? 4,
      async (scenario) => {
        const result = await perform(scenario);
        if (!responderRun.again.has(scenario.id)) record(result);
      },
    );
    await inParallel(
      chosen.filter(({ id }) => responderRun.again.has(id)),
      options.concurrency ?? 4,
      async (scenario) => record(await perform(scenario)),
    );
    for (const scenario of chosen.filter(isLate)) record(await perform(scenario));
  } finally {
    await responderRun.end();
  }
  return SCENARIOS.flatMap(({ id }) => results.get(id) ?? []);
}

function isChosen(id: string, only: readonly string[] | undefined): boolean {
  return only === undefined || only.some((wanted) => id === wanted || id.startsWith(`${wanted}.`));
}

async function inParallel<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

function performanceOf(
  scenario: Exclude<Scenario, { role: 'responder' }>,
  options: RunOptions,
  stageOptions: StageOptions,
  count: () => number,
): Performance {
  if (scenario.role === 'broker') {
    const stage = new BrokerStage(stageOptions, count);
    return { stage, run: () => scenario.run(stage) };
  }
  if (scenario.role === 'subscriber') {
    if (options.subscriber === undefined) throw new NotRun('no subscriber was given');
    const stage = new SubscriberStage(stageOptions, count, options.subscriber.launch);
    return { stage, run: () => scenario.run(stage) };
  }
  const { requester } = options;
  if (requester === undefined) throw new NotRun('no requester was given');
  for (const need of requesterNeeds(scenario))
    if (![...requester.operations, ...requester.offers].some((offer) => offer === need))
      throw new NotRun(`the subject does not offer ${need}`);
  const stage = new RequesterStage(stageOptions, count, requester.launch, requester);
  return { stage, run: () => scenario.run(stage) };
}

function requesterNeeds({ operation, offers = [] }: RequesterScenario): readonly string[] {
  return [...(operation === undefined ? [] : [operation]), ...offers];
}
