// KillAction: whether what runs must go: it is no longer what the spec asks for, or a probe has given it up. Pure.
//
// What is killed is started again at once, also under OnFailure and with exit code 0, since it did not end by itself.
//
// Same idea upstream: containerChanged and computePodActions in kubernetes, pkg/kubelet/kuberuntime/kuberuntime_manager.go.

import { createHash } from 'node:crypto';
import type { Container } from 'kubernetes-types/core/v1';
import type { RuntimeContainer } from '../runtime/runtime.ts';
import type { PodAction, PodView } from './pod-view.ts';
import { isSidecar } from './restart-policy.ts';
import { startOrBackOff } from './start-action.ts';

/** Changes when the running container no longer is what the spec asks for; only the image may change in place. */
export function containerHash(spec: Container): string {
  const text = JSON.stringify({ name: spec.name, image: spec.image });
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

/** Nothing, for one that is as it should be. */
export function killIfWrong(
  view: PodView,
  spec: Container,
  container: RuntimeContainer,
): readonly PodAction[] {
  // Under every restart policy: nobody wants what runs there.
  if (container.hash !== containerHash(spec)) {
    return [killAction(spec, container, 'definition changed'), startOrBackOff(view, spec)];
  }
  const failed = view.failedProbes.get(container.id);
  if (failed === undefined) return [];
  const ends = view.pod.spec?.restartPolicy === 'Never' && !isSidecar(spec);
  const kill = killAction(spec, container, `failed ${failed} probe`, ends);
  const graceSeconds = spec[`${failed}Probe`]?.terminationGracePeriodSeconds;
  const timed = graceSeconds === undefined ? kill : { ...kill, graceSeconds };
  return ends ? [timed] : [timed, startOrBackOff(view, spec)];
}

function killAction(spec: Container, container: RuntimeContainer, why: string, ends = false) {
  const message = isSidecar(spec)
    ? `Init container ${spec.name} ${why}`
    : `Container ${spec.name} ${why}${ends ? '' : ', will be restarted'}`;
  return { kind: 'kill-container', container, message } as const;
}
