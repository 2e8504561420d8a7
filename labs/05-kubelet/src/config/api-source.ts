// ApiSource: the pods that the API server wants on this node.
//
// Same idea upstream: kubernetes, pkg/kubelet/config/apiserver.go.

import type { Informer } from '@kube-labs/apiserver';
import type { Pod } from 'kubernetes-types/core/v1';
import type { PodManager } from './pod-manager.ts';

/** @param informer of this node's pods; whoever made it runs it. */
export function followApi(informer: Informer<Pod>, manager: PodManager): void {
  manager.addSource(informer);
  informer.addHandler({
    onAdd: (pod) => manager.set(pod),
    onUpdate: (before, pod) => {
      // Deleted and made again under its name, while nobody looked.
      if (before.metadata?.uid !== pod.metadata?.uid) manager.remove(before);
      manager.set(pod);
    },
    onDelete: (pod) => manager.remove(pod),
  });
}
