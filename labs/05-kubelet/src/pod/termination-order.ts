// TerminationOrder: who is stopped after whom: the main containers together, then the sidecars, the last one first. Pure.
//
// A sidecar serves what came after it: a proxy carries the last requests of the main containers, and a log collector
// those of the proxy.
//
// Same idea upstream: kubernetes, pkg/kubelet/kuberuntime/kuberuntime_termination_order.go.

import type { Pod } from 'kubernetes-types/core/v1';
import { isSidecar } from './restart-policy.ts';

/**
 * Of what runs: each container once, behind all it waits for, which are the names beside it. Containers that are in no
 * list of the pod, or that it does not know any more, wait for nobody.
 */
export function terminationOrder(
  pod: Pod | undefined,
  running: readonly string[],
): ReadonlyMap<string, readonly string[]> {
  const runs = ({ name }: { readonly name: string }) => running.includes(name);
  const main = (pod?.spec?.containers ?? []).filter(runs).map(({ name }) => name);
  const sidecars = (pod?.spec?.initContainers ?? []).filter(isSidecar).filter(runs).reverse();
  const order = new Map<string, readonly string[]>();
  const last = sidecars.map(({ name }) => name);
  for (const name of running) if (!last.includes(name)) order.set(name, []);
  for (const [index, name] of last.entries()) order.set(name, [...main, ...last.slice(0, index)]);
  return order;
}
