/** The program of an instance whose work only ends when it is aborted. */
import { consoleLogger } from '@shoal/mqtt-link';
import { defineBlueprint, runSpawned } from '../src/index.ts';

await runSpawned({
  logger: consoleLogger('error'),
  blueprints: [
    defineBlueprint({
      id: 'work',
      description: 'Waits for its end.',
      run: ({ signal }) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
    }),
  ],
});
