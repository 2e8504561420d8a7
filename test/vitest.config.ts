// Settings of the whole-cluster tests. All files share one real cluster: the quiet ones, which stay in namespaces of their own, run beside
// each other; then, one after the other, those that kill processes, restart machines or change nodes.
import { defineConfig } from 'vitest/config';

const store = process.env.KUBE_LABS_STORE === 'etcd' ? 'etcd' : 'in-process';
const DISRUPTIVE = [
  'kubelet',
  'cadvisor',
  'kube-proxy',
  'scheduler',
  'node',
  'controller-manager',
  'node-failure',
  'cluster',
].map((name) => `concepts/${name}.test.ts`);
const timeouts = { testTimeout: 120_000, hookTimeout: 240_000 };

export default defineConfig({
  test: {
    globalSetup: ['./support/cluster.ts'],
    teardownTimeout: 120_000,
    reporters: ['default', ['json', { outputFile: `.vitest/results-${store}.json` }]],
    projects: [
      {
        extends: true,
        test: {
          ...timeouts,
          name: 'quiet',
          include: ['concepts/**/*.test.ts'],
          exclude: DISRUPTIVE,
          maxWorkers: 3,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          ...timeouts,
          name: 'disruptive',
          include: [...DISRUPTIVE, ...(store === 'etcd' ? [] : ['launcher/**/*.test.ts'])],
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
