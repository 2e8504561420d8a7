// EphemeralContainers: what somebody puts into a running pod to look around in it (`kubectl debug`). Pure.
//
// They are started once, also before the pod is initialized, and never again, however they end. One may see the processes
// of another container, its target.
//
// Same idea upstream: computePodActions and getTargetID in kubernetes, pkg/kubelet/kuberuntime.

import type { Container, Pod } from 'kubernetes-types/core/v1';
import type { RuntimePod } from '../runtime/runtime.ts';
import { newestOf, type PodAction, type PodView } from './pod-view.ts';
import { startAction } from './start-action.ts';

export function planEphemeralContainers(view: PodView): readonly PodAction[] {
  const { ephemeralContainers = [] } = view.pod.spec ?? {};
  return ephemeralContainers
    .filter(({ name }) => !hasBegun(view, name))
    .map((spec) => startAction(view, spec));
}

/** The engine may have forgotten one of which we have told. */
function hasBegun({ pod, runtime }: PodView, name: string): boolean {
  if (newestOf(runtime, name) !== undefined) return true;
  const known = pod.status?.ephemeralContainerStatuses?.find((status) => status.name === name);
  return known?.containerID !== undefined;
}

export type DebugTarget =
  | { readonly kind: 'none' }
  | { readonly kind: 'container'; readonly id: string }
  | { readonly kind: 'missing'; readonly message: string };

/** The container whose processes it is to see. */
export function targetOf(pod: Pod, spec: Container, runtime: RuntimePod): DebugTarget {
  const ephemeral = pod.spec?.ephemeralContainers?.find(({ name }) => name === spec.name);
  const name = ephemeral?.targetContainerName;
  if (name === undefined || name === '') return { kind: 'none' };
  const target = newestOf(runtime, name);
  if (target !== undefined) return { kind: 'container', id: target.id };
  return { kind: 'missing', message: `unable to find target container ${name}` };
}
