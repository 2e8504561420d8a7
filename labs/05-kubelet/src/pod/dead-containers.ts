// DeadContainers: which containers that ended may go. Pure.
//
// The last one of each name stays: `kubectl logs -p` reads it, and its exit code is the pod's last state.
//
// Same idea upstream: kubernetes, pkg/kubelet/kuberuntime/kuberuntime_gc.go (one dead container for each name).

import type { RuntimeContainer, RuntimePod } from '../runtime/runtime.ts';

export function disposableContainers(
  runtime: RuntimePod,
  keptMax = 1,
): readonly RuntimeContainer[] {
  if (keptMax < 0) return [];
  const seen = new Map<string, number>();
  return runtime.containers.filter(({ name, status }) => {
    // Newest first: the first dead ones of a name are those to keep.
    if (status.state !== 'exited') return false;
    const newer = seen.get(name) ?? 0;
    seen.set(name, newer + 1);
    return newer >= Math.max(1, keptMax);
  });
}
