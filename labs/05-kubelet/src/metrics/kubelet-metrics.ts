// KubeletMetrics: what a kubelet counts of itself, by upstream's names, in Prometheus' text format.
//
// Those who do the work know nothing of it: measured.ts stands in front of the runtime and of the pods' syncer, and
// pod-start.ts listens to the pods. What is a mere figure of now is read when somebody asks.
//
// Same idea upstream: kubernetes, pkg/kubelet/metrics.
// Left out here: metrics of devices, of CPU and topology managers, of the requests to the kubelet's other sockets.

import {
  Counter,
  collectDefaultMetrics,
  exponentialBuckets,
  Gauge,
  Histogram,
  Registry,
} from 'prom-client';
import type { RuntimePod } from '../runtime/runtime.ts';
import { ProbeMetrics } from './probe-metrics.ts';

const START_BUCKETS = [
  ...[0.5, 1, 2, 3, 4, 5, 6, 8, 10, 20, 30, 45, 60, 120, 180, 240, 300, 360, 480, 600],
  ...[900, 1_200, 1_800, 2_700, 3_600],
];
const PULL_BUCKETS = [
  ...[1, 5, 10, 20, 30, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1_200, 1_800, 2_700, 3_600],
];
const OPERATION_BUCKETS = exponentialBuckets(0.005, 2.5, 14);

export class KubeletMetrics {
  readonly registry = new Registry();
  /** Served by themselves, as they are many. */
  readonly probes = new ProbeMetrics();
  readonly podStart = this.#histogram('pod_start_duration_seconds', {
    help: 'Duration in seconds from kubelet seeing a pod for the first time to the pod starting to run',
    buckets: START_BUCKETS,
  });
  readonly podStartTotal = this.#histogram('pod_start_total_duration_seconds', {
    help: 'Duration in seconds to start a pod since creation, including time to pull images and run init containers',
    buckets: START_BUCKETS,
  });
  readonly podWorker = this.#histogram('pod_worker_duration_seconds', {
    help: 'Duration in seconds to sync a single pod. Broken down by operation type',
    labelNames: ['operation_type'],
  });
  readonly operations = this.#counter('runtime_operations_total', {
    help: 'Cumulative number of runtime operations by operation type.',
    labelNames: ['operation_type'],
  });
  readonly operationErrors = this.#counter('runtime_operations_errors_total', {
    help: 'Cumulative number of runtime operation errors by operation type.',
    labelNames: ['operation_type'],
  });
  readonly operationSeconds = this.#histogram('runtime_operations_duration_seconds', {
    help: 'Duration in seconds of runtime operations. Broken down by operation type.',
    labelNames: ['operation_type'],
    buckets: OPERATION_BUCKETS,
  });
  readonly relist = this.#histogram('pleg_relist_duration_seconds', {
    help: 'Duration in seconds for relisting pods in PLEG.',
  });
  readonly relistInterval = this.#histogram('pleg_relist_interval_seconds', {
    help: 'Interval in seconds between relisting in PLEG.',
  });
  readonly relistLastSeen = this.#gauge(
    'pleg_last_seen_seconds',
    'Timestamp in seconds when PLEG was last seen active.',
  );
  readonly imagePull = this.#histogram('image_pull_duration_seconds', {
    help: 'Duration in seconds to pull an image.',
    labelNames: ['image_size_in_bytes'],
    buckets: PULL_BUCKETS,
  });
  readonly evictions = this.#counter('evictions', {
    help: 'Cumulative number of pod evictions by eviction signal',
    labelNames: ['eviction_signal'],
  });
  readonly shutdownStart = this.#gauge(
    'graceful_shutdown_start_time_seconds',
    'Last graceful shutdown start time since unix epoch in seconds',
  );
  readonly shutdownEnd = this.#gauge(
    'graceful_shutdown_end_time_seconds',
    'Last graceful shutdown end time since unix epoch in seconds',
  );
  readonly httpRequests = this.#counter('http_requests_total', {
    help: 'Number of the http requests received since the server started',
    labelNames: ['method', 'path'],
  });

  constructor(nodeName: string) {
    collectDefaultMetrics({ register: this.registry });
    const name = new Gauge({
      name: 'kubelet_node_name',
      help: "The node's name. The count is always 1.",
      labelNames: ['node'],
      registers: [this.registry],
    });
    name.set({ node: nodeName }, 1);
  }

  /** @param pods what the engine has. */
  showPods(pods: () => readonly RuntimePod[]): void {
    const registers = [this.registry];
    new Gauge({
      name: 'kubelet_running_pods',
      help: 'Number of pods that have a running pod sandbox',
      registers,
      collect() {
        const isRunning = ({ sandboxes }: RuntimePod) =>
          sandboxes.some(({ state }) => state === 'ready');
        this.set(pods().filter(isRunning).length);
      },
    });
    new Gauge({
      name: 'kubelet_running_containers',
      help: 'Number of containers currently running',
      labelNames: ['container_state'],
      registers,
      collect() {
        this.reset();
        for (const { status } of pods().flatMap(({ containers }) => containers)) {
          this.inc({ container_state: status.state });
        }
      },
    });
  }

  text(): Promise<string> {
    return this.registry.metrics();
  }

  #histogram(
    name: string,
    options: { help: string; labelNames?: readonly string[]; buckets?: readonly number[] },
  ): Histogram {
    const { buckets, labelNames = [], help } = options;
    return new Histogram({
      ...{ name: `kubelet_${name}`, help, labelNames: [...labelNames], registers: [this.registry] },
      ...(buckets === undefined ? {} : { buckets: [...buckets] }),
    });
  }

  #counter(name: string, options: { help: string; labelNames: readonly string[] }): Counter {
    const { help, labelNames } = options;
    const registers = [this.registry];
    return new Counter({ name: `kubelet_${name}`, help, labelNames: [...labelNames], registers });
  }

  #gauge(name: string, help: string): Gauge {
    return new Gauge({ name: `kubelet_${name}`, help, registers: [this.registry] });
  }
}
