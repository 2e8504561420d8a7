// CompileCache: it is filled once for what the sources are now, belongs to whoever runs the launcher, and is what components find.

import { readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type Docker from 'dockerode';
import { expect, test } from 'vitest';
import { type ClusterConfig, checkoutDir, firstControlPlanes } from '../src/cluster-config.ts';
import { ensureCompileCache } from '../src/compile-cache.ts';
import { connectDocker, runOnce } from '../src/docker.ts';
import { compileCacheInContainers, supervisorFile } from '../src/image-names.ts';

const folder = resolve(checkoutDir, 'node_modules/.cache/kube-labs/compile-cache');
const config: ClusterConfig = {
  name: `compile-${process.pid}`,
  controlPlanes: firstControlPlanes('172.30.4.0/24', 1),
  nodes: [],
  nodeSubnet: '172.30.4.0/24',
  podCidr: '10.244.0.0/16',
  serviceCidr: '10.96.0.0/16',
  apiPort: 6444,
  clock: 'fast',
};

test('it is filled when sources have changed, and found by a process that may not write it', async () => {
  const docker = await connectDocker();
  const said: string[] = [];
  const ensure = () => ensureCompileCache(docker, config, (line) => said.push(line));
  await ensure();
  said.length = 0;
  await ensure();
  expect(said).toEqual([]);

  const stamp = await readFile(`${folder}/inputs`, 'utf8');
  const source = resolve(checkoutDir, 'labs/08-full-cluster/src/image-names.ts');
  const { atime, mtime } = await stat(source);
  await utimes(source, atime, new Date(mtime.getTime() - 1_000));
  try {
    const broken = { createContainer: () => Promise.reject(new Error('no room')) };
    await ensureCompileCache(broken as unknown as Docker, config, (line) => said.push(line));
    expect(said.splice(0).at(-1)).toContain('no room');
    await ensure();
    expect(said).toEqual(['Compiling the components']);
    expect(await readFile(`${folder}/inputs`, 'utf8')).not.toBe(stamp);
  } finally {
    await utimes(source, atime, mtime);
    await writeFile(`${folder}/inputs`, stamp);
  }

  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) =>
    entry.isFile(),
  );
  expect(files.length).toBeGreaterThan(500);
  const owners = await Promise.all(
    files.map(async ({ parentPath, name }) => (await stat(`${parentPath}/${name}`)).uid),
  );
  expect([...new Set(owners)]).toEqual([process.getuid?.()]);
  const { output } = await runOnce(docker, ['node', supervisorFile, '--help'], {
    name: `${config.name}-reader`,
    Env: [`NODE_COMPILE_CACHE=${compileCacheInContainers}`, 'NODE_DEBUG_NATIVE=COMPILE_CACHE'],
    HostConfig: { NetworkMode: 'none', Binds: [`${checkoutDir}:/kube-labs:ro`] },
  });
  const line = output
    .split('\n')
    .find((text) => text.includes(`reading cache`) && text.includes(supervisorFile));
  expect(line).toContain('success');
}, 400_000); // All components are compiled twice, from a disk that may be cold.
