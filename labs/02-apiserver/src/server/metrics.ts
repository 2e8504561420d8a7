// metrics: what the server counts, under upstream's names.
//
// Same names upstream: apiserver, endpoints/metrics/metrics.go. Left out: the many that only make sense with the parts left out.

import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { type AdmissionMetrics, admissionMetrics } from '../admission/admission-metrics.ts';
import { Durations, type ObserveSeconds } from './durations.ts';

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

/** What is counted of requests that are called the same. */
interface Series {
  readonly labels: RequestLabels;
  readonly observe: ObserveSeconds;
  readonly byCode: Map<number, number>;
}

export function createMetrics(): ServerMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const series = new Map<string, Series>();
  new Counter({
    name: 'apiserver_request_total',
    help: 'Counter of apiserver requests broken out for each verb, group, version, resource, subresource and HTTP response code.',
    labelNames: [...NAMES, 'code'],
    registers,
    collect() {
      this.reset();
      for (const { labels, byCode } of series.values()) {
        for (const [code, count] of byCode) this.inc({ ...labels, code: String(code) }, count);
      }
    },
  });
  const duration = new Durations(
    'apiserver_request_duration_seconds',
    'Response latency distribution in seconds for each verb, group, version, resource and subresource.',
    SECONDS,
  );
  const running = new Gauge({
    name: 'apiserver_longrunning_requests',
    help: 'Gauge of all active long-running apiserver requests.',
    labelNames: [...NAMES],
    registers,
  });
  const admission = admissionMetrics(registry);
  return {
    observe(labels, seconds, code) {
      const { verb, group, version, resource, subresource } = labels;
      const key = `${verb} ${group}/${version}/${resource}/${subresource}`;
      let found = series.get(key);
      if (found === undefined) {
        found = { labels, observe: duration.observer({ ...labels }), byCode: new Map() };
        series.set(key, found);
      }
      found.observe(seconds);
      found.byCode.set(code, (found.byCode.get(code) ?? 0) + 1);
    },
    longRunning(labels) {
      running.inc({ ...labels });
      return () => running.dec({ ...labels });
    },
    admission,
    text: async () => `${await registry.metrics()}\n${duration.text()}${admission.text()}`,
  };
}
