import { defineBlueprint, StepError, type Blueprint, type StepContext } from '@shoal/workflow';

/** Work of a few milliseconds whose output depends on the graph alone, so that every order of events must end alike. */
export function blueprintsOf(
  pauseMs: () => number,
  acted: (context: StepContext) => void,
): readonly Blueprint[] {
  const pause = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, pauseMs()));
  return [
    defineBlueprint({
      id: 'work',
      description: 'Works for a moment.',
      run: async (context) => {
        const { stepId, results, needs, signal } = context;
        await pause();
        signal.throwIfAborted();
        acted(context);
        const inputs = Object.keys(needs)
          .sort()
          .filter((id) => results[id] !== undefined);
        await pause();
        return { output: inputs.length === 0 ? stepId : `${stepId}<${inputs.join('+')}` };
      },
    }),
    defineBlueprint({
      id: 'plain',
      description: 'Works for a moment, whatever came before.',
      run: async ({ stepId }) => {
        await pause();
        return { output: stepId };
      },
    }),
    defineBlueprint({
      id: 'fails',
      description: 'Always fails, and says so.',
      run: async () => {
        await pause();
        throw new StepError('BROKEN', 'it is broken');
      },
    }),
    defineBlueprint({
      id: 'flaky',
      description: 'Fails before its third attempt.',
      run: async ({ attempt }) => {
        await pause();
        if (attempt < 3) throw new StepError('FLAKY', 'not yet', { retryable: true });
        return { output: 'at last' };
      },
    }),
  ];
}
