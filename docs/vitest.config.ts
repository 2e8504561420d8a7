// Test settings of the course: the ones that all labs share, without the tests inside the fixtures, which are run by the command.
import { mergeConfig } from 'vitest/config';
import shared from '../test/vitest.shared.ts';

export default mergeConfig(shared, {
  test: {
    // Most of these tests start processes one after the other: up to twenty, each with a vitest of its own.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    exclude: ['**/node_modules/**', 'test/**/fixtures/**'],
    // Some of these tests wait until a lesson of theirs is out of time.
    env: { KUBE_LABS_PATIENCE: '1' },
  },
});
