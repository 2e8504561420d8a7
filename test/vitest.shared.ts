// Test settings that every lab shares: no globals, timeouts, and a results file that the root's runner adds up.
//
// The timeouts end what hangs. They are no measure of speed: a machine may be five times slower than ours, and its disk cold.
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/** As long as the others wait: patience.ts, which cannot be imported where there are no tests. */
const POLL_MS = 20_000;

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: [join(import.meta.dirname, 'patience.ts')],
    expect: { poll: { timeout: POLL_MS } },
    env: { KUBE_LABS_PATIENCE: '12' },
    testTimeout: 120_000,
    hookTimeout: 120_000,
    teardownTimeout: 30_000,
    maxWorkers: 2,
    reporters: ['default', ['json', { outputFile: '.vitest/results.json' }]],
  },
});
