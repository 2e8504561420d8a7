// ContainerStarter: image, configuration, create, start, postStart: the way of one container into life.
//
// Each step that fails ends it with the reason that the pod's status then shows while the container waits; nothing is
// thrown for what can be expected. What was created but not started is left for the next try to replace.
//
// Same idea upstream: startContainer in kubernetes, pkg/kubelet/kuberuntime/kuberuntime_container.go.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '@kube-labs/apiserver';
import type { Container, LifecycleHandler, Pod } from 'kubernetes-types/core/v1';
import { makeContainerConfig, TERMINATION_LOG_PATH } from '../container/container-config.ts';
import type { EnvironmentSources } from '../container/environment.ts';
import { NODE_SECURITY_DEFAULT, type NodeSecurity } from '../container/security.ts';
import type { ImagePuller } from '../image/image-puller.ts';
import { runHook } from '../probe/hooks.ts';
import {
  type ContainerConfig,
  type PodSandbox,
  type Runtime,
  RuntimeError,
} from '../runtime/runtime.ts';
import type { VolumeLocation } from '../volume/volume-manager.ts';
import type { WaitingReason } from './container-status.ts';
import type { DebugTarget } from './ephemeral-containers.ts';
import type { PodEvents } from './pod-events.ts';

export interface StartInput {
  readonly sandbox: PodSandbox;
  readonly attempt: number;
  readonly sources: EnvironmentSources;
  readonly volumes: ReadonlyMap<string, VolumeLocation>;
  readonly podDirectory: string;
  /** Of an ephemeral container: whose processes it is to see. */
  readonly target: DebugTarget;
}

export interface StarterDeps {
  readonly runtime: Runtime;
  readonly images: ImagePuller;
  readonly events: PodEvents;
  readonly clock: Clock;
  readonly memoryCapacityBytes: number;
  readonly security?: NodeSecurity;
}

export type StartResult =
  | { readonly kind: 'started'; readonly id: string }
  | ({ readonly kind: 'failed' } & WaitingReason)
  /** It started, but its postStart hook failed: it must be killed. */
  | ({ readonly kind: 'hook-failed'; readonly id: string } & WaitingReason);

export async function startContainer(
  deps: StarterDeps,
  target: { readonly pod: Pod; readonly spec: Container; readonly input: StartInput },
  signal: AbortSignal,
): Promise<StartResult> {
  const { pod, spec } = target;
  const image = await deps.images.ensure(pod, spec, signal);
  if (image.kind === 'failed') return image;
  signal.throwIfAborted();
  const id = await create(deps, target);
  if (typeof id !== 'string') return id;
  deps.events.container(pod, spec, {
    type: 'Normal',
    reason: 'Created',
    message: `Created container: ${spec.name}`,
  });
  signal.throwIfAborted();
  try {
    await deps.runtime.startContainer(id);
  } catch (error) {
    return fail(deps, target, { reason: 'RunContainerError', error });
  }
  deps.events.container(pod, spec, {
    type: 'Normal',
    reason: 'Started',
    message: `Started container ${spec.name}`,
  });
  return runPostStart(deps, { ...target, id }, signal);
}

/** Where a container leaves its last words; one file for each run of it. */
export function terminationLogPath(podDirectory: string, name: string, attempt: number): string {
  return join(podDirectory, 'containers', name, `${attempt}.termination-log`);
}

type Target = { readonly pod: Pod; readonly spec: Container; readonly input: StartInput };

