/** The program of a Pod: waits as long as it is told, and says which step it was. */
import { defineBlueprint, runSpawned } from '@shoal/workflow';

await runSpawned({
  keepAliveSeconds: 1,
  blueprints: [
    defineBlueprint({
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
    }),
  ],
});
