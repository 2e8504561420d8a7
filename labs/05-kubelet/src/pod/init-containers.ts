// InitContainers: the part of a plan that comes first: one init container after the other. Pure.
//
//   init container   has done its part when it has succeeded, and is not looked at again
//   sidecar          has done its part when it has started (by its startup probe, if it has one), and is kept running
//
// Whatever comes before one that has begun had done its part, also when the engine has nothing of it any more. What they
// did counts in their own sandbox only: a new one begins from the start. Once a main container has started, the sandbox
// is initialized for good.
//
// Same idea upstream: computeInitContainerActions in kubernetes, pkg/kubelet/kuberuntime/kuberuntime_container.go.

import type { Container, Pod } from 'kubernetes-types/core/v1';
import type { RuntimeContainer, RuntimePod } from '../runtime/runtime.ts';
import { killIfWrong } from './kill-action.ts';
import { isRunning, type PodAction, type PodView, succeeded } from './pod-view.ts';
import { isSidecar } from './restart-policy.ts';
import { startOrBackOff } from './start-action.ts';

type InitView = Pick<PodView, 'pod' | 'runtime' | 'hasStarted'>;

/** Have all init containers done their part in this sandbox? */
export function isInitialized(view: InitView): boolean {
  const records = inNewestSandbox(view.runtime);
  if (mainHasStarted(view.pod, records)) return true;
  const last = view.pod.spec?.initContainers?.at(-1);
  return last === undefined || hasDoneItsPart(view, last, find(records, last));
}

/** @returns what to do for them; the main containers' turn is when `done`. */
export function planInitContainers(view: PodView): {
  readonly done: boolean;
  readonly actions: readonly PodAction[];
} {
  const records = inNewestSandbox(view.runtime);
  const specs = view.pod.spec?.initContainers ?? [];
  const done = isInitialized(view);
  const turn = done ? specs.length : turnOf(view, specs, records);
  const next = specs[turn];
  if (next !== undefined && hasFailedForGood(view.pod, next, find(records, next))) {
    return { done, actions: [] };
  }
  const kept = specs.slice(0, turn).filter(isSidecar);
  const wanted = next === undefined ? kept : [...kept, next];
  return { done, actions: wanted.flatMap((spec) => planOne(view, spec, find(records, spec))) };
}

/** Index of the one that has not done its part. */
function turnOf(
  view: InitView,
  specs: readonly Container[],
  records: readonly RuntimeContainer[],
): number {
  const begun = specs.findLastIndex((spec) => find(records, spec) !== undefined);
  const last = specs[begun];
  if (last === undefined) return 0;
  return hasDoneItsPart(view, last, find(records, last)) ? begun + 1 : begun;
}

function planOne(
  view: PodView,
  spec: Container,
  record: RuntimeContainer | undefined,
): readonly PodAction[] {
  if (record?.status.state !== 'running') return [startOrBackOff(view, spec)];
  return isSidecar(spec) ? killIfWrong(view, spec, record) : [];
}

function hasDoneItsPart(
  view: InitView,
  spec: Container,
  record: RuntimeContainer | undefined,
): boolean {
  if (!isSidecar(spec)) return succeeded(record);
  return record !== undefined && isRunning(record) && view.hasStarted(record);
}

/** An init container that failed is tried again unless the whole pod may not be. */
function hasFailedForGood(
  pod: Pod,
  spec: Container,
  record: RuntimeContainer | undefined,
): boolean {
  if (isSidecar(spec) || pod.spec?.restartPolicy !== 'Never') return false;
  return record?.status.state === 'exited' && !succeeded(record);
}

function inNewestSandbox(runtime: RuntimePod): readonly RuntimeContainer[] {
  const sandboxId = runtime.sandboxes[0]?.id;
  // A finished pod has no sandbox any more; its containers tell the story.
  if (sandboxId === undefined) return runtime.containers;
  return runtime.containers.filter((container) => container.sandboxId === sandboxId);
}

function mainHasStarted(pod: Pod, records: readonly RuntimeContainer[]): boolean {
  return (pod.spec?.containers ?? []).some((spec) => {
    const record = find(records, spec);
    return record !== undefined && record.status.state !== 'created';
  });
}

function find(
  records: readonly RuntimeContainer[],
  { name }: Container,
): RuntimeContainer | undefined {
  return records.find((record) => record.name === name);
}
