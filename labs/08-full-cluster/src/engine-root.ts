// EngineRoot: the root directory of the engine's host, as a node's container sees it.
//
// A hostPath volume names a path there. The node shares the host's process ids, and the engine's own process
// shows the host's files under /proc/<pid>/root; the machine's first process does so, too, where it lets us.
//
// Its resolver is the one that pods without the cluster's get: that of the node's container is Docker's, at an
// address that only containers of Docker's own networks have.

import { existsSync, readdirSync, readFileSync } from 'node:fs';

export function engineRoot(): string {
  const dockerd = readdirSync('/proc').find(
    (entry) => /^\d+$/.test(entry) && commandOf(entry) === 'dockerd',
  );
  return `/proc/${dockerd ?? '1'}/root`;
}

/** Where systemd answers itself, on the host's loopback, it keeps the file with the real servers beside. */
export function engineResolverFile(root: string): string {
  const files = [`${root}/run/systemd/resolve/resolv.conf`, `${root}/etc/resolv.conf`];
  return files.find((file) => existsSync(file)) ?? '/etc/resolv.conf';
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return ''; // It has ended meanwhile.
  }
}
