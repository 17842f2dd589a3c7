import { defineConfig } from 'vitest/config';

/** The console in a real browser, against real brokers and agents: `pnpm --filter @shoal/console e2e`. */
export default defineConfig({
  root: import.meta.dirname,
  ssr: { resolve: { conditions: ['@shoal/source', 'node', 'development|production'] } },
  test: {
    include: ['test/*.e2e.ts'],
    globalSetup: ['test/build-once.ts'],
    reporters: ['default', '../../tools/src/vitest-closing-line.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: 'forks',
    // One browser and one fleet at a time.
    fileParallelism: false,
  },
});
