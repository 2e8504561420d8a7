// PodStart: how long pods take from the first sight to running, as the API knows it.
//
// Measured where everybody else would: at the change of the pod's object that says Running, so the status' way to the API
// server and back is part of it. A pod that ran already when it was seen first says nothing.
//
// Same idea upstream: kubernetes, pkg/kubelet/util/pod_startup_latency_tracker.go.
// Left out here: the part of it that pulling images took.

import type { Clock } from '@kube-labs/apiserver';
import type { PodHandler } from '../config/pod-manager.ts';
import type { KubeletMetrics } from './kubelet-metrics.ts';

export function podStart(metrics: KubeletMetrics, clock: Clock): PodHandler {
  const seenAtMs = new Map<string, number>();
  return {
    set({ metadata, status }, before) {
      const uid = metadata?.uid ?? '';
      const phase = status?.phase ?? 'Pending';
      if (before === undefined && phase === 'Pending') seenAtMs.set(uid, clock.now());
      const atMs = seenAtMs.get(uid);
      if (atMs === undefined || phase === 'Pending') return;
      seenAtMs.delete(uid);
      if (phase !== 'Running') return;
      metrics.podStart.observe((clock.now() - atMs) / 1_000);
      const createdAtMs = Date.parse(metadata?.creationTimestamp ?? '');
      metrics.podStartTotal.observe(Math.max(0, clock.now() - createdAtMs) / 1_000);
    },
    gone({ metadata }) {
      seenAtMs.delete(metadata?.uid ?? '');
      metrics.probes.forget(metadata?.uid ?? '');
    },
  };
}
