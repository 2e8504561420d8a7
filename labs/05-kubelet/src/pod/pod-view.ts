// PodView: what a plan is made from, and what it may be made of.
//
// Same idea upstream: podActions in kubernetes, pkg/kubelet/kuberuntime/kuberuntime_manager.go.

import type { Container, Pod } from 'kubernetes-types/core/v1';
import type { RuntimeContainer, RuntimePod } from '../runtime/runtime.ts';

export type ProbeFailure = 'liveness' | 'startup';

export interface PodView {
  readonly pod: Pod;
  readonly runtime: RuntimePod;
  /** By container id. */
  readonly failedProbes: ReadonlyMap<string, ProbeFailure>;
  /** Of one that runs: has its startup probe succeeded, if it has one? */
  hasStarted(container: RuntimeContainer): boolean;
  restartDelayMs(spec: Container, finishedAtMs: number): number;
}

export type PodAction =
  /** Everything of the pod that runs is stopped, and its old sandboxes removed. */
  | { readonly kind: 'stop-pod' }
  | { readonly kind: 'create-sandbox'; readonly attempt: number }
  /** The main containers have ended for good: what runs beside them follows. */
  | { readonly kind: 'stop-containers' }
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
      /** The failed probe's own; absent leaves the pod's. */
      readonly graceSeconds?: number;
    }
  | { readonly kind: 'back-off'; readonly spec: Container; readonly delayMs: number };

/** Every container that the pod asks for, of whichever kind. */
export function containersOf(pod: Pod | undefined): readonly Container[] {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = pod?.spec ?? {};
  return [...containers, ...initContainers, ...ephemeralContainers];
}

export function newestOf(runtime: RuntimePod, name: string): RuntimeContainer | undefined {
  return runtime.containers.find((container) => container.name === name);
}

export function isRunning(record: RuntimeContainer | undefined): boolean {
  return record?.status.state === 'running';
}

export function succeeded(record: RuntimeContainer | undefined): boolean {
  return record?.status.state === 'exited' && record.status.exitCode === 0;
}
