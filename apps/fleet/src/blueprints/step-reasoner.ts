import type { ReasoningTask } from '@shoal/reasoner';
import { StepError, type StepContext } from '@shoal/workflow';
import { openReasoner, type ReasonerSetup } from './open-reasoner.ts';

/** The steps of the workflow have 60 s, in which the rules still have to answer when the model does not. */
const LONGEST_MS = 40_000;

export interface Reasoned<T> {
  readonly output: T;
  /** `rules`, or provider and name of the model. */
  readonly by: string;
  /** Why the rules decided although there is a model. */
  readonly fallback?: string;
}

/**
 * Decides something in the name of a step, on record and within the budgets of the session and the fleet. A budget that is used up
 * fails the step with BUDGET_EXHAUSTED, unless the config says that the rules will do.
 */
export async function reason<T>(
  setup: ReasonerSetup,
  context: StepContext,
  task: ReasoningTask<T>,
): Promise<Reasoned<T>> {
  const { isReasonerError } = await import('@shoal/reasoner');
  const { org, unit, link, logger, sessionId, stepId, attempt, signal } = context;
  const agentId = `${sessionId}.${stepId}`;
  const owner = { org, unit, agentId, link, logger };
  const reasoner = await openReasoner(inTime(setup), owner).catch((error: unknown) => {
    throw new StepError('REASONER_UNUSABLE', error instanceof Error ? error.message : String(error), {
      retryable: false,
    });
  });
  try {
    const decision = await reasoner.decide({ ...task, sessionId, stepId, attempt }, { signal });
    const { output, by, fallback } = decision;
    return {
      output,
      by: by === 'model' ? (reasoner.model ?? 'model') : 'rules',
      ...(fallback === undefined ? {} : { fallback: `${fallback.code}: ${fallback.message}` }),
    };
  } catch (error) {
    if (isReasonerError(error, 'budget-exhausted'))
      throw new StepError('BUDGET_EXHAUSTED', error.message, { retryable: false });
    throw error;
  } finally {
    await reasoner.close();
  }
}

function inTime({ config, llamaModule }: ReasonerSetup): ReasonerSetup {
  if (config.kind === 'rules') return { config, llamaModule };
  const timeoutMs = Math.min(config.timeoutMs ?? LONGEST_MS, LONGEST_MS);
  return { config: { ...config, timeoutMs }, llamaModule };
}
