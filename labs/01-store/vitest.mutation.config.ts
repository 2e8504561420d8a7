// The tests that judge mutants: fast ones, on stores in this process. One of a thousand mutants is one run of these.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: [
      'test/{key-index,ordered-map,watch-hub,lease,quota,store-bad-input,checkpoints,preallocate}.test.ts',
      'test/*-cases.test.ts',
      'test/steps/[1-7]*.test.ts',
      'test/mutation/*.ts',
    ],
    testTimeout: 10_000,
    env: { SEED: '1' },
  },
});
