// Settings of the whole-cluster tests. All files share one real cluster: the quiet ones, which stay in namespaces of their own, run beside
// each other; then, one after the other, those that kill processes, restart machines or change nodes.
//
// The run is made twice. The second, on three control planes with a real etcd, repeats only what could come out differently there:
// what the store answers through every verb of kubectl, and what is left of a cluster after a restart.
import { defineConfig } from 'vitest/config';

const store = process.env.KUBE_LABS_STORE === 'etcd' ? 'etcd' : 'store';
const DISRUPTIVE = [
  'static-pods',
  'kubelet',
  'cadvisor',
  'kube-proxy',
  'scheduler',
  'node',
  'controller-manager',
  'node-failure',
  'cluster',
].map((name) => `concepts/${name}.test.ts`);
const ON_ETCD = ['kubectl', 'secret', 'cluster', 'control-planes'].map(
  (name) => `concepts/${name}.test.ts`,
);
const quiet = store === 'etcd' ? ON_ETCD : ['concepts/**/*.test.ts'];
const disruptive =
  store === 'etcd'
    ? ON_ETCD.filter((file) => /cluster|control-planes/.test(file))
    : [...DISRUPTIVE, 'launcher/**/*.test.ts'];
/** They end what hangs: a test on real containers takes as long as its machine. */
const timeouts = { testTimeout: 240_000, hookTimeout: 400_000 };

export default defineConfig({
  test: {
    globalSetup: ['./support/cluster.ts'],
    teardownTimeout: 300_000,
    reporters: ['default', ['json', { outputFile: `.vitest/results-${store}.json` }]],
    projects: [
      {
        extends: true,
        test: {
          ...timeouts,
          name: 'quiet',
          include: quiet,
          exclude: [...DISRUPTIVE, 'concepts/control-planes.test.ts'],
          maxWorkers: 3,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          ...timeouts,
          name: 'disruptive',
          include: disruptive,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
