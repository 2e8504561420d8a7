// TerminationMessages: the last words of containers, read once when they have ended.
//
// A container writes them to a file that the kubelet gave it; with FallbackToLogsOnError the end of its log stands in.
//
// Same idea upstream: getTerminationMessage in kubernetes, pkg/kubelet/kuberuntime/kuberuntime_container.go.

import { open } from 'node:fs/promises';
import type { Pod } from 'kubernetes-types/core/v1';
import type { Runtime, RuntimeContainer, RuntimePod } from '../runtime/runtime.ts';
import { terminationLogPath } from './container-starter.ts';
import { containersOf } from './pod-view.ts';

const MESSAGE_BYTES_MAX = 4096;
const FALLBACK_BYTES_MAX = 2048;
const FALLBACK_LINES_MAX = 80;
/** For all containers of a pod together: each may have as much as the others. */
const POD_BYTES_MAX = 12 * 1024;
const POLICY = 'io.kubernetes.container.terminationMessagePolicy';

export function shortened(pod: Pod, message: string | undefined): string | undefined {
  const bytesMax = Math.floor(POD_BYTES_MAX / containersOf(pod).length);
  return message === undefined ? undefined : Buffer.from(message).subarray(0, bytesMax).toString();
}

export class TerminationMessages {
  readonly #runtime: Runtime;
  readonly #messages = new Map<string, string>();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  of(container: RuntimeContainer): string | undefined {
    return this.#messages.get(container.id);
  }

  /** Reads those of the pod that are not known yet, and forgets those of containers that are gone. */
  async load(runtime: RuntimePod, podDirectory: string): Promise<void> {
    for (const container of runtime.containers) {
      if (container.status.state !== 'exited' || this.#messages.has(container.id)) continue;
      this.#messages.set(container.id, await this.#read(container, podDirectory));
    }
  }

  forget(containerId: string): void {
    this.#messages.delete(containerId);
  }

  async #read(container: RuntimeContainer, podDirectory: string): Promise<string> {
    const path = terminationLogPath(podDirectory, container.name, container.attempt);
    const written = await endOfFile(path, MESSAGE_BYTES_MAX).catch(() => Buffer.alloc(0));
    if (written.length > 0) return written.toString();
    const failed = container.status.state === 'exited' && container.status.exitCode !== 0;
    if (!failed || container.annotations[POLICY] !== 'FallbackToLogsOnError') return '';
    return this.#endOfLog(container);
  }

  async #endOfLog(container: RuntimeContainer): Promise<string> {
    const options = { follow: false, timestamps: false, tailLines: FALLBACK_LINES_MAX };
    let end = Buffer.alloc(0);
    for await (const chunk of this.#runtime.logs(
      container,
      options,
      new AbortController().signal,
    )) {
      end = Buffer.concat([end, chunk]).subarray(-FALLBACK_BYTES_MAX);
    }
    return end.toString();
  }
}

/** A container may write as much as the disk holds: no more of it is read than is told. */
async function endOfFile(path: string, bytesMax: number): Promise<Buffer> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const length = Math.min(size, bytesMax);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
