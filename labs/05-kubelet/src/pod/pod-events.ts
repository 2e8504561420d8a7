// PodEvents: what the kubelet tells people about a pod, with the container it is about.
//
// Same idea upstream: kubernetes, pkg/kubelet/events; recordContainerEvent in pkg/kubelet/kuberuntime.

import type { EventRecorder } from '@kube-labs/apiserver';
import type { Container, Pod } from 'kubernetes-types/core/v1';

export interface PodEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

export class PodEvents {
  readonly #recorder: Pick<EventRecorder, 'event'>;

  constructor(recorder: Pick<EventRecorder, 'event'>) {
    this.#recorder = recorder;
  }

  pod(pod: Pod, event: PodEvent): void {
    this.#recorder.event(pod, event.type, event.reason, event.message);
  }

  container(pod: Pod, spec: Container, event: PodEvent): void {
    const isIn = (list: 'initContainers' | 'ephemeralContainers') =>
      pod.spec?.[list]?.some(({ name }) => name === spec.name);
    const special = (['initContainers', 'ephemeralContainers'] as const).find(isIn);
    const fieldPath = `spec.${special ?? 'containers'}{${spec.name}}`;
    this.#recorder.event({ ...pod, fieldPath }, event.type, event.reason, event.message);
  }
}
