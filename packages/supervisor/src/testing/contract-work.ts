import { defineBlueprint } from '@shoal/workflow';

/** The blueprint `work` that `SPAWNER_CASES` asks for: waits for `variables.workMs` milliseconds (20), and gives the id of its step. */
export const contractWork = defineBlueprint({
  id: 'work',
  description: 'Works for a while.',
  run: async ({ stepId, variables, signal }) => {
    await new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, Number(variables['workMs'] ?? 20));
      signal.addEventListener('abort', () => {
        clearTimeout(timer);
        reject(signal.reason as Error);
      });
    });
    return { output: stepId };
  },
});
