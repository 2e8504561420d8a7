// The tests that judge mutants: fast ones that start nothing. One of some thousand mutants is one run of those that reach it.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: [
      'test/{admission,back-off,container-gc,deadline,eviction,image-puller,init-containers,node-status,pod-status}.test.ts',
      'test/{probe-state,prober,pull-secrets,rank,restarts,shutdown-groups,sidecars,static-pod,sync-pod}.test.ts',
      'test/steps/{2,3,4,7,8}-*.test.ts',
    ],
    // Files share what they import: a mutant of what is made at the start, a table or a pattern, is judged by all of them.
    isolate: false,
    testTimeout: 2_000,
    env: { SEED: '1' },
  },
});
