// StatusTeller: how a pod is, told to the status manager: from what runs, what the probes found, and why things wait.
//
// What was told last is part of what is told next, also while it is still on its way to the API: a phase that is final
// stays, and times of transitions do. Conditions of others are read where they are, in the API's object.
//
// Rule: a phase that is final is told when no container of the pod runs any more, of whichever kind.
//
// Same idea upstream: generateAPIPodStatus in kubernetes, pkg/kubelet/kubelet_pods.go, and its callers; the rule is
// mergePodStatus in pkg/kubelet/status/status_manager.go.

import { type Clock, type Logger, messageOf } from '@kube-labs/apiserver';
import type { Pod, PodStatus } from 'kubernetes-types/core/v1';
import { qosClassOf } from '../container/resources.ts';
import type { Prober } from '../probe/prober.ts';
import type { PodCache } from '../runtime/pod-cache.ts';
import type { RuntimeContainer, RuntimePod } from '../runtime/runtime.ts';
import { timeText } from './container-status.ts';
import { withForeign } from './pod-conditions.ts';
import { type PodStatusView, podStatusOf } from './pod-status.ts';
import { isRunning } from './pod-view.ts';
import type { Ending } from './pod-worker.ts';
import type { StatusManager } from './status-manager.ts';
import type { WaitingReasons } from './waiting-reasons.ts';

export interface TellerDeps {
  readonly statuses: StatusManager;
  readonly prober: Prober;
  readonly cache: PodCache;
  readonly waiting: WaitingReasons;
  readonly clock: Clock;
  readonly log: Logger;
  readonly hostAddress: string;
  /** The last words of one that has ended. */
  messageOf(container: RuntimeContainer): string | undefined;
}

export class StatusTeller {
  readonly #deps: TellerDeps;

  constructor(deps: TellerDeps) {
    this.#deps = deps;
  }

  /** The pod with the newest status there is of it. */
  asTold(pod: Pod): Pod {
    const told = this.#deps.statuses.get(pod.metadata?.uid ?? '');
    const conditions = withForeign(told?.conditions, pod.status?.conditions);
    return { ...pod, status: { ...(told ?? pod.status), conditions } };
  }

  tell(
    pod: Pod,
    runtime: RuntimePod,
    options: Pick<PodStatusView, 'terminal' | 'failure'>,
  ): PodStatus {
    const { statuses, prober, hostAddress, clock, waiting, messageOf } = this.#deps;
    const before = this.asTold(pod);
    const status = podStatusOf({
      pod: before,
      runtime,
      hostAddress,
      nowMs: clock.now(),
      waiting: waiting.of(pod.metadata?.uid ?? ''),
      ...options,
      probe: (container) => prober.verdict(container),
      messageOf,
    });
    // Whoever waits for the end counts on it that nothing runs any more. The kubelet itself knows, and stops the rest.
    const isEarly =
      isFinal(status) && !isFinal(before.status) && runtime.containers.some(isRunning);
    statuses.set(pod, isEarly ? { ...status, phase: before.status?.phase ?? 'Pending' } : status);
    return status;
  }

  tellEnd(pod: Pod, runtime: RuntimePod, ending: Ending): void {
    if (ending.why !== 'rejected') {
      const failure = 'reason' in ending ? ending : undefined;
      this.tell(pod, runtime, { terminal: true, failure });
      return;
    }
    const { reason, message } = ending;
    const startTime = pod.status?.startTime ?? timeText(this.#deps.clock.now());
    const qosClass = pod.status?.qosClass ?? qosClassOf(pod);
    this.#deps.statuses.set(pod, { phase: 'Failed', reason, message, startTime, qosClass });
  }

  /**
   * Until the last container has ended, what becomes of the others is told at once.
   * @param look at what runs. @returns what stops the telling; after that nothing is told.
   */
  tellChanges(pod: Pod, ending: Ending, look: () => Promise<RuntimePod>): () => void {
    const { prober, cache, log } = this.#deps;
    const podUid = pod.metadata?.uid ?? '';
    let over = false;
    const tell = async () => {
      try {
        const runtime = await look();
        if (!over) this.tellEnd(pod, runtime, ending);
      } catch (error) {
        // The end is told in any case.
        log.warn('Failed to tell how a pod ends', { podUID: podUid, err: messageOf(error) });
      }
    };
    const stops = [
      prober.watch(podUid, tell),
      cache.onChange(({ uid }) => (uid === podUid ? void tell() : undefined)),
    ];
    return () => {
      over = true;
      for (const stop of stops) stop();
    };
  }
}

function isFinal(status: PodStatus | undefined): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}
