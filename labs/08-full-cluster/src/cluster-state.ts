// ClusterState: what the launcher keeps about a cluster between two runs: .kube-labs/NAME/cluster.json.
//
// `phase` is 'starting' from the first file on until up() has seen every node Ready; a launcher that was
// killed in between leaves it so, and the next `up` or `down` removes the half-made cluster. `pid` is the
// launcher that is at it.
//
// Invariant: the file is written beside and renamed; a reader sees one state or the other, never half.

import { chmod, mkdir, readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type ClusterConfig, checkoutDir, stateDir } from './cluster-config.ts';
import { ClusterError, messageOf } from './cluster-error.ts';

export interface ClusterState {
  readonly phase: 'starting' | 'ready';
  readonly pid: number;
  readonly config: ClusterConfig;
}

/** The state of a cluster, or undefined when this checkout has none of that name. */
export async function readState(cluster: string): Promise<ClusterState | undefined> {
  try {
    const state: ClusterState = JSON.parse(await readFile(stateFile(cluster), 'utf8'));
    if (state.config.controlPlanes === undefined) throw new Error('it is of an earlier version');
    return state;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new ClusterError(
      `${stateFile(cluster)} cannot be read (${messageOf(error)}): remove the cluster with \`npx tsx labs/08-full-cluster down --name ${cluster}\``,
      { cause: error },
    );
  }
}

export async function writeState(state: ClusterState): Promise<void> {
  await writePrivate(stateFile(state.config.name), `${JSON.stringify(state, undefined, 2)}\n`);
}

/** Forgets the cluster, with its keys. */
export async function removeState(cluster: string): Promise<void> {
  await rm(stateDir(cluster), { recursive: true, force: true });
  // Gone with its last cluster; anything else in it (an unpacked kubectl) keeps it.
  await rmdir(`${checkoutDir}/.kube-labs`).catch(() => undefined);
}

/** The configuration of a cluster that is there, for every verb but `up` and `down`. */
export async function loadCluster(cluster: string): Promise<ClusterConfig> {
  const state = await readState(cluster);
  if (state !== undefined) return state.config;
  const others = await clusterNames();
  const known = others.length === 0 ? 'there is none' : `there is ${others.join(', ')}`;
  throw new ClusterError(
    `There is no cluster ${cluster} (${known}): start it with \`npx tsx labs/08-full-cluster up --name ${cluster}\``,
  );
}

export async function clusterNames(): Promise<string[]> {
  const entries = await readdir(`${checkoutDir}/.kube-labs`).catch(() => []);
  const states = await Promise.all(entries.map((name) => readState(name).catch(() => undefined)));
  return entries.filter((_, index) => states[index] !== undefined).sort();
}

/** Writes a file that only its owner reads, in one step. */
export async function writePrivate(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await chmod(`${path}.new`, 0o600);
  await rename(`${path}.new`, path);
}

/** Is the launcher that wrote the state still at it? */
export function isLauncherAlive(state: ClusterState): boolean {
  if (state.phase !== 'starting' || state.pid === process.pid) return false;
  try {
    process.kill(state.pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function stateFile(cluster: string): string {
  return `${stateDir(cluster)}/cluster.json`;
}
