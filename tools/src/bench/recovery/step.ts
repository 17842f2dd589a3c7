/** The program of an instance that is killed: a child process, or a thread. */
import { isMainThread } from 'node:worker_threads';
import { defineBlueprint, runSpawned } from '@shoal/workflow';
import { DIE_TOPIC, workUntilKilled } from './told.ts';

await runSpawned({
  blueprints: [
    defineBlueprint({
      id: 'work',
      description: 'Works until it is killed.',
      run: async (context) => {
        // A thread cannot be killed from outside its process.
        if (!isMainThread && context.attempt === 1)
          await context.link.subscribe(DIE_TOPIC, (message) => {
            if (message.text() === context.sessionId) process.exit(9);
          });
        return workUntilKilled(context);
      },
    }),
  ],
});
