import { defineBlueprint, runSpawned } from '@shoal/workflow';

/** A step in a process of its own, so that a test can kill it. The first attempt works until that happens. */
await runSpawned({
  blueprints: [
    defineBlueprint({
      id: 'listen',
      description: 'Listens to a machine. The first time it never ends.',
      run: async ({ attempt, signal }) => {
        if (attempt === 1)
          await new Promise((_, reject) =>
            signal.addEventListener('abort', () => reject(signal.reason as Error)),
          );
        return { output: { attempt, loudness: 61 }, summary: `heard in attempt ${attempt}` };
      },
    }),
  ],
});
