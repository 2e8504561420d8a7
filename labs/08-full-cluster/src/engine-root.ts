// EngineRoot: the root directory of the engine's host, as a node's container sees it.
//
// A hostPath volume names a path there. The node shares the host's process ids, and the engine's own process
// shows the host's files under /proc/<pid>/root; the machine's first process does so, too, where it lets us.
// Where somebody runs a second engine beside, the older one is taken for ours.
//
// Its resolver is the one that pods get that do not ask the cluster's.

import { existsSync, readdirSync, readFileSync } from 'node:fs';

export function engineRoot(): string {
  const [dockerd] = readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && commandOf(entry) === 'dockerd')
    .toSorted((a, b) => startedAt(a) - startedAt(b));
  return `/proc/${dockerd ?? '1'}/root`;
}

/** Where systemd answers itself, on a loopback that no pod has, it keeps a file with the real servers. kubeadm: the same. */
export function engineResolverFile(root: string, usual: string): string {
  const systemds = '/run/systemd/resolve/resolv.conf';
  return existsSync(`${root}${systemds}`) ? systemds : usual;
}

/** In the kernel's ticks since it started: the 22nd field, counted from the end of the name, which may hold anything. */
function startedAt(pid: string): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ');
    return Number(fields?.[19] ?? Number.POSITIVE_INFINITY);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return ''; // It has ended meanwhile.
  }
}
