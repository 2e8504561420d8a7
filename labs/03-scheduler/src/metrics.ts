// SchedulerMetrics: what the scheduler counts and measures, under upstream's names.
//
// Same names upstream: kubernetes, pkg/scheduler/metrics. Left out: times of single plugins, queueing hints, goroutines.

import { Counter, Gauge, Histogram, Registry } from 'prom-client';

export type AttemptResult = 'scheduled' | 'unschedulable' | 'error';
export type QueueCounts = Readonly<Record<'active' | 'backoff' | 'unschedulable', number>>;

/** 1 ms, doubled 15 times: as upstream's ExponentialBuckets(0.001, 2, 15). */
const SECONDS_BUCKETS = Array.from({ length: 15 }, (_, n) => 0.001 * 2 ** n);
const ATTEMPT_BUCKETS = [1, 2, 4, 8, 16];

export class SchedulerMetrics {
  readonly #registry = new Registry();
  readonly #profile: string;
  readonly #attempts: Counter<'profile' | 'result'>;
  readonly #attemptSeconds: Histogram<'profile' | 'result'>;
  readonly #algorithmSeconds: Histogram;
  readonly #podAttempts: Histogram;
  readonly #podSeconds: Histogram<'attempts'>;

  /** `counts` is asked whenever somebody reads the metrics. */
  constructor(profile: string, counts: () => QueueCounts) {
    const registers = [this.#registry];
    this.#profile = profile;
    this.#attempts = new Counter({
      name: 'scheduler_schedule_attempts_total',
      help: 'Number of attempts to schedule pods, by the result.',
      labelNames: ['profile', 'result'],
      registers,
    });
    this.#attemptSeconds = new Histogram({
      name: 'scheduler_scheduling_attempt_duration_seconds',
      help: 'Seconds from taking a pod to the end of the attempt, binding included.',
      labelNames: ['profile', 'result'],
      buckets: SECONDS_BUCKETS,
      registers,
    });
    this.#algorithmSeconds = new Histogram({
      name: 'scheduler_scheduling_algorithm_duration_seconds',
      help: 'Seconds that the decision itself took.',
      buckets: SECONDS_BUCKETS,
      registers,
    });
    this.#podAttempts = new Histogram({
      name: 'scheduler_pod_scheduling_attempts',
      help: 'Number of attempts it took to schedule a pod.',
      buckets: ATTEMPT_BUCKETS,
      registers,
    });
    this.#podSeconds = new Histogram({
      name: 'scheduler_pod_scheduling_sli_duration_seconds',
      help: 'Seconds from when a pod was first seen until it was bound.',
      labelNames: ['attempts'],
      buckets: Array.from({ length: 20 }, (_, n) => 0.01 * 2 ** n),
      registers,
    });
    new Gauge({
      name: 'scheduler_pending_pods',
      help: 'Number of pending pods, by the queue they are in.',
      labelNames: ['queue'],
      registers,
      collect() {
        const { active, backoff, unschedulable } = counts();
        this.set({ queue: 'active' }, active);
        this.set({ queue: 'backoff' }, backoff);
        this.set({ queue: 'unschedulable' }, unschedulable);
      },
    });
  }

  attempted(result: AttemptResult, seconds: number): void {
    this.#attempts.inc({ profile: this.#profile, result });
    this.#attemptSeconds.observe({ profile: this.#profile, result }, seconds);
  }

  decided(seconds: number): void {
    this.#algorithmSeconds.observe(seconds);
  }

  bound(attempts: number, seconds: number): void {
    this.#podAttempts.observe(attempts);
    this.#podSeconds.observe({ attempts: String(Math.min(attempts, 16)) }, seconds);
  }

  /** Prometheus text. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
