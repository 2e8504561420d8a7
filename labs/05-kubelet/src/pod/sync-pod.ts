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
import type { Container } from 'kubernetes-types/core/v1';
import { type RuntimeContainer, type RuntimePod, readySandboxOf } from '../runtime/runtime.ts';
import { planInitContainers } from './init-containers.ts';
import { isRunning, newestOf, type PodAction, type PodView } from './pod-view.ts';
import { shouldRestart } from './restart-policy.ts';
import { startAction, startOrBackOff } from './start-action.ts';

export function planPod(view: PodView): readonly PodAction[] {
  const sandbox = readySandboxOf(view.runtime);
  if (sandbox === undefined) return planNewSandbox(view);
  const init = planInitContainers(view, sandbox);
  return init.done ? planContainers(view) : init.actions;
}

/** Changes when the running container no longer is what the spec asks for; only the image may change in place. */
export function containerHash(spec: Container): string {
  const text = JSON.stringify({ name: spec.name, image: spec.image });
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
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

function hasAnythingUp(runtime: RuntimePod): boolean {
  return runtime.sandboxes.length > 0 || runtime.containers.some(isRunning);
}
