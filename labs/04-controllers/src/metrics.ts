// Metrics: what the controller manager tells Prometheus about itself.
//
// Same names upstream: client-go, util/workqueue (workqueue_depth) and controller-runtime (controller_runtime_reconcile_total).
// Left out: histograms of durations.

import { Counter, Gauge, Registry } from 'prom-client';

interface Sized {
  readonly length: number;
}

export class Metrics {
  readonly #registry = new Registry();
  readonly #queues = new Map<string, Sized>();
  readonly #reconciles: Counter<'controller' | 'result'>;

  constructor() {
    const registers = [this.#registry];
    const queues = this.#queues;
    this.#reconciles = new Counter({
      name: 'controller_runtime_reconcile_total',
      help: 'Total number of reconciliations per controller.',
      labelNames: ['controller', 'result'],
      registers,
    });
    new Gauge({
      name: 'workqueue_depth',
      help: 'Current depth of workqueue.',
      labelNames: ['name'],
      registers,
      collect() {
        for (const [name, queue] of queues) this.set({ name }, queue.length);
      },
    });
    new Gauge({
      name: 'process_resident_memory_bytes',
      help: 'Resident memory size in bytes.',
      registers,
      collect() {
        this.set(process.memoryUsage.rss());
      },
    });
  }

  addQueue(name: string, queue: Sized): void {
    this.#queues.set(name, queue);
  }

  countReconcile(controller: string, result: 'success' | 'error'): void {
    this.#reconciles.inc({ controller, result });
  }

  /** Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
