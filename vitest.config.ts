import { defineConfig } from 'vitest/config';

export default defineConfig({
  ssr: { resolve: { conditions: ['@shoal/source', 'node', 'development|production'] } },
  test: {
    include: ['{protocol,packages/*,apps/*,tools}/{src,test,contract}/**/*.test.ts'],
    reporters: ['default', './tools/src/vitest-closing-line.ts'],
    testTimeout: 20_000,
    hookTimeout: 20_000,
    // What a condition may take on a busy machine; one second is the default.
    expect: { poll: { timeout: 15_000 } },
    pool: 'forks',
  },
});
