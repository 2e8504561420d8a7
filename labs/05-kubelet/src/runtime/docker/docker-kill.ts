// DockerKill: the end of a command that runs in a container, which the engine itself cannot bring about.
//
// The engine starts each command as the leader of a process group, and says its process id; the group gets SIGKILL.
//
// Same idea upstream: none; the CRI's runtimes can end what they have started.

import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';

/** The engine takes this long at most to start a command; how long it really took is seen by its process. */
const START_MAX_MS = 10_000;
const POLL_MS = 10;

/** One that is still on its way into the container has no process yet. */
export async function killCommand(exec: Docker.Exec): Promise<void> {
  for (let waitedMs = 0; waitedMs < START_MAX_MS; waitedMs += POLL_MS) {
    const { Pid, Running } = await exec.inspect();
    if (Pid > 0 && Running) killGroup(Pid);
    if (Pid > 0 || !Running) return;
    await delay(POLL_MS);
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It ended meanwhile, or lives in a pid namespace that this kubelet cannot see.
  }
}
