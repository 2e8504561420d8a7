// Seccomp: which system calls a container may make.
//
// The container's own profile goes before the pod's. RuntimeDefault is the engine's list, Localhost a file of the node,
// Unconfined no list at all; a pod that says nothing is unconfined, unless the kubelet was told --seccomp-default.
//
// Same idea upstream: getSeccompProfile in kubernetes, pkg/kubelet/kuberuntime/helpers.go.

import { readFile } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import type { Container, Pod, SeccompProfile } from 'kubernetes-types/core/v1';

/** What the engine is told; undefined leaves it its own list. */
export type Seccomp = 'unconfined' | { readonly profile: string } | undefined;

export interface SeccompFiles {
  /** For containers that do not say: the engine's list, or none. */
  readonly seccompDefault: boolean;
  /** Where Localhost profiles are. */
  readonly seccompProfileRoot: string;
}

/** Throws when the profile cannot be read: the container must not run with another. */
export async function seccompOf(
  pod: Pod,
  spec: Container,
  { seccompDefault, seccompProfileRoot }: SeccompFiles,
): Promise<Seccomp> {
  const { privileged, seccompProfile } = spec.securityContext ?? {};
  if (privileged === true) return 'unconfined';
  const wanted: SeccompProfile = seccompProfile ??
    pod.spec?.securityContext?.seccompProfile ?? {
      type: seccompDefault ? 'RuntimeDefault' : 'Unconfined',
    };
  switch (wanted.type) {
    case 'RuntimeDefault':
      return undefined;
    case 'Localhost':
      return { profile: await readProfile(seccompProfileRoot, wanted.localhostProfile ?? '') };
    default:
      return 'unconfined';
  }
}

async function readProfile(root: string, name: string): Promise<string> {
  const path = join(root, normalize(`/${name}`));
  const problem = (why: string) => new Error(`cannot load seccomp profile "${path}": ${why}`);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw problem(isMissing ? 'no such file' : String(error));
  }
  try {
    // As one line: the engine takes an option, not a file.
    return JSON.stringify(JSON.parse(text));
  } catch {
    throw problem('it is not JSON');
  }
}
