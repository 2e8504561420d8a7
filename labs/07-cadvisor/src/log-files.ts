// LogFiles: how much of the disk a container's output takes: the file that is written, and those that it was rotated into.
//
// They lie on the engine's host, which a process in a container sees below another root.
//
// Same figure upstream: logs of ContainerStats, from CRI's log directories. Left out: logs of engines that keep them elsewhere.
import { statSync } from 'node:fs';

const ROTATED_MAX = 100;

/** Undefined where there is no such file to be seen. @param path as the engine names it */
export function readLogBytes(hostRoot: string, path: string): number | undefined {
  const size = (suffix: string) =>
    statSync(`${hostRoot}${path}${suffix}`, { throwIfNoEntry: false })?.size;
  let total = path === '' ? undefined : size('');
  for (let number = 1; total !== undefined && number <= ROTATED_MAX; number++) {
    const rotated = size(`.${number}`);
    if (rotated === undefined) break;
    total += rotated;
  }
  return total;
}
