// Settings of the whole-cluster tests: one file at a time, as each drives real containers; long time-outs, as images and nodes start.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 240_000,
    fileParallelism: false,
    reporters: ['default', ['json', { outputFile: '.vitest/results.json' }]],
  },
});
