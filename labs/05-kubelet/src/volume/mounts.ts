// Mounts: tmpfs on the node, and the careful removal of directories that may hold mounts.
//
// Rule: a pod's directory is deleted only when the kernel says that nothing is mounted below it any more, so that a
// recursive delete can never reach into somebody else's files.
//
// Same idea upstream: k8s.io/mount-utils.

import { readFile, rm } from 'node:fs/promises';
import type { HostCommand } from '../host-command.ts';

const MOUNT_INFO = '/proc/self/mountinfo';

/** Mount points at or below a directory, the deepest first. */
export async function mountsBelow(directory: string): Promise<readonly string[]> {
  return mountPoints(await readFile(MOUNT_INFO, 'utf8'))
    .filter((point) => point === directory || point.startsWith(`${directory}/`))
    .sort((a, b) => b.length - a.length);
}

/** The fifth field; the kernel writes blanks and the like as octal numbers. */
export function mountPoints(mountInfo: string): readonly string[] {
  return mountInfo
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => unescapeOctal(line.split(' ')[4] ?? ''));
}

export async function mountTmpfs(
  directory: string,
  options: { readonly sizeBytes?: number; readonly mode: string; readonly gid?: number },
  run: HostCommand,
): Promise<void> {
  if ((await mountsBelow(directory)).includes(directory)) return;
  const { sizeBytes, mode, gid = 0 } = options;
  const size = sizeBytes === undefined ? '' : `,size=${sizeBytes}`;
  await run('mount', ['-t', 'tmpfs', '-o', `mode=${mode},gid=${gid}${size}`, 'tmpfs', directory]);
}

export async function removeDirectory(directory: string, run: HostCommand): Promise<void> {
  for (const point of await mountsBelow(directory)) await run('umount', [point]);
  const left = await mountsBelow(directory);
  if (left.length > 0) throw new Error(`Cannot remove ${directory}: still mounted: ${left[0]}`);
  try {
    await rm(directory, { recursive: true, force: true });
  } catch (error) {
    // Deeper than a path can name; the command goes down step by step.
    if ((error as NodeJS.ErrnoException).code !== 'ENAMETOOLONG') throw error;
    await run('rm', ['-rf', '--one-file-system', '--', directory]);
  }
}

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
