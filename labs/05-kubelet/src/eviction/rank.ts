// Rank: which pod goes first when the node is short of something. Pure.
//
//   1. who uses more than they asked for      2. the lower priority      3. who uses most above what they asked for
//
// So a pod that stays within its requests goes last whatever else it is, and a best-effort pod, which asked for nothing, among the first.
// Of process ids nobody asks for any, so there it is priority and number. A pod that was not measured goes before others.
//
// Same rule upstream: rankMemoryPressure, rankDiskPressureFunc and rankPIDPressure in kubernetes, pkg/kubelet/eviction/helpers.go.

import { parseQuantity } from '@kube-labs/apiserver';
import type { Container, Pod } from 'kubernetes-types/core/v1';
import { isSidecar } from '../pod/restart-policy.ts';
import { diskBytesOf, inodesOf, type PodUsage } from './pod-usage.ts';
import type { Signal } from './thresholds.ts';

export type Measured = { readonly pod: Pod; readonly usage: PodUsage | undefined };

type Key = (measured: Measured) => number;

/** What is scarce, as the API names it: in events, and in requests. */
export function resourceOf(signal: Signal): 'memory' | 'ephemeral-storage' | 'inodes' | 'pids' {
  if (signal === 'memory.available') return 'memory';
  if (signal === 'pid.available') return 'pids';
  return signal.endsWith('.available') ? 'ephemeral-storage' : 'inodes';
}

/** First the first to go. */
export function rank(signal: Signal, pods: readonly Measured[]): readonly Measured[] {
  const priority: Key = ({ pod }) => pod.spec?.priority ?? 0;
  const resource = resourceOf(signal);
  const used = ({ pod, usage }: Measured) =>
    usage === undefined ? undefined : usedBy(resource, pod, usage);
  const unmeasured: Key = (measured) => (used(measured) === undefined ? 0 : 1);
  const excess: Key = (measured) => (used(measured) ?? 0) - requestOf(measured.pod, resource);
  const exceeds: Key = (measured) => (excess(measured) > 0 ? 0 : 1);
  const most: Key = (measured) => -excess(measured);
  const keys =
    resource === 'pids' ? [priority, unmeasured, most] : [unmeasured, exceeds, priority, most];
  return [...pods].sort((a, b) => {
    for (const key of keys) if (key(a) !== key(b)) return key(a) - key(b);
    return 0;
  });
}

/** What a whole pod asks for: its containers together, or its most demanding init container. */
export function requestOf(pod: Pod, resource: string): number {
  return totalOf(pod, resource, 'requests') ?? 0;
}

/** Undefined when no container sets one. */
export function totalOf(
  { spec }: Pod,
  resource: string,
  kind: 'requests' | 'limits',
): number | undefined {
  const amounts = (containers: readonly Container[]) =>
    containers.flatMap(({ resources }) => {
      const amount = resources?.[kind]?.[resource];
      return amount === undefined ? [] : [parseQuantity(amount)];
    });
  const inits = spec?.initContainers ?? [];
  const main = [...amounts(spec?.containers ?? []), ...amounts(inits.filter(isSidecar))];
  const init = amounts(inits.filter((container) => !isSidecar(container)));
  if (main.length === 0 && init.length === 0) return undefined;
  return Math.max(
    main.reduce((sum, amount) => sum + amount, 0),
    ...init,
  );
}

/** Undefined when nobody has measured it. */
function usedBy(
  resource: ReturnType<typeof resourceOf>,
  pod: Pod,
  usage: PodUsage,
): number | undefined {
  switch (resource) {
    case 'memory':
      return usage.memoryBytes;
    case 'ephemeral-storage':
      return diskBytesOf(pod, usage);
    case 'inodes':
      return inodesOf(pod, usage);
    case 'pids':
      return usage.processes;
    default:
      return resource satisfies never;
  }
}
