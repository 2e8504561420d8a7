// Test settings of this lab: the ones that all labs share, with the files first that wait for kubectl's own timers.
import { mergeConfig } from 'vitest/config';
import { longFirst } from '../../test/long-first.ts';
import shared from '../../test/vitest.shared.ts';

export default mergeConfig(shared, {
  test: {
    sequence: {
      sequencer: longFirst('/contract/kubectl.test.ts', '/contract/resources-kubectl.test.ts'),
    },
  },
});
