// MirrorPods: keeps one pod in the API for each static pod, so that people see what runs on the node.
//
// A mirror that somebody deletes comes again, and so does one that shows what its file said before; one whose static pod is
// gone goes, once nothing of that pod runs any more. A mirror being deleted costs no container. Mirrors are deleted by uid, so that
// nobody else's pod goes under their name. One that somebody deletes is missed for a moment: kubectl asks whether the pod is there,
// lists it and waits for its end, and would wait in vain for that of one that came again between question and list.
//
// Same idea upstream: tryReconcileMirrorPods in kubernetes, pkg/kubelet/kubelet.go, and pkg/kubelet/pod/mirror_client.go.

import {
  ApiError,
  type Client,
  type Clock,
  type Logger,
  resources,
  WorkQueue,
} from '@kube-labs/apiserver';
import type { Node, Pod } from 'kubernetes-types/core/v1';
import { nameOf, type PodHandler, type PodManager } from './pod-manager.ts';
import { isMirrorOf, isStatic, newMirror } from './static-pod.ts';

export interface MirrorPodsOptions {
  readonly client: Client;
  readonly pods: PodManager;
  readonly clock: Clock;
  readonly log: Logger;
  /** This node's object, which its mirrors belong to. */
  node(): Node | undefined;
  /** Does something of a pod of this name (namespace/name) still run? */
  isAlive(name: string): boolean;
}

export type MirrorPlan =
  | { readonly kind: 'none' }
  | { readonly kind: 'create'; readonly pod: Pod }
  | { readonly kind: 'delete'; readonly mirror: Pod };

/** @param view.pod static pod of the name, if there is one. */
export function planMirror(view: {
  readonly pod: Pod | undefined;
  readonly mirror: Pod | undefined;
  readonly isAlive: boolean;
}): MirrorPlan {
  const { pod, mirror, isAlive } = view;
  if (mirror === undefined) return pod === undefined ? { kind: 'none' } : { kind: 'create', pod };
  if (pod === undefined) return isAlive ? { kind: 'none' } : { kind: 'delete', mirror };
  const isStale = !isMirrorOf(mirror, pod) || mirror.metadata?.deletionTimestamp !== undefined;
  return isStale ? { kind: 'delete', mirror } : { kind: 'none' };
}

const RETRY_BASE_MS = 200;
const RETRY_MAX_MS = 10_000;
/** Longer than whoever deletes one takes until he looks for it. */
const MISSED_MS = 1_000;

export class MirrorPods implements PodHandler {
  readonly #options: MirrorPodsOptions;
  readonly #queue: WorkQueue;
  /** By name: until when one that somebody deleted is missed. */
  readonly #missedUntilMs = new Map<string, number>();

  constructor(options: MirrorPodsOptions) {
    this.#options = options;
    const { clock } = options;
    const delays = { baseDelayMs: RETRY_BASE_MS, maxDelayMs: RETRY_MAX_MS };
    this.#queue = new WorkQueue({ name: 'mirror-pods', clock, ...delays });
  }

  run(signal: AbortSignal): Promise<void> {
    const { log } = this.#options;
    return this.#queue.run({ workers: 1, log }, (name) => this.#reconcile(name), signal);
  }

  set(pod: Pod): void {
    if (isStatic(pod)) this.look(nameOf(pod));
  }

  gone(pod: Pod): void {
    if (isStatic(pod)) this.look(nameOf(pod));
  }

  mirror(name: string): void {
    this.look(name);
  }

  /** Something may have changed for the pod of this name. */
  look(name: string): void {
    this.#queue.add(name);
  }

  lookAll(): void {
    const { pods } = this.#options;
    for (const pod of [...pods.pods().filter(isStatic), ...pods.mirrors()]) this.look(nameOf(pod));
  }

  async #reconcile(name: string): Promise<void> {
    const { pods, node, isAlive, clock, log } = this.#options;
    // A mirror that is not known yet may be there; what a file asks for may not have been read.
    if (!pods.sourcesReady()) return;
    const [namespace = '', podName = ''] = name.split('/');
    const known = pods.byName(namespace, podName);
    const pod = known !== undefined && isStatic(known) ? known : undefined;
    const plan = planMirror({ pod, mirror: pods.mirror(name), isAlive: isAlive(name) });
    if (plan.kind === 'create') {
      const owner = node();
      // It looks again when the node is registered.
      if (owner === undefined) return;
      const waitMs = (this.#missedUntilMs.get(name) ?? 0) - clock.now();
      if (waitMs > 0) return this.#queue.addAfter(name, waitMs);
      this.#missedUntilMs.delete(name);
      log.debug('Creating a mirror pod for static pod', { pod: name });
      await this.#create(plan.pod, owner);
    } else if (plan.kind === 'delete') {
      log.debug('Deleting a mirror pod', { pod: name });
      if (plan.mirror.metadata?.deletionTimestamp !== undefined)
        this.#missedUntilMs.set(name, clock.now() + MISSED_MS);
      await this.#delete(plan.mirror);
    }
  }

  async #create(pod: Pod, owner: Node): Promise<void> {
    const { client } = this.#options;
    try {
      await client.create(resources.pods, newMirror(pod, owner));
    } catch (error) {
      if (!ApiError.is(error, 'AlreadyExists')) throw error;
      const { name = '', namespace } = pod.metadata ?? {};
      const found = await client.get(resources.pods, { name, namespace });
      // Ours, and the news of it is on its way.
      if (isMirrorOf(found, pod)) return;
      throw new Error(`Cannot show static pod ${nameOf(pod)}: another pod has its name`);
    }
  }

  async #delete({ metadata }: Pod): Promise<void> {
    const { name = '', namespace, uid = '' } = metadata ?? {};
    try {
      const options = { gracePeriodSeconds: 0, uid };
      await this.#options.client.delete(resources.pods, { namespace, name }, options);
    } catch (error) {
      // It has gone by itself, or its name has gone to another.
      if (!ApiError.is(error, 'NotFound') && !ApiError.is(error, 'Conflict')) throw error;
    }
  }
}
