// CompileCache: what Node makes of the sources when it loads them, kept for the next time.
//
// A component spends most of its start on reading and compiling TypeScript. Node keeps the result on disk if it is told
// where; a process that finds it starts in a quarter of the time. One container fills the folder before a cluster starts,
// every component reads it, and none may write it: what one leaves there, the others would run.
//
// It lies among the packages, where `npm ci` sweeps it away. A file that has changed since is compiled as if there were no
// cache, so what is out of date does no harm; it is filled again when anything has changed at all, which takes as long as
// it saves.
//
// Same idea upstream: none; nodejs.org, module compile cache.

import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type Docker from 'dockerode';
import { type ClusterConfig, checkoutDir, machinesOf } from './cluster-config.ts';
import { messageOf } from './cluster-error.ts';
import { clusterLabel } from './container-spec.ts';
import { runOnce } from './docker.ts';
import { compileCacheInContainers, supervisorFile } from './image-names.ts';
import { controlPlanePrograms, loadBalancerPrograms, machinePrograms } from './programs.ts';

const cacheDir = resolve(checkoutDir, 'node_modules/.cache/kube-labs/compile-cache');
const stampFile = `${cacheDir}/inputs`;

/** Two at a time. A program that is asked for its usage has loaded all that it consists of. */
const FILL = 'printf "%s\\n" "$@" | xargs -P 2 -I FILE node FILE --help > /dev/null';

/** Fills the folder when sources or packages have changed since. Never fails: without it everything works, but starts slower. */
export async function ensureCompileCache(
  docker: Docker,
  config: ClusterConfig,
  say: (line: string) => void,
): Promise<void> {
  try {
    const inputs = await hashOfInputs();
    if ((await readFile(stampFile, 'utf8').catch(() => undefined)) === inputs) return;
    say('Compiling the components');
    await fill(docker, config);
    await writeFile(stampFile, inputs);
  } catch (error) {
    say(`The components start without what was compiled before: ${messageOf(error)}`);
  }
}

async function fill(docker: Docker, config: ClusterConfig): Promise<void> {
  await rm(cacheDir, { recursive: true, force: true });
  await mkdir(cacheDir, { recursive: true });
  const { exitCode, output } = await runOnce(
    docker,
    ['sh', '-c', FILL, 'sh', ...entriesOf(config)],
    {
      name: `${config.name}-compile-${process.pid}`,
      Labels: { [clusterLabel]: config.name },
      // The files are the person's own, who must be able to remove them.
      User: `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`,
      Env: [`NODE_COMPILE_CACHE=${compileCacheInContainers}`],
      HostConfig: {
        NetworkMode: 'none',
        Binds: [`${checkoutDir}:/kube-labs:ro`, `${cacheDir}:${compileCacheInContainers}`],
      },
    },
  );
  if (exitCode === 0) return;
  throw new Error(output.trim().split('\n').at(-1) ?? `exit code ${exitCode}`);
}

/** The main file of every program of ours. */
function entriesOf(config: ClusterConfig): string[] {
  const programs = [
    ...config.controlPlanes.flatMap((machine) => controlPlanePrograms(config, machine)),
    ...machinesOf(config).flatMap((machine) => machinePrograms(config, machine)),
    ...loadBalancerPrograms(config),
  ];
  const files = programs.flatMap(({ command: [program, file = ''] }) =>
    program === 'node' ? [file] : [],
  );
  return [...new Set([supervisorFile, ...files])];
}

async function hashOfInputs(): Promise<string> {
  const hash = createHash('sha256');
  hash.update(await readFile(`${checkoutDir}/package-lock.json`));
  for (const lab of (await readdir(`${checkoutDir}/labs`)).sort()) {
    const sources = `${checkoutDir}/labs/${lab}/src`;
    const files = await readdir(sources, { recursive: true }).catch(() => []);
    for (const file of files.sort()) {
      const { size, mtimeMs } = await stat(`${sources}/${file}`);
      hash.update(`${lab}/${file} ${size} ${mtimeMs}\n`);
    }
  }
  return hash.digest('hex');
}
