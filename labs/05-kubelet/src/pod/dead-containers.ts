// DeadContainers: which containers that ended may go. Pure.
//
// The last one of each name stays: `kubectl logs -p` reads it, and its exit code is the pod's last state.
//
// Same idea upstream: kubernetes, pkg/kubelet/kuberuntime/kuberuntime_gc.go (one dead container for each name).

import type { RuntimeContainer, RuntimePod } from '../runtime/runtime.ts';

export function disposableContainers(runtime: RuntimePod): readonly RuntimeContainer[] {
  const kept = new Set<string>();
  return runtime.containers.filter(({ name, status }) => {
    // Newest first: the first dead one of a name is the one to keep.
    if (status.state !== 'exited') return false;
    if (kept.has(name)) return true;
    kept.add(name);
    return false;
  });
}
