// pod-resources: what a pod asks for as a whole, and may use.
//
// Its containers run beside each other, its init containers one after the other before them: so it is the sum of the former, or the
// largest of the latter, whichever is more. An init container that keeps running (restartPolicy Always) counts with all that comes after it.
// The overhead of the runtime comes on top.
//
// Same rule upstream: component-helpers, resource/helpers.go (PodRequests, PodLimits). Left out: resources of the pod as a whole, and
// what a resize has not reached yet.

import type { Container, PodSpec } from '../strategy/pod-types.ts';
import { combine, larger, plus, type Sum, type Sums, sumsOf } from './amounts.ts';

export type ResourceList = 'requests' | 'limits';

/** For limits, a name is there as soon as one container limits it. */
export function podResources(spec: PodSpec, which: ResourceList): Sums {
  const own = (container: Container): Sums => sumsOf(container.resources?.[which]);
  let running = combine((spec.containers ?? []).map(own), plus);
  let sidecars: Sums = new Map();
  let starting: Sums = new Map();
  for (const container of spec.initContainers ?? []) {
    const stays = container.restartPolicy === 'Always';
    if (stays) running = combine([running, own(container)], plus);
    const during = combine([own(container), sidecars], plus);
    if (stays) sidecars = during;
    starting = combine([starting, during], larger);
  }
  const total = combine([running, starting], larger);
  const overhead = sumsOf(spec.overhead as Record<string, string> | undefined);
  // A limit of nothing is no limit: the overhead alone makes none.
  const added = which === 'requests' ? [...overhead] : [...overhead].filter(([n]) => total.has(n));
  return combine([total, new Map<string, Sum>(added)], plus);
}
