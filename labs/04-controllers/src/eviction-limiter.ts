// EvictionLimiter: how fast nodes may lose their Pods.
//
// One dead node is emptied at once, the next ten seconds later: what looks like many failures in a row is often one
// failure of the network. With many nodes gone it goes slower still, or, in a small cluster, not at all.
//
// Upstream: kubernetes, pkg/controller/nodelifecycle (RateLimitedTimedQueue, handleDisruption), there for each zone.

import type { Disruption } from './node-health.ts';
import type { ControllerOptions } from './options.ts';

type Rates = Pick<
  ControllerOptions,
  'nodeEvictionRate' | 'secondaryNodeEvictionRate' | 'largeClusterSizeThreshold'
>;

export class EvictionLimiter {
  readonly #rates: Rates;
  #takenAtMs = Number.NEGATIVE_INFINITY;
  #last: Disruption = 'normal';

  constructor(rates: Rates) {
    this.#rates = rates;
  }

  /** Whether one more node may be emptied now. */
  mayEmpty(nowMs: number, nodeCount: number, disruption: Disruption): boolean {
    const rate = this.#rateOf(nodeCount, disruption);
    return rate > 0 && nowMs - this.#takenAtMs >= 1_000 / rate;
  }

  /** To be called when it is done. */
  emptied(nowMs: number): void {
    this.#takenAtMs = nowMs;
  }

  /** True once, when the first node is heard of again after all had fallen silent. */
  leftFullDisruption(disruption: Disruption): boolean {
    const left = this.#last === 'full' && disruption !== 'full';
    this.#last = disruption;
    return left;
  }

  #rateOf(nodeCount: number, disruption: Disruption): number {
    const { nodeEvictionRate, secondaryNodeEvictionRate, largeClusterSizeThreshold } = this.#rates;
    if (disruption === 'normal') return nodeEvictionRate;
    if (disruption === 'full') return 0;
    return nodeCount > largeClusterSizeThreshold ? secondaryNodeEvictionRate : 0;
  }
}
