// Objects for the tables: pods, containers and runtime records with only what a row is about.

import type { Container, Pod, PodSpec } from 'kubernetes-types/core/v1';
import { containerHash } from '#src/pod/kill-action.ts';
import type {
  PodSandbox,
  RuntimeContainer,
  RuntimeContainerState,
  RuntimePod,
} from '#src/runtime/runtime.ts';

export const IDENTITY = { uid: 'u1', name: 'web', namespace: 'default' };

export function pod(spec: Partial<PodSpec> = {}, rest: Partial<Pod> = {}): Pod {
  return {
    metadata: { ...IDENTITY },
    spec: { containers: [container('c')], restartPolicy: 'Always', ...spec },
    ...rest,
  };
}

export function container(name: string, rest: Partial<Container> = {}): Container {
  return { name, image: 'image:v1', ...rest };
}

/** A restartable init container. */
export function sidecar(name: string, rest: Partial<Container> = {}): Container {
  return container(name, { restartPolicy: 'Always', ...rest });
}

export function sandbox(rest: Partial<PodSandbox> = {}): PodSandbox {
  return {
    id: 's0',
    pod: IDENTITY,
    attempt: 0,
    state: 'ready',
    createdAtMs: 0,
    pid: 1,
    network: 'pod',
    ...(rest.state === 'notready' ? { ips: [] } : { ip: '10.0.0.2', ips: ['10.0.0.2'] }),
    ...rest,
  };
}

export const RUNNING: RuntimeContainerState = { state: 'running', startedAtMs: 1_000, pid: 2 };
export const CREATED: RuntimeContainerState = { state: 'created' };

export function exited(exitCode: number, finishedAtMs = 2_000): RuntimeContainerState {
  const reason = exitCode === 0 ? 'Completed' : 'Error';
  return { state: 'exited', startedAtMs: 1_000, finishedAtMs, exitCode, reason };
}

export function record(
  name: string,
  status: RuntimeContainerState,
  rest: Partial<RuntimeContainer> = {},
): RuntimeContainer {
  return {
    id: `${name}-${rest.attempt ?? 0}`,
    pod: IDENTITY,
    sandboxId: 's0',
    name,
    attempt: 0,
    image: 'image:v1',
    imageId: 'sha256:1',
    hash: containerHash(container(name)),
    createdAtMs: 0,
    status,
    tty: false,
    annotations: {},
    ...rest,
  };
}

export function runtimePod(
  containers: readonly RuntimeContainer[],
  sandboxes: readonly PodSandbox[] = [sandbox()],
): RuntimePod {
  return { identity: IDENTITY, sandboxes, containers };
}

export function statusOf(pod: Pod | undefined, name: string) {
  return pod?.status?.containerStatuses?.find((status) => status.name === name);
}
