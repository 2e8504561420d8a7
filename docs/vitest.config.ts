// Test settings of the course: the ones that all labs share, without the tests inside the fixtures, which are run by the command.
import { mergeConfig } from 'vitest/config';
import shared from '../test/vitest.shared.ts';

export default mergeConfig(shared, {
  test: {
    exclude: ['**/node_modules/**', 'test/**/fixtures/**'],
    // Some of these tests wait until a lesson of theirs is out of time.
    env: { KUBE_LABS_PATIENCE: '1' },
  },
});
