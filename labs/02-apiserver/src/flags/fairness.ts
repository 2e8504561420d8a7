// Fairness flags: how many requests are under way at once.
//
// Same names upstream: apiserver, server/options/server_run_options.go; the defaults are ours, see fairness/build-flow-controller.ts.

import {
  buildFlowController,
  DEFAULT_MUTATING_REQUESTS_IN_FLIGHT,
  DEFAULT_REQUESTS_IN_FLIGHT,
} from '../fairness/build-flow-controller.ts';
import type { FlagGroup } from './flag-group.ts';
import { booleanOf, defined, numberOf } from './values.ts';

export const fairnessFlags: FlagGroup = {
  title: 'Fairness flags:',
  add(command) {
    command
      .option(
        '--enable-priority-and-fairness [boolean]',
        'when more requests come than are served at once, clients take turns',
        'true',
      )
      .option(
        '--max-requests-inflight <n>',
        'requests that only read, at once (upstream: 400)',
        String(DEFAULT_REQUESTS_IN_FLIGHT),
      )
      .option(
        '--max-mutating-requests-inflight <n>',
        'requests that write, at once; both numbers together are shared (upstream: 200)',
        String(DEFAULT_MUTATING_REQUESTS_IN_FLIGHT),
      );
  },
  options(flags) {
    if (booleanOf(flags, '--enable-priority-and-fairness') === false) return {};
    const limits = defined({
      maxRequestsInFlight: numberOf(flags, '--max-requests-inflight', { min: 1 }),
      maxMutatingRequestsInFlight: numberOf(flags, '--max-mutating-requests-inflight', { min: 1 }),
    });
    return { flowController: buildFlowController(limits) };
  },
};
