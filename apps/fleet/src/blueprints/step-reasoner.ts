import type { ReasonerConfig, ReasoningTask } from '@shoal/reasoner';
import { StepError, type StepContext } from '@shoal/workflow';

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
  config: ReasonerConfig,
  context: StepContext,
  task: ReasoningTask<T>,
): Promise<Reasoned<T>> {
  // Loaded only where a model is configured: most processes of the fleet never need it.
  const { createReasoner, isReasonerError, retainedLedger, retainedRecords } =
    await import('@shoal/reasoner');
  const { org, unit, link, logger, sessionId, stepId, attempt, signal } = context;
  const agentId = `${sessionId}.${stepId}`;
  const reasoner = await createReasoner(config, {
    agentId,
    logger,
    records: retainedRecords({ link, org, unit }),
    ledger: retainedLedger({ link, org, unit, agentId }),
  }).catch((error: unknown) => {
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
