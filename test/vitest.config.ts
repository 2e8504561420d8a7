// Settings of the whole-cluster tests: one file at a time, as they share one real cluster; long time-outs, as images and nodes start.
import { defineConfig } from 'vitest/config';

const store = process.env.KUBE_LABS_STORE === 'etcd' ? 'etcd' : 'in-process';

export default defineConfig({
  test: {
    include:
      store === 'etcd'
        ? ['concepts/**/*.test.ts']
        : ['concepts/**/*.test.ts', 'launcher/**/*.test.ts'],
    globalSetup: ['./support/cluster.ts'],
    testTimeout: 120_000,
    hookTimeout: 240_000,
    teardownTimeout: 120_000,
    fileParallelism: false,
    reporters: ['default', ['json', { outputFile: `.vitest/results-${store}.json` }]],
  },
});
