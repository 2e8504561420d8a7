// Scheduler: the loop. Next pod → snapshot → filter → score → assume → bind; a pod without a node gets one.
//
//   1. One cycle at a time, each on one snapshot. Binding is slow, so it goes on beside the next cycles: the chosen pod is assumed to be
//      on its node from the moment it was chosen.
//   2. A pod is bound at most once: the API server refuses a second binding, and whoever loses forgets what it assumed.
//   3. No pod is forgotten: every attempt ends with done() or requeue().
//   4. Nothing but the API server's state is needed to start: a scheduler that was killed goes on where it was.
//
// Same idea upstream: kubernetes, pkg/scheduler/{scheduler,schedule_one}.go.
// Left out: several profiles, extenders, preemption, permit; see README.

import { setImmediate } from 'node:timers/promises';
import {
  ApiError,
  type Client,
  type Clock,
  EventRecorder,
  keyOf,
  type Logger,
  messageOf,
  realClock,
  silentLogger,
  sleep,
} from '@kube-labs/apiserver';
import type { Pod } from 'kubernetes-types/core/v1';
import { ClusterCache, uidOf } from './cluster-cache.ts';
import { ClusterWatch } from './cluster-watch.ts';
import { findNode, reserve, unreserve } from './find-node.ts';
import { fitMessage } from './fit-error.ts';
import type { WeightedPlugin } from './framework.ts';
import { SchedulerMetrics } from './metrics.ts';
import { setNotScheduled } from './pod-condition.ts';
import { couldHelp, defaultPlugins } from './registry.ts';
import { type Failure, type QueuedPod, SchedulingQueue } from './scheduling-queue.ts';

export interface SchedulerOptions {
  /** Handles the pods whose spec.schedulerName this is. */
  readonly schedulerName?: string;
  /** Takes the place of the default registry. */
  readonly plugins?: readonly WeightedPlugin[];
  readonly clock?: Clock;
  /** Decides between nodes of equal score. */
  readonly random?: () => number;
  readonly log?: Logger;
}

const BINDINGS_MAX = 100;
const FLUSH_MS = 30_000;

export class Scheduler {
  readonly #client: Client;
  readonly #schedulerName: string;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #log: Logger;
  readonly #watch: ClusterWatch;
  readonly #plugins: readonly WeightedPlugin[];
  readonly #cache: ClusterCache;
  readonly #queue: SchedulingQueue;
  readonly #recorder: EventRecorder;
  /** Bindings and status writes that go on beside the loop. */
  readonly #writes = new Set<Promise<void>>();
  #startAt = 0;
  readonly metrics: SchedulerMetrics;

  constructor(client: Client, options: SchedulerOptions = {}) {
    const { clock = realClock, log = silentLogger } = options;
    this.#client = client;
    this.#schedulerName = options.schedulerName ?? 'default-scheduler';
    this.#clock = clock;
    this.#random = options.random ?? Math.random;
    this.#log = log;
    this.#watch = new ClusterWatch(client, log);
    this.#plugins = options.plugins ?? defaultPlugins(client, this.#watch.listers);
    this.#cache = new ClusterCache(clock);
    this.#queue = new SchedulingQueue({
      clock,
      couldHelp: (event, rejectedBy) => couldHelp(this.#plugins, event, rejectedBy),
    });
    this.#recorder = new EventRecorder(client, this.#schedulerName, undefined, { clock, log });
    this.metrics = new SchedulerMetrics(this.#schedulerName, () => this.#queue.counts());
  }

  /** True once the first look at the cluster is complete; no pod is scheduled before. */
  get hasSynced(): boolean {
    return this.#watch.hasSynced;
  }

