// The tests that judge mutants: fast ones that start nothing. One of some thousand mutants is one run of those that reach it.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: [
      'test/apply/{conflicts,field-set,path-element}.test.ts',
      'test/authz/{escalation,rule-cover,rule-matcher,union}.test.ts',
      'test/client/{deltas,event-correlator,object-cache,rate-limiter,selectors,work-queue}.test.ts',
      'test/codec/{copy-json,quantity,time}.test.ts',
      'test/fairness/fairness.test.ts',
      'test/patch/{apply-patch,json-patch,strategic-merge}.test.ts',
      'test/registry/{continue-token,create,delete-options,deletion,field-selector,label-query,object-filter,object-name,ordered-objects,revision-waiters,same-object,status-scope,watch-index}.test.ts',
      'test/server/request-info.test.ts',
      'test/steps/{1,2,3,4,6}-*.test.ts',
    ],
    // Files share what they import: a mutant of what is made at the start, a table or a pattern, is judged by all of them.
    isolate: false,
    testTimeout: 2_000,
    env: { SEED: '1' },
  },
});
