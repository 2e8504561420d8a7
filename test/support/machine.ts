// machine: what a cluster could leave behind on a machine, read before and after.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject } from 'vitest';
import { eventually } from './eventually.ts';
import { repositoryRoot, run } from './process.ts';

export interface MachineState {
  readonly containers: readonly string[];
  readonly networks: readonly string[];
  readonly volumes: readonly string[];
  readonly mounts: readonly string[];
  readonly routes: readonly string[];
  readonly links: readonly string[];
  readonly tables: readonly string[];
  readonly files: readonly string[];
}

const list = async (command: string, ...args: string[]): Promise<string[]> =>
  (await run(command, args)).stdout.split('\n').filter(Boolean).sort();

function names(folder: string): string[] {
  try {
    return readdirSync(folder).map((name) => join(folder, name));
  } catch {
    return [];
  }
}

/** Docker's things of any cluster, and the mounts, routes, links, nftables rules and files of the machine. */
export async function machineState(): Promise<MachineState> {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  return {
    containers: await containers(),
    networks: await list('docker', 'network', 'ls', '--format', '{{.Name}}'),
    volumes: await list('docker', 'volume', 'ls', '--format', '{{.Name}}'),
    mounts: mounts.filter((line) => line.includes('kube-labs') && !isOfPod(line)).sort(),
    routes: await list('ip', 'route'),
    links: (await list('ip', '-o', 'link')).map((line) =>
      (line.split(': ')[1] ?? '').replace(/@.*/, ''),
    ),
    tables: await rulesOf(),
    files: [...names('/var/lib/kube-labs'), ...names(join(repositoryRoot, '.kube-labs'))].filter(
      (name) => !/\.kube-labs\/(bin|cache)$/.test(name),
    ),
  };
}

/** It takes the kernel and the engine a moment to clear away what was removed. */
export function machineBecomes(want: MachineState): Promise<void> {
  return eventually(async () => expect(await machineState()).toEqual(want));
}

/** A volume of a pod of the cluster under test: these come and go by themselves, as their containers do. */
function isOfPod(mount: string): boolean {
  return mount.includes(`/kube-labs/${inject('cluster')}/`) && mount.includes('/kubelet/pods/');
}

/** Without those of pods of the cluster under test. */
async function containers(): Promise<string[]> {
  const format = '{{.Label "kube-labs"}} {{.Label "io.kubernetes.pod.uid"}} {{.Names}}';
  const rows = await list('docker', 'ps', '-a', '--format', format);
  const others = rows.filter((row) => {
    const [cluster, uid] = row.split(' ');
    return cluster !== inject('cluster') || uid === '';
  });
  return others.map((row) => row.slice(row.lastIndexOf(' ') + 1));
}

/** Docker's own rules carry counters and the names of bridges that come and go with other clusters; the structure is what counts. */
async function rulesOf(): Promise<string[]> {
  const lines = await list('nft', '--stateless', 'list', 'ruleset');
  return lines.map((line) => line.trim());
}
