// ClusterWatch: the scheduler's eyes; turns what the API server tells into changes of the cache and of the queue.
//
// A pod is, for us, one of three things: assigned (it has a node and takes room there), pending (it waits for us), or nothing (it has
// finished, or another scheduler's name stands in its spec). A change from one to another is what matters.
// Same idea upstream: kubernetes, pkg/scheduler/eventhandlers.go.

import { type Client, Informer, type Logger, resources } from '@kube-labs/apiserver';
import type { Pod } from 'kubernetes-types/core/v1';
import { type ClusterCache, uidOf } from './cluster-cache.ts';
import { nodeEvents } from './node-events.ts';
import type { SpreadListers } from './plugins/selector-spread.ts';
import type { SchedulingQueue } from './scheduling-queue.ts';

export interface ClusterSink {
  readonly cache: ClusterCache;
  readonly queue: SchedulingQueue;
  readonly schedulerName: string;
}

const DEFAULT_SCHEDULER = 'default-scheduler';

export class ClusterWatch {
  readonly #pods: Informer<Pod>;
  readonly #nodes;
  readonly #services;
  readonly #replicationControllers;
  readonly #replicaSets;
  /** For the plugins that look at other objects. */
  readonly listers: SpreadListers;

  constructor(client: Client, log: Logger) {
    this.#pods = new Informer(client, resources.pods, { log });
    this.#nodes = new Informer(client, resources.nodes, { log });
    this.#services = new Informer(client, resources.services, { log });
    this.#replicationControllers = new Informer(client, resources.replicationControllers, { log });
    this.#replicaSets = new Informer(client, resources.replicaSets, { log });
    this.listers = {
      services: (namespace) => this.#services.list(namespace),
      replicationController: (key) => this.#replicationControllers.get(key),
      replicaSet: (key) => this.#replicaSets.get(key),
    };
  }

  /** The pod as the API server last showed it. */
  pod(key: string): Pod | undefined {
    return this.#pods.get(key);
  }

  get hasSynced(): boolean {
    return this.#informers().every((informer) => informer.hasSynced);
  }

  /** Call once, before run(). */
  feed(sink: ClusterSink): void {
    this.#pods.addHandler({
      onAdd: (pod) => podChanged(sink, undefined, pod),
      onUpdate: (previous, pod) => podChanged(sink, previous, pod),
      onDelete: (pod) => podDeleted(sink, pod),
    });
    const { cache, queue } = sink;
    this.#nodes.addHandler({
      onAdd(node) {
        cache.setNode(node);
        queue.moveOn('NodeAdd');
      },
      onUpdate(previous, node) {
        cache.setNode(node);
        for (const event of nodeEvents(previous, node)) queue.moveOn(event);
      },
      onDelete(node) {
        cache.removeNode(node.metadata?.name ?? '');
      },
    });
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#informers().map((informer) => informer.run(signal)));
  }

  async synced(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#informers().map((informer) => informer.synced(signal)));
  }

  #informers() {
    return [
      this.#pods,
      this.#nodes,
      this.#services,
      this.#replicationControllers,
      this.#replicaSets,
    ];
  }
}

type Role = 'assigned' | 'pending' | 'nothing';

function roleOf({ spec, status }: Pod, schedulerName: string): Role {
  if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return 'nothing';
  if (spec?.nodeName) return 'assigned';
  return (spec?.schedulerName || DEFAULT_SCHEDULER) === schedulerName ? 'pending' : 'nothing';
}

function podChanged(sink: ClusterSink, previous: Pod | undefined, pod: Pod): void {
  const { cache, queue, schedulerName } = sink;
  const was = previous === undefined ? 'nothing' : roleOf(previous, schedulerName);
  const is = roleOf(pod, schedulerName);
  if (is === 'pending')
    queue.add(pod); // Or update it: the queue knows which.
  else if (was === 'pending') queue.delete(uidOf(pod));
  if (is === 'assigned') {
    cache.setPod(pod);
    if (was !== 'assigned') queue.moveOn('AssignedPodAdd');
  } else if (was === 'assigned') {
    cache.removePod(uidOf(pod));
    queue.moveOn('AssignedPodDelete');
  }
}

function podDeleted({ cache, queue }: ClusterSink, pod: Pod): void {
  queue.delete(uidOf(pod));
  cache.removePod(uidOf(pod)); // Even one that was only assumed: nobody will confirm it any more.
  queue.moveOn('AssignedPodDelete');
}
