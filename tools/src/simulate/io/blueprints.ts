import { defineBlueprint, StepError, type Blueprint } from '@shoal/workflow';
import type { World } from './world.ts';

/** Work of a few virtual milliseconds whose output depends on the graph alone, so that every order of events must end alike. */
export function blueprintsOf(world: World, acted: (stepId: string) => void): readonly Blueprint[] {
  const pause = (): Promise<void> =>
    new Promise((resolve) => void setTimeout(resolve, world.random.between(2, 60)));
  return [
    defineBlueprint({
      id: 'work',
      description: 'Works for a moment.',
      run: async ({ stepId, results, needs, signal }) => {
        await pause();
        signal.throwIfAborted();
        acted(stepId);
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
