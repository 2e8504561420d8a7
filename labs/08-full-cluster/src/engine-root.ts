// EngineRoot: the root directory of the engine's host, as a node's container sees it.
//
// A hostPath volume names a path there. The node shares the host's process ids, and the engine's own process
// shows the host's files under /proc/<pid>/root; the machine's first process does so, too, where it lets us.

import { readdirSync, readFileSync } from 'node:fs';

export function engineRoot(): string {
  const dockerd = readdirSync('/proc').find(
    (entry) => /^\d+$/.test(entry) && commandOf(entry) === 'dockerd',
  );
  return `/proc/${dockerd ?? '1'}/root`;
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return ''; // It has ended meanwhile.
  }
}
