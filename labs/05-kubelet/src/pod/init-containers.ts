// InitContainers: the part of a plan that comes first: one init container after the other, each to success. Pure.
//
// What an init container did counts in its own sandbox only: a new one begins from the start. Once a main container has
// started, the sandbox is initialized for good.
//
// Same idea upstream: computeInitContainerActions in kubernetes, pkg/kubelet/kuberuntime/kuberuntime_container.go.
// Left out here: sidecars (restartable init containers).

import type { Container, Pod } from 'kubernetes-types/core/v1';
import type { PodSandbox, RuntimeContainer, RuntimePod } from '../runtime/runtime.ts';
import { isRunning, type PodAction, type PodView, succeeded } from './pod-view.ts';
import { startOrBackOff } from './start-action.ts';

/** Have the init containers done their work in this sandbox? */
export function isInitialized(pod: Pod, runtime: RuntimePod): boolean {
  const init = pod.spec?.initContainers ?? [];
  if (init.length === 0) return true;
  const records = inNewestSandbox(runtime);
  if (mainHasStarted(pod, records)) return true;
  return init.every(({ name }) => succeeded(records.find((record) => record.name === name)));
}

export function planInitContainers(
  view: PodView,
  sandbox: PodSandbox,
): { done: true } | { done: false; actions: readonly PodAction[] } {
  const { pod, runtime } = view;
  const records = runtime.containers.filter(({ sandboxId }) => sandboxId === sandbox.id);
  if (mainHasStarted(pod, records)) return { done: true };
  for (const spec of pod.spec?.initContainers ?? []) {
    const record = records.find(({ name }) => name === spec.name);
    if (succeeded(record)) continue;
    return { done: false, actions: planInitContainer(view, spec, record) };
  }
  return { done: true };
}

function planInitContainer(
  view: PodView,
  spec: Container,
  record: RuntimeContainer | undefined,
): readonly PodAction[] {
  if (isRunning(record)) return [];
  // An init container that failed is tried again unless the whole pod may not be.
  if (record?.status.state === 'exited' && view.pod.spec?.restartPolicy === 'Never') return [];
  return [startOrBackOff(view, spec)];
}

function inNewestSandbox(runtime: RuntimePod): readonly RuntimeContainer[] {
  const sandboxId = runtime.sandboxes[0]?.id;
  // A finished pod has no sandbox any more; its containers tell the story.
  if (sandboxId === undefined) return runtime.containers;
  return runtime.containers.filter((container) => container.sandboxId === sandboxId);
}

function mainHasStarted(pod: Pod, records: readonly RuntimeContainer[]): boolean {
  return (pod.spec?.containers ?? []).some(({ name }) =>
    records.some((record) => record.name === name && record.status.state !== 'created'),
  );
}
