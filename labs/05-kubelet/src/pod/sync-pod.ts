// SyncPod: what has to be done so that a pod runs as its spec says. The kubelet's brain, and pure.
//
// In: the spec, what the runtime has, what the probes found, how long each restart must still wait. Out: actions, to
// be obeyed in order. Nothing is remembered between two calls, so it does not matter what was lost meanwhile.
//
// Rules: init containers run one after the other, to success, before any other starts; a container is started only in
// a sandbox that is ready and wired; what runs and is as the spec wants is never touched.
//
// Same idea upstream: computePodActions in kubernetes, pkg/kubelet/kuberuntime/kuberuntime_manager.go.
// Left out here: sidecars (restartable init containers), ephemeral containers, in-place resize.

import { createHash } from 'node:crypto';
import type { Container, Pod } from 'kubernetes-types/core/v1';
import type { RuntimeContainer, RuntimePod, RuntimeSandbox } from '../runtime/runtime.ts';
import { isToldLost } from './container-status.ts';

export type ProbeFailure = 'liveness' | 'startup';

export interface PodView {
  readonly pod: Pod;
  readonly runtime: RuntimePod;
  /** Address of the newest sandbox; absent when it has none or its wire is gone. */
  readonly address: string | undefined;
  /** By container id. */
  readonly failedProbes: ReadonlyMap<string, ProbeFailure>;
  restartDelayMs(container: string, finishedAtMs: number): number;
}

export type PodAction =
  /** Everything of the pod that runs is stopped, and its old sandboxes removed. */
  | { readonly kind: 'stop-pod' }
  | { readonly kind: 'create-sandbox'; readonly attempt: number }
  | {
      readonly kind: 'start-container';
      readonly spec: Container;
      readonly attempt: number;
      /** When the run before this one ended; the next back-off is counted from here. */
      readonly finishedAtMs: number | undefined;
    }
  | {
      readonly kind: 'kill-container';
      readonly container: RuntimeContainer;
      readonly message: string;
    }
  | { readonly kind: 'back-off'; readonly spec: Container; readonly delayMs: number };

export function planPod(view: PodView): readonly PodAction[] {
  const sandbox = usableSandbox(view);
  if (sandbox === undefined) return planNewSandbox(view);
  const init = planInitContainers(view, sandbox);
  return init.done ? planContainers(view) : init.actions;
}

/** The sandbox that containers may join, if there is one: the newest, ready, with its network intact. */
export function usableSandbox(view: PodView): RuntimeSandbox | undefined {
  const newest = view.runtime.sandboxes[0];
  return newest?.state === 'ready' && view.address !== undefined ? newest : undefined;
}

/** Should this container run (again), as far as the restart policy is concerned? */
export function shouldRestart(
  pod: Pod,
  name: string,
  record: RuntimeContainer | undefined,
): boolean {
  if (record === undefined) {
    // The engine may have forgotten a container of which we have told that it ended.
    const known = pod.status?.containerStatuses?.find((status) => status.name === name);
    const ended = known?.state?.terminated;
    return ended === undefined || mayRunAgain(pod, ended.exitCode);
  }
  if (record.status.state === 'created') return true;
  return record.status.state === 'exited' && mayRunAgain(pod, record.status.exitCode);
}

function mayRunAgain(pod: Pod, exitCode: number): boolean {
  switch (pod.spec?.restartPolicy) {
    case 'Never':
      return false;
    case 'OnFailure':
      return exitCode !== 0;
    default:
      return true;
  }
}