  /** Schedules until the signal aborts. Survives an API server that goes away. May be called once. */
  async run(signal: AbortSignal): Promise<void> {
    const { cache, queue } = { cache: this.#cache, queue: this.#queue };
    this.#watch.feed({ cache, queue, schedulerName: this.#schedulerName });
    const watching = this.#watch.run(signal);
    const flushing = this.#flushNowAndThen(signal);
    try {
      await this.#watch.synced(signal).catch(() => {}); // Rejects only when the signal aborts.
      if (!signal.aborted) this.#log.info('Watching for pods to schedule');
      for (;;) {
        const queued = await queue.pop(signal);
        if (queued === undefined) break;
        this.#scheduleOne(queued, signal);
        while (this.#writes.size >= BINDINGS_MAX) await Promise.race(this.#writes);
        await setImmediate(); // Watches and bindings get their turn between two cycles.
      }
    } finally {
      queue.close();
      await Promise.all([watching, flushing, ...this.#writes]);
      await this.#recorder.flush();
    }
  }

  /** One cycle. Decides at once; what must be written goes on in the background. */
  #scheduleOne(queued: QueuedPod, signal: AbortSignal): void {
    const { pod } = queued;
    const startedAt = performance.now();
    if (this.#skip(pod)) return;
    const snapshot = this.#cache.snapshot();
    const { nodes } = snapshot;
    const options = { plugins: this.#plugins, random: this.#random, startAt: this.#startAt };
    const decision = findNode(pod, snapshot, options);
    this.metrics.decided((performance.now() - startedAt) / 1000);
    this.#startAt = (this.#startAt + decision.evaluated) % Math.max(1, nodes.length);
    if (decision.kind === 'none') {
      const { rejectedBy } = decision;
      this.metrics.attempted('unschedulable', (performance.now() - startedAt) / 1000);
      this.#fail(pod, { kind: 'unschedulable', rejectedBy }, fitMessage(decision), signal);
      return;
    }
    const { nodeName } = decision;
    const assumed: Pod = { ...pod, spec: { containers: [], ...pod.spec, nodeName } };
    this.#cache.assume(assumed, nodeName);
    this.#inBackground(this.#bind(queued, nodeName, startedAt, signal));
  }

  /** A pod that is being deleted, or that we have placed already, needs no node. */
  #skip(pod: Pod): boolean {
    const deleting = pod.metadata?.deletionTimestamp !== undefined;
    if (!deleting && !this.#cache.has(uidOf(pod))) return false;
    this.#queue.done(uidOf(pod));
    if (deleting) {
      const message = `skip schedule deleting pod: ${keyOf(pod)}`;
      this.#recorder.event(pod, 'Warning', 'FailedScheduling', message);
    }
    return true;
  }

  async #bind(queued: QueuedPod, nodeName: string, startedAt: number, signal: AbortSignal) {
    const { pod } = queued;
    const key = keyOf(pod);
    const seconds = (): number => (performance.now() - startedAt) / 1000;
    try {
      await this.#reserveAndBind(pod, nodeName, signal);
    } catch (error) {
      if (this.#cache.forget(uidOf(pod))) this.#queue.moveOn('AssignedPodDelete');
      if (signal.aborted) return;
      this.metrics.attempted('error', seconds());
      const message = `binding rejected: ${messageOf(error)}`;
      this.#fail(pod, { kind: 'error' }, message, signal, !ApiError.is(error, 'Conflict'));
      return;
    }
    this.#cache.finishBinding(uidOf(pod));
    this.#queue.done(uidOf(pod));
    this.metrics.attempted('scheduled', seconds());
    this.metrics.bound(queued.attempts, (this.#clock.now() - queued.firstSeenAt) / 1000);
    const message = `Successfully assigned ${key} to ${nodeName}`;
    this.#recorder.event(pod, 'Normal', 'Scheduled', message);
    this.#log.info('Successfully bound pod to node', { pod: key, node: nodeName });
  }

  async #reserveAndBind(pod: Pod, nodeName: string, signal: AbortSignal): Promise<void> {
    const verdict = reserve(pod, nodeName, this.#plugins);
    if (verdict.kind === 'rejects') throw new Error(verdict.reasons.join(', '));
    try {
      for (const { plugin } of this.#plugins) {
        if ((await plugin.bind?.(pod, nodeName, signal)) === true) return;
      }
      throw new Error('no plugin binds this pod');
    } catch (error) {
      unreserve(pod, nodeName, this.#plugins);
      throw error;
    }
  }

  /** The attempt failed: the pod goes back into the queue, and whoever looks at it can read why. */
  #fail(pod: Pod, failure: Failure, message: string, signal: AbortSignal, visible = true): void {
    const key = keyOf(pod);
    const current = this.#watch.pod(key);
    if (current === undefined || uidOf(current) !== uidOf(pod) || current.spec?.nodeName) {
      this.#queue.done(uidOf(pod)); // It was deleted, or another scheduler was faster.
      return;
    }
    this.#log.info('Unable to schedule pod', { pod: key, err: message });
    this.#queue.requeue(pod, failure);
    if (!visible) return;
    this.#recorder.event(pod, 'Warning', 'FailedScheduling', message);
    const reason = failure.kind === 'unschedulable' ? 'Unschedulable' : 'SchedulerError';
    const write = setNotScheduled(this.#client, current, { reason, message }, signal);
    this.#inBackground(
      write.catch((error: unknown) => {
        this.#log.debug('Could not write the condition', { pod: key, err: error });
      }),
    );
  }

  #inBackground(work: Promise<void>): void {
    const tracked = work.finally(() => this.#writes.delete(tracked));
    this.#writes.add(tracked);
  }

  async #flushNowAndThen(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(FLUSH_MS, signal, this.#clock);
      if (this.#cache.expire() > 0) this.#queue.moveOn('AssignedPodDelete');
      this.#queue.flushUnschedulable();
    }
  }
}
