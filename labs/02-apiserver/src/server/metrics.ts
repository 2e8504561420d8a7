// metrics: what the server counts, under upstream's names.
//
// Same names upstream: apiserver, endpoints/metrics/metrics.go. Left out: the many that only make sense with the parts left out.

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { type AdmissionMetrics, admissionMetrics } from '../admission/admission-metrics.ts';

export interface ServerMetrics {
  /** Called at the end of each request that is not a watch. */
  observe(labels: RequestLabels, seconds: number, code: number): void;
  /** Counts a watch, log or exec while it lasts; returns what ends it. */
  longRunning(labels: RequestLabels): () => void;
  readonly admission: AdmissionMetrics;
  text(): Promise<string>;
}

export interface RequestLabels {
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
}

const NAMES = ['verb', 'group', 'version', 'resource', 'subresource'] as const;
const SECONDS = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 2, 5, 10, 30, 60];

export function createMetrics(): ServerMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const total = new Counter({
    name: 'apiserver_request_total',
    help: 'Counter of apiserver requests broken out for each verb, group, version, resource, subresource and HTTP response code.',
    labelNames: [...NAMES, 'code'],
    registers,
  });
  const duration = new Histogram({
    name: 'apiserver_request_duration_seconds',
    help: 'Response latency distribution in seconds for each verb, group, version, resource and subresource.',
    labelNames: [...NAMES],
    buckets: SECONDS,
    registers,
  });
  const running = new Gauge({
    name: 'apiserver_longrunning_requests',
    help: 'Gauge of all active long-running apiserver requests.',
    labelNames: [...NAMES],
    registers,
  });
  const admission = admissionMetrics(registry);
  return {
    observe(labels, seconds, code) {
      total.inc({ ...labels, code: String(code) });
      duration.observe({ ...labels }, seconds);
    },
    longRunning(labels) {
      running.inc({ ...labels });
      return () => running.dec({ ...labels });
    },
    admission,
    text: async () => `${await registry.metrics()}\n${admission.text()}`,
  };
}
