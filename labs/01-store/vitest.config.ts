// Test settings of this lab: the ones that all labs share, with the two files first that wait for etcdctl's and etcd's own timers.
import { mergeConfig } from 'vitest/config';
import { longFirst } from '../../test/long-first.ts';
import shared from '../../test/vitest.shared.ts';

export default mergeConfig(shared, {
  test: { sequence: { sequencer: longFirst('/etcdctl-perf.test.ts', '/failover.test.ts') } },
});
