// PodHandler: what it means for a pod's worker that its sources have it, changed it, or no longer have it.
//
// A pod that is new here must be admitted before its worker starts anything; one that is not has failed.
//
// Same idea upstream: HandlePodAdditions, HandlePodUpdates and HandlePodRemoves in kubernetes, pkg/kubelet/kubelet.go.

import { isDeepStrictEqual } from 'node:util';
import type { Pod } from 'kubernetes-types/core/v1';
import type { PodHandler, PodManager } from '../config/pod-manager.ts';
import { isStatic } from '../config/static-pod.ts';
import { type AdmitHandler, type AdmitResult, admitPod } from './admission.ts';
import { gateConditionsOf } from './pod-conditions.ts';
import type { PodEvents } from './pod-events.ts';
import { identityOf, type PodWorkers } from './pod-worker.ts';
import type { StatusManager } from './status-manager.ts';

export interface PodHandlerOptions {
  readonly pods: PodManager;
  readonly workers: PodWorkers;
  readonly statuses: StatusManager;
  readonly events: PodEvents;
  readonly admission: readonly AdmitHandler[];
}

/** What is no longer wanted gets a moment to end by itself. */
const GRACE_SECONDS_MIN = 1;
const ADMITTED: AdmitResult = { admitted: true };

export function podHandler(options: PodHandlerOptions): PodHandler {
  const { pods, workers, statuses } = options;
  return {
    set(pod, before) {
      if (before === undefined) return add(options, pod);
      if (isDeepStrictEqual(wishOf(before), wishOf(pod))) workers.refresh(pod);
      else workers.update(pod);
      // Perhaps somebody else wrote it.
      statuses.recheck(pod.metadata?.uid ?? '');
    },
    gone(pod) {
      // A file that goes asks for an orderly end; of a pod that went from the API without one, whoever deleted it wanted none.
      const own = isStatic(pod) ? pod.spec?.terminationGracePeriodSeconds : undefined;
      const grace = pod.metadata?.deletionGracePeriodSeconds ?? own ?? GRACE_SECONDS_MIN;
      workers.remove(identityOf(pod), Math.max(GRACE_SECONDS_MIN, grace));
      statuses.forget(pod.metadata?.uid ?? '');
    },
    /** It is there to show what its static pod does. */
    mirror(name) {
      const [namespace = '', podName = ''] = name.split('/');
      statuses.recheck(pods.byName(namespace, podName)?.metadata?.uid ?? '');
    },
  };
}

function add(options: PodHandlerOptions, pod: Pod): void {
  const { workers, events, admission } = options;
  // One that is ending already needs nobody's leave.
  const isEnding = pod.metadata?.deletionTimestamp !== undefined || isFinal(pod);
  const result = isEnding ? ADMITTED : admitPod(admission, pod, othersOf(options, pod));
  if (result.admitted) {
    workers.update(pod);
    return;
  }
  const { reason, message } = result;
  events.pod(pod, { type: 'Warning', reason, message });
  void workers.end(pod, { why: 'rejected', reason, message: `Pod was rejected: ${message}` });
}

/** Those that have been admitted, and have not ended. */
function othersOf({ pods, workers }: PodHandlerOptions, pod: Pod): readonly Pod[] {
  return pods.pods().filter(({ metadata }) => {
    const state = workers.stateOf(metadata?.uid ?? '')?.state;
    const isOther = metadata?.uid !== pod.metadata?.uid;
    return isOther && (state === 'syncing' || state === 'terminating');
  });
}

/** All of a pod but its status, and of that what others say there: what somebody wants of us. */
function wishOf(pod: Pod) {
  const { labels, annotations, deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata ?? {};
  const wish = [pod.spec, labels, annotations, deletionTimestamp, deletionGracePeriodSeconds];
  return [...wish, isFinal(pod), gateConditionsOf(pod)];
}

function isFinal({ status }: Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}
