// DockerLabels: how a pod's identity is written on Docker's containers, and read back.
//
// The engine is the kubelet's only memory of what runs. Names and labels are those of upstream's
// dockershim, so `docker ps` looks as it did on every node of the Docker years; two labels of our own
// keep nodes and clusters apart that share one engine. Everything here is pure.
//
// Same idea upstream: kubernetes v1.23, pkg/kubelet/dockershim/naming.go and helpers.go.
// Left out here: names made unique by a random suffix after a conflict.

import type { ContainerInspectInfo } from 'dockerode';
import type {
  PodIdentity,
  PodSandbox,
  RuntimeContainer,
  RuntimeContainerState,
} from '../runtime.ts';

export const CLUSTER_LABEL = 'kube-labs';
export const NODE_LABEL = 'kube-labs.node';
export const POD_UID_LABEL = 'io.kubernetes.pod.uid';
export const TYPE_LABEL = 'io.kubernetes.docker.type';
const POD_NAME_LABEL = 'io.kubernetes.pod.name';
const POD_NAMESPACE_LABEL = 'io.kubernetes.pod.namespace';
const CONTAINER_NAME_LABEL = 'io.kubernetes.container.name';
const SANDBOX_ID_LABEL = 'io.kubernetes.sandbox.id';
const NETWORK_LABEL = 'kube-labs.network';
const ANNOTATION_PREFIX = 'annotation.';
const RESTART_COUNT = 'io.kubernetes.container.restartCount';
const HASH = 'io.kubernetes.container.hash';

/** dockershim's name of the sandbox's own container. */
const SANDBOX_NAME = 'POD';

export interface EngineScope {
  readonly cluster: string;
  readonly node: string;
}

export function containerName(pod: PodIdentity, container: string, attempt: number): string {
  return `k8s_${container}_${pod.name}_${pod.namespace}_${pod.uid}_${attempt}`;
}

export function sandboxName(pod: PodIdentity, attempt: number): string {
  return containerName(pod, SANDBOX_NAME, attempt);
}

export function sandboxLabels(
  scope: EngineScope,
  config: {
    readonly pod: PodIdentity;
    readonly attempt: number;
    readonly network: PodSandbox['network'];
    readonly labels: Readonly<Record<string, string>>;
  },
): Record<string, string> {
  return {
    ...config.labels,
    ...annotationLabels({ [RESTART_COUNT]: String(config.attempt) }),
    ...identityLabels(scope, config.pod),
    [NETWORK_LABEL]: config.network,
    [CONTAINER_NAME_LABEL]: SANDBOX_NAME,
    [TYPE_LABEL]: 'podsandbox',
  };
}

export function containerLabels(
  scope: EngineScope,
  config: {
    readonly pod: PodIdentity;
    readonly name: string;
    readonly attempt: number;
    readonly sandboxId: string;
    readonly hash: string;
    readonly annotations: Readonly<Record<string, string>>;
  },
): Record<string, string> {
  return {
    ...annotationLabels({
      ...config.annotations,
      [RESTART_COUNT]: String(config.attempt),
      [HASH]: config.hash,
    }),
    ...identityLabels(scope, config.pod),
    [CONTAINER_NAME_LABEL]: config.name,
    [SANDBOX_ID_LABEL]: config.sandboxId,
    [TYPE_LABEL]: 'container',
  };
}

export function podOfLabels(labels: Readonly<Record<string, string>>): PodIdentity {
  return {
    uid: labels[POD_UID_LABEL] ?? '',
    name: labels[POD_NAME_LABEL] ?? '',
    namespace: labels[POD_NAMESPACE_LABEL] ?? '',
  };
}

/** What the engine itself knows of a sandbox; of its wire and address it knows nothing. */
export function sandboxOf(info: ContainerInspectInfo): Omit<PodSandbox, 'ip' | 'ips'> {
  const labels = info.Config.Labels;
  return {
    id: info.Id,
    pod: podOfLabels(labels),
    attempt: attemptOf(labels),
    state: info.State.Running ? 'ready' : 'notready',
    createdAtMs: Date.parse(info.Created),
    pid: info.State.Running ? info.State.Pid : 0,
    // Not by the engine's network mode, which says how the namespace was made, not whose it is.
    network: labels[NETWORK_LABEL] === 'node' ? 'node' : 'pod',
  };
}

export function containerOf(info: ContainerInspectInfo): RuntimeContainer {
  const labels = info.Config.Labels;
  return {
    id: info.Id,
    pod: podOfLabels(labels),
    sandboxId: labels[SANDBOX_ID_LABEL] ?? '',
    name: labels[CONTAINER_NAME_LABEL] ?? '',
    attempt: attemptOf(labels),
    image: info.Config.Image,
    imageId: info.Image,
    hash: labels[`${ANNOTATION_PREFIX}${HASH}`] ?? '',
    createdAtMs: Date.parse(info.Created),
    status: stateOf(info),
    tty: info.Config.Tty,
    annotations: annotationsOf(labels),
  };
}

function identityLabels(scope: EngineScope, pod: PodIdentity): Record<string, string> {
  return {
    [CLUSTER_LABEL]: scope.cluster,
    [NODE_LABEL]: scope.node,
    [POD_NAME_LABEL]: pod.name,
    [POD_NAMESPACE_LABEL]: pod.namespace,
    [POD_UID_LABEL]: pod.uid,
  };
}

function annotationLabels(annotations: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(annotations).map(([key, value]) => [`${ANNOTATION_PREFIX}${key}`, value]),
  );
}

function annotationsOf(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(labels)
      .filter(([key]) => key.startsWith(ANNOTATION_PREFIX))
      .map(([key, value]) => [key.slice(ANNOTATION_PREFIX.length), value]),
  );
}

function attemptOf(labels: Readonly<Record<string, string>>): number {
  return Number(labels[`${ANNOTATION_PREFIX}${RESTART_COUNT}`] ?? 0);
}

function stateOf(info: ContainerInspectInfo): RuntimeContainerState {
  const state = info.State;
  const startedAtMs = timeOf(state.StartedAt);
  if (state.Running) {
    return {
      state: 'running',
      startedAtMs: startedAtMs ?? Date.parse(info.Created),
      pid: state.Pid,
    };
  }
  if (startedAtMs === undefined) {
    if (state.ExitCode === 0) return { state: 'created' };
    // The engine could not run it at all (no such command, no such user): it never started.
    const createdAtMs = Date.parse(info.Created);
    const times = { startedAtMs: createdAtMs, finishedAtMs: createdAtMs };
    const { ExitCode: exitCode, Error: message } = state;
    return { state: 'exited', ...times, exitCode, reason: 'ContainerCannotRun', message };
  }
  return {
    state: 'exited',
    startedAtMs,
    finishedAtMs: timeOf(state.FinishedAt) ?? startedAtMs,
    exitCode: state.ExitCode,
    reason: state.OOMKilled ? 'OOMKilled' : state.ExitCode === 0 ? 'Completed' : 'Error',
    ...(state.Error === '' ? {} : { message: state.Error }),
  };
}

/** Docker writes the year 1 for "never". */
function timeOf(text: string): number | undefined {
  return text.startsWith('0001-') ? undefined : Date.parse(text);
}
