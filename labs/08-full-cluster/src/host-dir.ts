// HostDir: the cluster's directory on the engine's host, /var/lib/kube-labs/<cluster>.
//
// A tmpfs that a kubelet mounts in its container must be seen by the pods' containers, which are siblings.
// That works when the node's directory is mounted rshared, and Docker only does so when it lies on a shared
// mount. Where `/` is private (no systemd) the directory is therefore bound on itself and made shared.
//
// All of it happens in a one-shot container that enters dockerd's own mount namespace: that is the one whose
// paths Docker mounts, wherever the engine runs (this machine, a virtual machine of Docker Desktop), and the
// launcher needs no root. Safe to repeat; nothing outside the cluster's directory is touched.
//
// Known limit: the bind does not outlive a reboot. `up` makes it again, and so does `machines` for nodes that
// could not start for that reason (see machines.ts).

import type Docker from 'dockerode';
import { controlPlaneContainer, hostDir } from './cluster-config.ts';
import { ClusterError } from './cluster-error.ts';
import { clusterLabel } from './container-spec.ts';
import { runOnce } from './docker.ts';

const prelude = `
set -eu
dir=$1
pid=$(pidof dockerd | awk '{ print $NF }') || true
host() { nsenter --target "\${pid:-1}" --mount "$@"; }
# Fields of mountinfo: 5 is the mount point; "shared:N" stands before the "-".
mounts=/proc/\${pid:-1}/mountinfo
`;

const shareScript = `${prelude}
host mkdir -p "$dir"
if ! awk -v dir="$dir" '
  $5 == "/" || $5 == dir || index(dir, $5 "/") == 1 {
    if (length($5) >= longest) { longest = length($5); shared = 0; for (i = 7; $i != "-"; i++) if ($i ~ /^shared:/) shared = 1 }
  }
  END { exit !shared }' "$mounts"; then
  host mount --bind "$dir" "$dir"
  host mount --make-rshared "$dir"
fi
`;

const freeSpaceScript = `
if [ -d /store ]; then df -Pk /store/* | awk 'NR > 1 { print "free", $4 }' | sort -n -k 2 | head -n 1; fi
`;

const releaseScript = `${prelude}
# The deepest first; a mount that is still busy is detached and goes with its last user.
awk -v dir="$dir" '$5 == dir || index($5, dir "/") == 1 { print $5 }' "$mounts" | sort -r |
  while read -r mount; do host umount "$mount" 2>/dev/null || host umount -l "$mount" || true; done
host rm -rf "$dir"
host rmdir /var/lib/kube-labs 2>/dev/null || true
`;

/** Makes the directory and has it shared; answers the free bytes on the fullest of the store's volumes. */
export async function shareHostDir(
  docker: Docker,
  cluster: string,
  options: { storeVolumes?: readonly string[] } = {},
): Promise<{ freeBytes?: number }> {
  const binds = (options.storeVolumes ?? []).map((volume, index) => `${volume}:/store/${index}`);
  const output = await inHostMounts(docker, cluster, `${shareScript}${freeSpaceScript}`, {
    dir: hostDir(cluster),
    binds,
  });
  const free = /^free (\d+)$/m.exec(output)?.[1];
  return free === undefined ? {} : { freeBytes: Number(free) * 1024 };
}

/** Unmounts and removes the directory, or one node's part of it. Its containers must be gone. */
export async function releaseHostDir(
  docker: Docker,
  cluster: string,
  node?: string,
): Promise<void> {
  await inHostMounts(docker, cluster, releaseScript, { dir: hostDir(cluster, node), binds: [] });
}

async function inHostMounts(
  docker: Docker,
  cluster: string,
  script: string,
  { dir, binds }: { dir: string; binds: readonly string[] },
): Promise<string> {
  const { exitCode, output } = await runOnce(docker, ['sh', '-c', script, 'sh', dir], {
    name: `${controlPlaneContainer(cluster)}-host-dir-${process.pid}`,
    Labels: { [clusterLabel]: cluster },
    HostConfig: {
      NetworkMode: 'none',
      PidMode: 'host',
      CapAdd: ['SYS_ADMIN', 'SYS_PTRACE'],
      SecurityOpt: ['seccomp=unconfined', 'apparmor=unconfined', 'label=disable'],
      Binds: [...binds],
    },
  });
  if (exitCode === 0) return output;
  throw new ClusterError(
    `Docker's host could not prepare ${dir}: ${output.trim().split('\n').at(-1) ?? `exit code ${exitCode}`}`,
  );
}
