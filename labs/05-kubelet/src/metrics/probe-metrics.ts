// ProbeMetrics: what came of the probes of each container: /metrics/probes.
//
// A container that is no longer probed takes its figures with it, or a node of short-lived pods would collect them for ever.
//
// Same idea upstream: kubernetes, pkg/kubelet/prober/prober_manager.go (ProberResults, ProberDuration).

import type { Pod } from 'kubernetes-types/core/v1';
import { Counter, exponentialBuckets, Histogram, Registry } from 'prom-client';

export interface ProbedContainer {
  readonly pod: Pod;
  readonly container: string;
}

const KINDS = { startup: 'Startup', liveness: 'Liveness', readiness: 'Readiness' } as const;
const RESULTS = { success: 'successful', failure: 'failed', unknown: 'unknown' } as const;
const LABELS = ['probe_type', 'container', 'pod', 'namespace'] as const;
const PODS_MAX = 1_000;

export class ProbeMetrics {
  readonly #registry = new Registry();
  readonly #total = new Counter({
    name: 'prober_probe_total',
    help: 'Cumulative number of a liveness, readiness or startup probe for a container by result.',
    labelNames: [...LABELS, 'result', 'pod_uid'],
    registers: [this.#registry],
  });
  readonly #seconds = new Histogram({
    name: 'prober_probe_duration_seconds',
    help: 'Duration in seconds for a probe response.',
    labelNames: LABELS,
    buckets: exponentialBuckets(0.005, 2, 15),
    registers: [this.#registry],
  });
  readonly #known = new Map<string, Map<string, Record<string, string>>>();

  observe(
    { pod, container }: ProbedContainer,
    probe: { kind: keyof typeof KINDS; result: keyof typeof RESULTS; seconds: number },
  ): void {
    const { name = '', namespace = '', uid = '' } = pod.metadata ?? {};
    const labels = { probe_type: KINDS[probe.kind], container, pod: name, namespace };
    const counted = { ...labels, result: RESULTS[probe.result], pod_uid: uid };
    this.#total.inc(counted);
    this.#seconds.observe(labels, probe.seconds);
    const known = this.#known.get(uid) ?? new Map();
    this.#known.set(uid, known.set(JSON.stringify(counted), counted));
    const [oldest] = this.#known.keys();
    if (this.#known.size > PODS_MAX && oldest !== undefined) this.forget(oldest);
  }

  forget(podUid: string): void {
    for (const counted of this.#known.get(podUid)?.values() ?? []) {
      this.#total.remove(counted);
      const { result: _, pod_uid: __, ...labels } = counted;
      this.#seconds.remove(labels);
    }
    this.#known.delete(podUid);
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
