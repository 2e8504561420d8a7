// Down: removes everything that a cluster is, however much of it there is.
//
// Found by label, not from a list that somebody kept, so it also works for a half-made cluster. The machines
// go first: a kubelet that still ran would start its pods again.
//
// Invariants: idempotent; only what has the cluster's label, its directories and its state is touched.

import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { hostDir } from './cluster-config.ts';
import { ClusterError } from './cluster-error.ts';
import { readState, removeState } from './cluster-state.ts';
import { clusterLabel, roleLabel } from './container-spec.ts';
import { connectDocker, done, isMissing, listContainers, removeContainer } from './docker.ts';
import { releaseHostDir } from './host-dir.ts';
import { ensureImages } from './image.ts';
import { nodeImage } from './image-names.ts';

/** The engine may still be making a container for a kubelet, or removing one. */
const removalMaxMs = 30_000;

/** Answers whether there was anything to remove. */
export async function down(cluster: string): Promise<boolean> {
  return removeCluster(await connectDocker(), cluster);
}

export async function removeCluster(docker: Docker, cluster: string): Promise<boolean> {
  const hasState = (await readState(cluster).catch(() => true)) !== undefined;
  const containers = await removeContainers(docker, cluster);
  const networks = await removeNetworks(docker, cluster);
  const directory = containers + networks > 0 || existsSync(hostDir(cluster));
  if (directory) await removeDirectory(docker, cluster);
  const volumes = await removeVolumes(docker, cluster);
  await removeState(cluster);
  return hasState || directory || volumes > 0;
}

async function removeContainers(docker: Docker, cluster: string): Promise<number> {
  const machines = (await listContainers(docker, cluster)).filter(
    ({ Labels }) => Labels[roleLabel] !== undefined,
  );
  await Promise.all(machines.map(({ Id }) => removeContainer(docker.getContainer(Id))));
  let removed = machines.length;
  const deadline = Date.now() + removalMaxMs;
  for (;;) {
    const rest = await listContainers(docker, cluster);
    if (rest.length === 0) return removed;
    if (Date.now() > deadline) {
      throw new ClusterError(
        `Docker still has ${rest.length} containers of ${cluster} after ${removalMaxMs / 1000} s: run \`down\` again`,
      );
    }
    await Promise.all(rest.map(({ Id }) => removeContainer(docker.getContainer(Id))));
    removed += rest.length;
    await delay(100);
  }
}

async function removeNetworks(docker: Docker, cluster: string): Promise<number> {
  const networks = await docker.listNetworks({ filters: labelled(cluster) });
  await Promise.all(networks.map(({ Id }) => done(docker.getNetwork(Id).remove())));
  return networks.length;
}

async function removeVolumes(docker: Docker, cluster: string): Promise<number> {
  const { Volumes } = await docker.listVolumes({ filters: labelled(cluster) });
  const volumes = Volumes ?? [];
  await Promise.all(
    volumes.map(({ Name }) => done(docker.getVolume(Name).remove({ force: true }))),
  );
  return volumes.length;
}

/** Takes a container, hence the image: it is made again if somebody removed it meanwhile. */
async function removeDirectory(docker: Docker, cluster: string): Promise<void> {
  try {
    await docker.getImage(nodeImage).inspect();
  } catch (error) {
    if (!isMissing(error)) throw error;
    if (!existsSync(hostDir(cluster))) return;
    await ensureImages(docker, () => {});
  }
  await releaseHostDir(docker, cluster);
}

function labelled(cluster: string) {
  return { label: [`${clusterLabel}=${cluster}`] };
}