/** Changes when the running container no longer is what the spec asks for; only the image may change in place. */
export function containerHash(spec: Container): string {
  const text = JSON.stringify({ name: spec.name, image: spec.image });
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

export function newestOf(runtime: RuntimePod, name: string): RuntimeContainer | undefined {
  return runtime.containers.find((container) => container.name === name);
}

/** Have the init containers done their work in this sandbox? */
export function isInitialized(pod: Pod, runtime: RuntimePod): boolean {
  const init = pod.spec?.initContainers ?? [];
  if (init.length === 0) return true;
  const records = inNewestSandbox(runtime);
  if (mainHasStarted(pod, records)) return true;
  return init.every(({ name }) => succeeded(records.find((record) => record.name === name)));
}

function planNewSandbox(view: PodView): readonly PodAction[] {
  const { pod, runtime } = view;
  const stop: PodAction[] = hasAnythingUp(runtime) ? [{ kind: 'stop-pod' }] : [];
  const wanted = (pod.spec?.containers ?? []).filter(({ name }) => {
    const record = newestOf(runtime, name);
    // What still runs is about to be stopped with its sandbox, and counts as failed by that.
    return (
      shouldRestart(pod, name, record) || (isRunning(record) && pod.spec?.restartPolicy !== 'Never')
    );
  });
  if (wanted.length === 0) return stop;
  const newest = runtime.sandboxes[0];
  const create: PodAction = {
    kind: 'create-sandbox',
    attempt: newest === undefined ? 0 : newest.attempt + 1,
  };
  const [firstInit] = pod.spec?.initContainers ?? [];
  const starts = firstInit === undefined ? wanted : [firstInit];
  return [...stop, create, ...starts.map((spec) => startAction(view, spec))];
}

function planInitContainers(
  view: PodView,
  sandbox: RuntimeSandbox,
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

function planContainers(view: PodView): readonly PodAction[] {
  const { pod, runtime } = view;
  return (pod.spec?.containers ?? []).flatMap((spec) => {
    const record = newestOf(runtime, spec.name);
    if (record?.status.state === 'running') return planRunning(view, spec, record);
    return shouldRestart(pod, spec.name, record) ? [startOrBackOff(view, spec)] : [];
  });
}

/** A killed container is seen as exited soon, and started again by the rules for that. */
function planRunning(
  view: PodView,
  spec: Container,
  container: RuntimeContainer,
): readonly PodAction[] {
  const restarted = view.pod.spec?.restartPolicy === 'Never' ? '' : ', will be restarted';
  const kill = (why: string): readonly PodAction[] => [
    { kind: 'kill-container', container, message: `Container ${spec.name} ${why}` },
  ];
  if (container.hash !== containerHash(spec)) return kill('definition changed, will be restarted');
  const failed = view.failedProbes.get(container.id);
  return failed === undefined ? [] : kill(`failed ${failed} probe${restarted}`);
}

function startOrBackOff(view: PodView, spec: Container): PodAction {
  const record = newestOf(view.runtime, spec.name);
  if (record?.status.state === 'exited') {
    const delayMs = view.restartDelayMs(spec.name, record.status.finishedAtMs);
    if (delayMs > 0) return { kind: 'back-off', spec, delayMs };
  }
  return startAction(view, spec);
}

function startAction(view: PodView, spec: Container): PodAction {
  const record = newestOf(view.runtime, spec.name);
  return {
    kind: 'start-container',
    spec,
    attempt: nextAttempt(view, spec.name, record),
    finishedAtMs: record?.status.state === 'exited' ? record.status.finishedAtMs : undefined,
  };
}

/** Counts on from what the runtime has, or, when that was lost, from what the API server was told. */
function nextAttempt(view: PodView, name: string, record: RuntimeContainer | undefined): number {
  if (record !== undefined) {
    return record.status.state === 'created' ? record.attempt : record.attempt + 1;
  }
  const { containerStatuses = [], initContainerStatuses = [] } = view.pod.status ?? {};
  const known = [...containerStatuses, ...initContainerStatuses].find((one) => one.name === name);
  if (known?.containerID === undefined) return 0;
  return isToldLost(known) ? known.restartCount : known.restartCount + 1;
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

function isRunning(record: RuntimeContainer | undefined): boolean {
  return record?.status.state === 'running';
}

function succeeded(record: RuntimeContainer | undefined): boolean {
  return record?.status.state === 'exited' && record.status.exitCode === 0;
}

function hasAnythingUp(runtime: RuntimePod): boolean {
  return runtime.sandboxes.length > 0 || runtime.containers.some(isRunning);
}
