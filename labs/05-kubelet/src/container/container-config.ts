// ContainerConfig: everything the runtime must know of one container, from the pod's spec and what was prepared for it.
//
// Pure but for the reading of references, profiles and sub-paths. Whatever the spec asks for that cannot be had is a union
// member with upstream's reason, CreateContainerConfigError, so that the pod says what it waits for.
//
// Same idea upstream: generateContainerConfig in kubernetes, pkg/kubelet/kuberuntime, and
// GenerateRunContainerOptions, makeMounts in pkg/kubelet/kubelet_pods.go.
// Left out here: devices, block volumes, user namespaces.

import type { Container, Pod, VolumeMount } from 'kubernetes-types/core/v1';
import { containerHash } from '../pod/kill-action.ts';
import type { ContainerConfig, ContainerSecurity, Mount, PodSandbox } from '../runtime/runtime.ts';
import { SubPathError } from '../volume/safe-open.ts';
import type { VolumeLocation } from '../volume/volume-manager.ts';
import { type EnvironmentSources, makeEnvironment } from './environment.ts';
import { expand } from './expansion.ts';
import { resourcesOf } from './resources.ts';
import { seccompOf } from './seccomp.ts';
import { dependsOnImageUser, type NodeSecurity, securityOf, securityProblem } from './security.ts';

export interface ContainerConfigInput {
  readonly sandbox: PodSandbox;
  readonly attempt: number;
  readonly sources: EnvironmentSources;
  readonly volumes: ReadonlyMap<string, VolumeLocation>;
  readonly memoryCapacityBytes: number;
  readonly security: NodeSecurity;
  /** The user that the image names; nothing is root. */
  imageUser(): Promise<string | undefined>;
  /** Files that the kubelet keeps for the container: host path by path in the container. */
  readonly files: Readonly<Record<string, string>>;
}

export type ContainerConfigResult =
  | {
      readonly kind: 'ok';
      readonly config: ContainerConfig;
      /** Variables that were left out. */
      readonly warnings: readonly string[];
    }
  | { readonly kind: 'failed'; readonly message: string };

export const TERMINATION_LOG_PATH = '/dev/termination-log';

export async function makeContainerConfig(
  pod: Pod,
  spec: Container,
  input: ContainerConfigInput,
): Promise<ContainerConfigResult> {
  const environment = await makeEnvironment(pod, spec, input.sources);
  if (environment.kind === 'missing') return { kind: 'failed', message: environment.message };
  const security = await makeSecurity(pod, spec, input);
  if (security.kind === 'failed') return security;
  const { variables } = environment;
  const mounts = await makeMounts(spec, input, variables);
  if (mounts.kind === 'failed') return mounts;
  const expandAll = (texts: readonly string[]) =>
    texts.map((text) => expand(text, (name) => variables.get(name)));
  const config: ContainerConfig = {
    pod: input.sandbox.pod,
    sandboxId: input.sandbox.id,
    name: spec.name,
    attempt: input.attempt,
    image: spec.image ?? '',
    hash: containerHash(spec),
    ...(spec.command === undefined ? {} : { command: expandAll(spec.command) }),
    ...(spec.args === undefined ? {} : { args: expandAll(spec.args) }),
    ...(spec.workingDir ? { workingDir: spec.workingDir } : {}),
    env: [...variables].map(([name, value]) => `${name}=${value}`),
    mounts: mounts.mounts,
    stdin: spec.stdin ?? false,
    stdinOnce: spec.stdinOnce ?? false,
    tty: spec.tty ?? false,
    pidNamespace: pidNamespaceOf(pod),
    resources: resourcesOf(pod, spec, input.memoryCapacityBytes),
    security: security.security,
    annotations: annotationsOf(pod, spec),
  };
  return { kind: 'ok', config, warnings: environment.warnings };
}

type SecurityResult =
  | { kind: 'ok'; security: ContainerSecurity }
  | { kind: 'failed'; message: string };

