// Metrics: the kubelet's own figures in Prometheus' text format.
//
// Same idea upstream: kubernetes, pkg/kubelet/metrics.

import type { PodStatus } from 'kubernetes-types/core/v1';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';

export interface MetricsSource {
  readonly nodeName: string;
  pods(): readonly PodStatus[];
}

export function kubeletMetrics(source: MetricsSource): () => Promise<string> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const name = new Gauge({
    name: 'kubelet_node_name',
    help: "The node's name. The count is always 1.",
    labelNames: ['node'],
    registers: [registry],
  });
  name.set({ node: source.nodeName }, 1);
  new Gauge({
    name: 'kubelet_running_pods',
    help: 'Number of pods that have a running pod sandbox',
    registers: [registry],
    collect() {
      this.set(source.pods().filter(({ phase }) => phase === 'Running').length);
    },
  });
  new Gauge({
    name: 'kubelet_running_containers',
    help: 'Number of containers currently running',
    labelNames: ['container_state'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [state, count] of countStates(source.pods())) {
        this.set({ container_state: state }, count);
      }
    },
  });
  return () => registry.metrics();
}

function countStates(pods: readonly PodStatus[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { state } of pods.flatMap(({ containerStatuses }) => containerStatuses ?? [])) {
    const name = state?.running ? 'running' : state?.terminated ? 'exited' : 'created';
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}