async function create(deps: StarterDeps, target: Target): Promise<string | StartResult> {
  const { pod, spec, input } = target;
  const log = terminationLogPath(input.podDirectory, spec.name, input.attempt);
  await mkdir(join(log, '..'), { recursive: true });
  await writeFile(log, '', { mode: 0o666 });
  if (input.target.kind === 'missing') {
    const { message: error } = input.target;
    return fail(deps, target, { reason: 'CreateContainerConfigError', error });
  }
  try {
    const made = await makeContainerConfig(pod, spec, {
      ...input,
      memoryCapacityBytes: deps.memoryCapacityBytes,
      security: deps.security ?? NODE_SECURITY_DEFAULT,
      imageUser: async () => (await deps.runtime.imageStatus(spec.image ?? ''))?.user,
      files: {
        '/etc/hosts': join(input.podDirectory, 'etc-hosts'),
        '/etc/resolv.conf': join(input.podDirectory, 'resolv.conf'),
        [spec.terminationMessagePath ?? TERMINATION_LOG_PATH]: log,
      },
    });
    if (made.kind === 'failed') {
      return fail(deps, target, { reason: 'CreateContainerConfigError', error: made.message });
    }
    for (const message of made.warnings) {
      const reason = 'InvalidEnvironmentVariableNames';
      deps.events.pod(pod, { type: 'Warning', reason, message });
    }
    return await deps.runtime.createContainer({ ...made.config, ...pidNamespaceOf(input.target) });
  } catch (error) {
    return fail(deps, target, { reason: 'CreateContainerError', error });
  }
}

function pidNamespaceOf(target: DebugTarget): Partial<Pick<ContainerConfig, 'pidNamespace'>> {
  return target.kind === 'container' ? { pidNamespace: { containerId: target.id } } : {};
}

function fail(
  deps: StarterDeps,
  { pod, spec }: Target,
  why: { reason: string; error: unknown },
): StartResult {
  // With the engine away it is not the container's fault: try the whole pod again later.
  if (RuntimeError.is(why.error, 'unavailable')) throw why.error;
  const text = why.error instanceof Error ? why.error.message : String(why.error);
  const message =
    why.reason === 'RunContainerError' ? `failed to start container "${spec.name}": ${text}` : text;
  deps.events.container(pod, spec, {
    type: 'Warning',
    reason: 'Failed',
    message: `Error: ${message}`,
  });
  return { kind: 'failed', reason: why.reason, message };
}

/** Takes as long as it takes, unless the pod is deleted meanwhile. */
async function runPostStart(
  deps: StarterDeps,
  { pod, spec, input, id }: Target & { readonly id: string },
  signal: AbortSignal,
): Promise<StartResult> {
  const hook = spec.lifecycle?.postStart;
  if (hook === undefined) return { kind: 'started', id };
  const { runtime, events, clock } = deps;
  const target = { runtime, clock, spec, containerId: id, address: input.sandbox.ip ?? '' };
  const result = await runHook(hook, target, signal);
  if (result.kind === 'success') {
    noteFallback(events, { pod, spec, result });
    return { kind: 'started', id };
  }
  // What the hook said may be secret: more people read events than may read the pod's status.
  const message = 'PostStartHook failed';
  events.container(pod, spec, { type: 'Warning', reason: 'FailedPostStartHook', message });
  const { name, namespace, uid } = pod.metadata ?? {};
  const where = `for Container "${spec.name}" in Pod "${name}_${namespace}(${uid})"`;
  const text = `${describeHook(hook)} ${where} failed - error: ${result.output}`;
  return { kind: 'hook-failed', id, reason: 'PostStartHookError', message: text };
}

function describeHook({ exec, sleep, httpGet }: LifecycleHandler): string {
  if (exec !== undefined) return `Exec lifecycle hook ([${(exec.command ?? []).join(' ')}])`;
  if (sleep !== undefined) return `Sleep lifecycle hook (${sleep.seconds})`;
  return `HTTP lifecycle hook (${httpGet?.path ?? ''})`;
}

/** A hook that was to speak HTTPS and found plain HTTP. */
export function noteFallback(
  events: PodEvents,
  { pod, spec, result }: { pod: Pod; spec: Container; result: { readonly warning?: string } },
): void {
  const { warning: message } = result;
  if (message === undefined) return;
  events.container(pod, spec, { type: 'Warning', reason: 'LifecycleHTTPFallback', message });
}