async function makeSecurity(
  pod: Pod,
  spec: Container,
  input: ContainerConfigInput,
): Promise<SecurityResult> {
  // The engine is asked only where it matters: every container that starts would wait for the answer.
  const imageUser = dependsOnImageUser(pod, spec) ? ((await input.imageUser()) ?? '') : '';
  const { missingCapabilities } = input.security;
  const message = securityProblem(pod, spec, { imageUser, missingCapabilities });
  if (message !== undefined) return { kind: 'failed', message };
  const seccomp = await seccompOf(pod, spec, input.security);
  const security = securityOf(pod, spec, imageUser);
  return { kind: 'ok', security: { ...security, ...(seccomp === undefined ? {} : { seccomp }) } };
}

type MountsResult = { kind: 'ok'; mounts: readonly Mount[] } | { kind: 'failed'; message: string };

async function makeMounts(
  spec: Container,
  input: ContainerConfigInput,
  variables: ReadonlyMap<string, string>,
): Promise<MountsResult> {
  const mounts: Mount[] = [];
  for (const [index, mount] of (spec.volumeMounts ?? []).entries()) {
    const volume = input.volumes.get(mount.name);
    if (volume === undefined) {
      return {
        kind: 'failed',
        message: `cannot find volume "${mount.name}" to mount into container "${spec.name}"`,
      };
    }
    try {
      const place = { container: spec.name, index };
      mounts.push(await makeMount(mount, volume, { variables, place }));
    } catch (error) {
      if (error instanceof MissingValue) return { kind: 'failed', message: error.message };
      const what = `failed to prepare subPath for volumeMount "${mount.name}" of container "${spec.name}"`;
      // What the system says would tell the pod's author what the host has.
      const why = error instanceof SubPathError ? `: ${error.message}` : '';
      return { kind: 'failed', message: `${what}${why}` };
    }
  }
  const taken = new Set(mounts.map(({ containerPath }) => containerPath));
  const own = Object.entries(input.files)
    .filter(([containerPath]) => !taken.has(containerPath))
    .map(([containerPath, hostPath]) => ({ hostPath, containerPath, ...WRITABLE }));
  return { kind: 'ok', mounts: [...mounts, ...own] };
}

const WRITABLE = { readOnly: false, propagation: 'rprivate' } as const;

const PROPAGATIONS: Readonly<Record<string, Mount['propagation']>> = {
  HostToContainer: 'rslave',
  Bidirectional: 'rshared',
};

async function makeMount(
  mount: VolumeMount,
  volume: VolumeLocation,
  context: {
    readonly variables: ReadonlyMap<string, string>;
    readonly place: { readonly container: string; readonly index: number };
  },
): Promise<Mount> {
  const subPath = mount.subPathExpr
    ? expandSubPath(mount.subPathExpr, context.variables)
    : mount.subPath;
  return {
    hostPath: subPath ? await volume.subPath(subPath, context.place) : volume.hostPath,
    // One without a slash in front is meant from the root.
    containerPath: mount.mountPath.startsWith('/') ? mount.mountPath : `/${mount.mountPath}`,
    readOnly: volume.readOnly || mount.readOnly === true,
    propagation: PROPAGATIONS[mount.mountPropagation ?? ''] ?? 'rprivate',
  };
}

class MissingValue extends Error {}

/** Unlike in a command, a variable that is not there must not stay as text: it would name a directory. */
function expandSubPath(expression: string, variables: ReadonlyMap<string, string>): string {
  const missing = new Set<string>();
  const path = expand(expression, (name) => {
    const value = variables.get(name);
    if (!value) missing.add(name);
    return value;
  });
  if (missing.size === 0) return path;
  throw new MissingValue(`missing value for ${[...missing].sort().join(', ')}`);
}

function pidNamespaceOf(pod: Pod): ContainerConfig['pidNamespace'] {
  if (pod.spec?.hostPID === true) return 'host';
  return pod.spec?.shareProcessNamespace === true ? 'pod' : 'container';
}

function annotationsOf(pod: Pod, spec: Container): Record<string, string> {
  const grace = pod.spec?.terminationGracePeriodSeconds;
  return {
    'io.kubernetes.container.terminationMessagePath':
      spec.terminationMessagePath ?? TERMINATION_LOG_PATH,
    'io.kubernetes.container.terminationMessagePolicy': spec.terminationMessagePolicy ?? 'File',
    ...(spec.ports === undefined
      ? {}
      : { 'io.kubernetes.container.ports': JSON.stringify(spec.ports) }),
    ...(grace === undefined ? {} : { 'io.kubernetes.pod.terminationGracePeriod': String(grace) }),
  };
}
