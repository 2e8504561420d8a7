// PodSource: brings the pods that the API wants on this node to their workers, and finds what nobody wants any more.
//
// Nothing of a pod is taken for abandoned before the API's list is complete: a kubelet that starts, or an API server that
// is away, must not cost a single container. What is then not in the list (the pod was deleted while we were
// away, the node was given up and its pods made again elsewhere) goes: containers, addresses, directories.
//
// Same idea upstream: kubernetes, pkg/kubelet/config/apiserver.go, and HandlePodCleanups in pkg/kubelet/kubelet_pods.go.

import { isDeepStrictEqual } from 'node:util';
import type { Informer, Logger } from '@kube-labs/apiserver';
import type { Pod } from 'kubernetes-types/core/v1';
import type { NetworkPlugin } from '../network/network-plugin.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { VolumeManager } from '../volume/volume-manager.ts';
import { identityOf, type PodWorkers } from './pod-worker.ts';
import type { StatusManager } from './status-manager.ts';

export interface PodSourceOptions {
  readonly pods: Informer<Pod>;
  readonly workers: PodWorkers;
  readonly statuses: StatusManager;
  readonly runtime: Runtime;
  readonly network: NetworkPlugin;
  readonly volumes: VolumeManager;
  readonly log: Logger;
}

/** Name of the informer's index by uid. */
export const UID_INDEX = 'uid';

/** Containers that nobody owns get a moment to end by themselves. */
const ORPHAN_GRACE_SECONDS = 1;

export class PodSource {
  readonly #options: PodSourceOptions;

  constructor(options: PodSourceOptions) {
    this.#options = options;
  }

  /** From now on changes of pods reach their workers. */
  start(): void {
    const { pods, workers, statuses } = this.#options;
    pods.addHandler({
      onAdd: (pod) => workers.update(pod),
      onUpdate: (before, pod) => {
        if (isDeepStrictEqual(wishOf(before), wishOf(pod))) workers.refresh(pod);
        else workers.update(pod);
        // Perhaps somebody else wrote it.
        statuses.recheck(pod.metadata?.uid ?? '');
      },
      onDelete: (pod) => {
        const grace = pod.metadata?.deletionGracePeriodSeconds ?? ORPHAN_GRACE_SECONDS;
        workers.remove(identityOf(pod), Math.max(ORPHAN_GRACE_SECONDS, grace));
        statuses.forget(pod.metadata?.uid ?? '');
      },
    });
  }

  /** What the API knows under this uid. */
  podOf(uid: string): Pod | undefined {
    return this.#options.pods.byIndex(UID_INDEX, uid)[0];
  }

  /** Finds containers, addresses and directories that belong to no pod, and has them removed. */
  async cleanUp(): Promise<void> {
    const { pods, workers, runtime, network, volumes, log } = this.#options;
    if (!pods.hasSynced) return;
    // Both are noted before the engine is asked, so that what is made meanwhile is not taken for left over.
    const addressed = network.sandboxIds();
    const directories = await volumes.podsOnDisk();
    const found = await runtime.listPods();
    for (const { identity } of found) {
      if (this.podOf(identity.uid) !== undefined || workers.has(identity.uid)) continue;
      log.info('Killing unwanted pod', {
        pod: `${identity.namespace}/${identity.name}`,
        podUID: identity.uid,
      });
      workers.remove(identity, ORPHAN_GRACE_SECONDS);
    }
    const sandboxes = new Set(found.flatMap((pod) => pod.sandboxes.map(({ id }) => id)));
    for (const id of addressed) if (!sandboxes.has(id)) await network.tearDown(id);
    for (const uid of directories) {
      if (this.podOf(uid) !== undefined || workers.has(uid)) continue;
      log.info('Cleaned up orphaned pod volumes dir', { podUID: uid });
      await volumes.tearDown(uid);
    }
  }
}

/** All of a pod but its status: what somebody wants of us. */
function wishOf(pod: Pod) {
  const { labels, annotations, deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata ?? {};
  const isFinal = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
  return [pod.spec, labels, annotations, deletionTimestamp, deletionGracePeriodSeconds, isFinal];
}
