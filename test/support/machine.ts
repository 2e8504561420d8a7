// machine: what a cluster could leave behind on a machine, read before and after.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
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
    containers: await list('docker', 'ps', '-a', '--format', '{{.Names}}'),
    networks: await list('docker', 'network', 'ls', '--format', '{{.Name}}'),
    volumes: await list('docker', 'volume', 'ls', '--format', '{{.Name}}'),
    mounts: mounts.filter((line) => line.includes('kube-labs')).sort(),
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

/** Docker's own rules carry counters and the names of bridges that come and go with other clusters; the structure is what counts. */
async function rulesOf(): Promise<string[]> {
  const lines = await list('nft', '--stateless', 'list', 'ruleset');
  return lines.map((line) => line.trim());
}
