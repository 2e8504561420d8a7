// SyncPod: what has to be done so that a pod runs as its spec says. The kubelet's brain, and pure.
//
// In: the spec, what the runtime has, what the probes found, how long each restart must still wait. Out: actions, to
// be obeyed in order. Nothing is remembered between two calls, so it does not matter what was lost meanwhile.
//
// Rules: init containers run one after the other, to success, before any other starts; sidecars start in the same row and
// run on, until the main containers have ended for good; a container is started only in a sandbox that is ready and
// wired; what runs and is as the spec wants is never touched.
//
// Same idea upstream: computePodActions in kubernetes, pkg/kubelet/kuberuntime/kuberuntime_manager.go.
// Left out here: in-place resize.

import type { Container } from 'kubernetes-types/core/v1';
import { type RuntimePod, readySandboxOf } from '../runtime/runtime.ts';
import { planEphemeralContainers } from './ephemeral-containers.ts';
import { planInitContainers } from './init-containers.ts';
import { killIfWrong } from './kill-action.ts';
import { isRunning, newestOf, type PodAction, type PodView } from './pod-view.ts';
import { shouldRestart } from './restart-policy.ts';
import { startAction, startOrBackOff } from './start-action.ts';

/** @returns what to do for the pod now, in order; nothing when it is as it should be. */
export function planPod(view: PodView): readonly PodAction[] {
  if (readySandboxOf(view.runtime) === undefined) return planNewSandbox(view);
  const first = planEphemeralContainers(view);
  const init = planInitContainers(view);
  if (!init.done) return [...first, ...init.actions];
  const main = planContainers(view);
  if (main.length > 0 || someMainRuns(view)) return [...first, ...init.actions, ...main];
  return stopRest(view.runtime);
}

/** The main containers have ended for good, and nobody brings back what served them. */
function stopRest({ containers }: RuntimePod): readonly PodAction[] {
  return containers.some(isRunning) ? [{ kind: 'stop-containers' }] : [];
}

/** Begins anew: what is left of the old sandbox goes, and everything that is wanted is started in a new one. */
function planNewSandbox(view: PodView): readonly PodAction[] {
  const { pod, runtime } = view;
  const wanted = wantedInNewSandbox(view);
  if (wanted.length === 0) return stopRest(runtime);
  const [firstInit] = pod.spec?.initContainers ?? [];
  const starts = firstInit === undefined ? wanted : [firstInit];
  const stop: PodAction[] = hasAnythingUp(runtime) ? [{ kind: 'stop-pod' }] : [];
  const attempt = (runtime.sandboxes[0]?.attempt ?? -1) + 1;
  const create: PodAction = { kind: 'create-sandbox', attempt };
  return [...stop, create, ...starts.map((spec) => startAction(view, spec))];
}

/** The main containers for which a new sandbox is worth making. */
function wantedInNewSandbox({ pod, runtime }: PodView): readonly Container[] {
  return (pod.spec?.containers ?? []).filter(({ name }) => {
    const record = newestOf(runtime, name);
    // What still runs is about to be stopped with its sandbox, and counts as failed by that.
    if (isRunning(record)) return pod.spec?.restartPolicy !== 'Never';
    return shouldRestart(pod, name, record);
  });
}

/** In a sandbox that is good: each main container by itself. */
function planContainers(view: PodView): readonly PodAction[] {
  const { pod, runtime } = view;
  return (pod.spec?.containers ?? []).flatMap((spec) => {
    const record = newestOf(runtime, spec.name);
    if (record?.status.state === 'running') return killIfWrong(view, spec, record);
    return shouldRestart(pod, spec.name, record) ? [startOrBackOff(view, spec)] : [];
  });
}

function someMainRuns({ pod, runtime }: PodView): boolean {
  return (pod.spec?.containers ?? []).some(({ name }) => isRunning(newestOf(runtime, name)));
}

function hasAnythingUp(runtime: RuntimePod): boolean {
  return runtime.sandboxes.length > 0 || runtime.containers.some(isRunning);
}
