// Housekeeping: finds what belongs to no pod (any more), and has it removed: containers, addresses, directories.
//
// A pod may have been deleted while this kubelet was away, or its node given up and the pod made again elsewhere.
// Nothing is taken for abandoned before all sources of pods are complete.
//
// Same idea upstream: HandlePodCleanups in kubernetes, pkg/kubelet/kubelet_pods.go.

import type { Logger } from '@kube-labs/apiserver';
import type { NetworkPlugin } from '../network/network-plugin.ts';
import type { PodWorkers } from '../pod/pod-worker.ts';
import type { PodCache } from '../runtime/pod-cache.ts';
import type { PodIdentity } from '../runtime/runtime.ts';
import type { VolumeManager } from '../volume/volume-manager.ts';
import type { PodManager } from './pod-manager.ts';

export interface HousekeepingOptions {
  readonly pods: PodManager;
  readonly workers: PodWorkers;
  readonly cache: PodCache;
  readonly network: NetworkPlugin;
  readonly volumes: VolumeManager;
  readonly log: Logger;
}

/** Containers that nobody owns get a moment to end by themselves. */
const ORPHAN_GRACE_SECONDS = 1;

export class Housekeeping {
  readonly #options: HousekeepingOptions;

  constructor(options: HousekeepingOptions) {
    this.#options = options;
  }

  /** Asks the engine about everything, so that it also finds what events did not tell. */
  async cleanUp(): Promise<void> {
    const { pods, cache, network, volumes, log } = this.#options;
    const isComplete = pods.sourcesReady();
    // Both are noted before the engine is asked, so that what is made meanwhile is not taken for left over.
    const addressed = network.sandboxIds();
    const directories = await volumes.podsOnDisk();
    await cache.refreshAll();
    if (!isComplete) return;
    const found = cache.list();
    for (const { identity } of found) this.#removeUnwanted(identity);
    const sandboxes = new Set(found.flatMap((pod) => pod.sandboxes.map(({ id }) => id)));
    for (const id of addressed) if (!sandboxes.has(id)) await network.tearDown(id);
    for (const uid of directories) {
      if (this.#isWanted(uid)) continue;
      log.info('Cleaned up orphaned pod volumes dir', { podUID: uid });
      await volumes.tearDown(uid);
    }
  }

  /** The engine has told of a pod, which may be nobody's. */
  look(pod: PodIdentity): void {
    const { pods, cache } = this.#options;
    if (pods.sourcesReady() && cache.has(pod.uid)) this.#removeUnwanted(pod);
  }

  #removeUnwanted(pod: PodIdentity): void {
    const { workers, log } = this.#options;
    if (this.#isWanted(pod.uid)) return;
    log.info('Killing unwanted pod', { pod: `${pod.namespace}/${pod.name}`, podUID: pod.uid });
    workers.remove(pod, ORPHAN_GRACE_SECONDS);
  }

  #isWanted(uid: string): boolean {
    const { pods, workers } = this.#options;
    return pods.byUid(uid) !== undefined || workers.has(uid);
  }
}
