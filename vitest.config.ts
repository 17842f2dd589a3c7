import { defineConfig } from 'vitest/config';

export default defineConfig({
  ssr: { resolve: { conditions: ['@shoal/source', 'node', 'development|production'] } },
  test: {
    include: ['{protocol,packages/*,apps/*,tools}/{src,test,contract}/**/*.test.ts'],
    reporters: ['default', './tools/src/vitest-closing-line.ts'],
    testTimeout: 20_000,
    hookTimeout: 20_000,
    pool: 'forks',
  },
});
