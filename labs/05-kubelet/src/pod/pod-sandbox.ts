// PodSandboxes: the sandbox of a pod and the files that go with it come together, and go together.
//
// Same idea upstream: createPodSandbox in kubernetes, pkg/kubelet/kuberuntime/kuberuntime_sandbox.go.

import type { Pod } from 'kubernetes-types/core/v1';
import { type PodSandbox, type Runtime, RuntimeError } from '../runtime/runtime.ts';
import type { PodEvents } from './pod-events.ts';
import { type PodFiles, writePodFiles } from './pod-files.ts';
import { sandboxConfigOf } from './sandbox-config.ts';

export interface SandboxDeps {
  readonly runtime: Runtime;
  readonly events: PodEvents;
  readonly files: PodFiles;
}

/** All of them. Their containers must have been stopped. */
export async function removeSandboxes(
  { runtime }: Pick<SandboxDeps, 'runtime'>,
  sandboxes: readonly PodSandbox[],
): Promise<void> {
  const remove = async ({ id }: PodSandbox) => {
    await runtime.stopPodSandbox(id);
    await runtime.removePodSandbox(id);
  };
  await Promise.all(sandboxes.map(remove));
}

/** With the files that every container of the pod shares; or nothing is left, and the event says why. */
export async function createSandbox(
  deps: SandboxDeps,
  { pod, attempt }: { readonly pod: Pod; readonly attempt: number },
  signal: AbortSignal,
): Promise<PodSandbox> {
  try {
    const config = sandboxConfigOf(pod, attempt, deps.files.dns.domain);
    const sandbox = await deps.runtime.runPodSandbox(config, signal);
    try {
      await writePodFiles(deps.files, pod, sandbox.ip ?? '');
      return sandbox;
    } catch (error) {
      // Containers must never start without the files.
      await removeSandboxes(deps, [sandbox]);
      throw error;
    }
  } catch (error) {
    signal.throwIfAborted();
    const text = error instanceof Error ? error.message : String(error);
    const message = `Failed to create pod sandbox: ${text}`;
    if (!RuntimeError.is(error, 'unavailable')) {
      deps.events.pod(pod, { type: 'Warning', reason: 'FailedCreatePodSandBox', message });
    }
    throw error;
  }
}
