import type {
  FailurePolicy,
  JoinRule,
  PlannedStep,
  RecordError,
  StepResult,
  StepResultState,
} from '@shoal/protocol';

export type Readiness =
  | { readonly ready: 'yes' }
  /** `untilMs`: the join's own deadline, once the first of the needs has ended. */
  | { readonly ready: 'waiting'; readonly for: readonly string[]; readonly untilMs?: number }
  | { readonly ready: 'never'; readonly state: StepResultState; readonly error: RecordError };

type Edge = PlannedStep['needs'][number];

/**
 * May the step run? With `join: all` it waits until every need has ended, even when one has failed already: which error it names
 * then never depends on who was first.
 */
export function readinessOf(
  step: PlannedStep,
  resultOf: (stepId: string) => StepResult | undefined,
  now: number,
): Readiness {
  if (step.needs.length === 0) return { ready: 'yes' };
  if (step.join === 'all') {
    // The usual case, asked again at every change.
    let missing: string[] | undefined;
    let allMet = true;
    for (const edge of step.needs) {
      const result = resultOf(edge.step);
      if (result === undefined) (missing ??= []).push(edge.step);
      else allMet &&= satisfies(edge, result);
    }
    if (missing !== undefined) return { ready: 'waiting', for: missing };
    if (allMet) return { ready: 'yes' };
  }
  const edges = step.needs.map((edge) => ({ edge, result: resultOf(edge.step) }));
  const pending = edges.filter(({ result }) => result === undefined).map(({ edge }) => edge.step);
  const satisfied = edges.filter(({ edge, result }) => result !== undefined && satisfies(edge, result));
  const rule = ruleOf(step);
  const required = requiredCount(step);
  const forAll = rule.atLeast === undefined && rule.percent === undefined;
  if (satisfied.length >= required && (!forAll || pending.length === 0)) return { ready: 'yes' };
  if (pending.length > 0) {
    const ends = edges.flatMap(({ result }) => (result === undefined ? [] : [Date.parse(result.at)]));
    return whilePending(rule, pending, ends, now, `${satisfied.length} of ${required} needs are met`);
  }
  const culprit = edges.find(({ edge, result }) => result !== undefined && !satisfies(edge, result));
  return {
    ready: 'never',
    state: 'skipped',
    error: blocked(culprit?.edge.step ?? '', culprit?.result, satisfied.length, required),
  };
}

/** The join's deadline counts from the end of the first of the needs: before that there is nothing to join. */
function whilePending(
  rule: JoinRule,
  pending: readonly string[],
  ends: readonly number[],
  now: number,
  met: string,
): Readiness {
  if (rule.withinSeconds === undefined || ends.length === 0) return { ready: 'waiting', for: pending };
  const untilMs = Math.min(...ends) + rule.withinSeconds * 1000;
  if (now < untilMs) return { ready: 'waiting', for: pending, untilMs };
  if (rule.onTimeout === 'run') return { ready: 'yes' };
  const message = `${met}, ${rule.withinSeconds} s after the first; still missing: ${pending.join(', ')}`;
  return { ready: 'never', state: 'failed', error: { code: 'JOIN_TIMEOUT', message } };
}

function ruleOf(step: PlannedStep): JoinRule {
  if (step.join === 'all') return {};
  return step.join === 'any' ? { atLeast: 1 } : step.join;
}

/** How many needs must be met. */
export function requiredCount(step: Pick<PlannedStep, 'join' | 'needs'>): number {
  const rule = ruleOf(step as PlannedStep);
  if (rule.percent !== undefined) return Math.ceil((step.needs.length * rule.percent) / 100);
  return rule.atLeast ?? step.needs.length;
}

function satisfies(edge: Edge, result: StepResult): boolean {
  return result.state === 'completed' || edge.onFailure === 'continue';
}

function blocked(stepId: string, result: StepResult | undefined, have: number, want: number): RecordError {
  const code =
    result?.state === 'skipped' || result?.state === 'canceled' ? 'UPSTREAM_SKIPPED' : 'UPSTREAM_FAILED';
  const why = result?.error === undefined ? '' : ` (${result.error.code})`;
  return {
    code,
    message: `step ${stepId} is ${result?.state ?? 'missing'}${why}; ${have} of ${want} needs are met`,
  };
}

/** What the step's failure does: the policy of each edge out of it, or without edges its own. */
export function policiesOf(step: PlannedStep, steps: readonly PlannedStep[]): readonly FailurePolicy[] {
  const policies = steps.flatMap((other) =>
    other.needs.filter((edge) => edge.step === step.id).map((edge) => edge.onFailure),
  );
  return policies.length > 0 ? policies : [step.onFailure];
}

/** Does the failure of `step` leave the session whole? Every edge out of it must say so; without edges its own policy does. */
export function isTolerated(step: PlannedStep, steps: readonly PlannedStep[]): boolean {
  return policiesOf(step, steps).every((policy) => policy === 'skip' || policy === 'continue');
}
