// StoreChecks: can the place where the cluster keeps its state hold it?
//
// The volume of the store must have room, and an etcd that was named must be reachable from where it will be
// used: from the cluster's network, not from this machine.
//
// KUBE_LABS_STORE_VOLUME_OPTIONS gives the volume Docker's driver options (type=nfs,o=…,device=…), as
// `docker volume create --opt` takes them.

import type Docker from 'dockerode';
import type { ClusterConfig } from './cluster-config.ts';
import { ClusterError } from './cluster-error.ts';
import { clusterLabel } from './container-spec.ts';
import { runOnce } from './docker.ts';

const freeBytesMin = 256 * 1024 * 1024;

export function checkFreeSpace(freeBytes: number | undefined, leastBytes = freeBytesMin): void {
  if (freeBytes === undefined || freeBytes >= leastBytes) return;
  const mebibytes = (bytes: number) => `${Math.floor(bytes / 1024 / 1024)} MiB`;
  throw new ClusterError(
    `The disk is full: the store's volume has ${mebibytes(freeBytes)} left and a cluster needs ${mebibytes(leastBytes)}; free some, for example with \`docker system prune\``,
  );
}

/** `type=tmpfs,device=tmpfs,o=size=8m` → its parts; a comma inside `o` is written as a semicolon. */
export function parseDriverOptions(text: string): Record<string, string> {
  const pairs = text.split(',').filter((part) => part !== '');
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) {
        throw new ClusterError(
          `KUBE_LABS_STORE_VOLUME_OPTIONS has "${pair}", which is not of the form name=value`,
        );
      }
      return [pair.slice(0, at), pair.slice(at + 1).replaceAll(';', ',')];
    }),
  );
}

export function storeVolumeOptions(): Record<string, string> {
  return parseDriverOptions(process.env.KUBE_LABS_STORE_VOLUME_OPTIONS ?? '');
}

export async function checkEtcdReachable(docker: Docker, config: ClusterConfig): Promise<void> {
  for (const url of config.etcd ?? []) {
    const { hostname, port } = new URL(url);
    const { exitCode } = await runOnce(docker, ['nc', '-z', '-w', '3', hostname, port], {
      Labels: { [clusterLabel]: config.name },
      HostConfig: { NetworkMode: config.name },
    });
    if (exitCode === 0) continue;
    throw new ClusterError(
      `No etcd answers at ${url} from the cluster's containers: start it there, with --listen-client-urls on an address that they reach`,
    );
  }
}
