// DockerImages: images of the engine: is it there, which are there, get it.
//
// Rule: a name without a tag means `latest`. The engine's pull call would take every tag there is.
//
// Same idea upstream: kubernetes v1.23, pkg/kubelet/dockershim/docker_image.go.
// Left out here: credentials, pull progress, removal by disk thresholds.

import type Docker from 'dockerode';
import { RuntimeError, type RuntimeImage } from '../runtime.ts';
import { callEngine } from './docker-call.ts';

export async function imageStatus(
  docker: Docker,
  image: string,
): Promise<RuntimeImage | undefined> {
  try {
    const info = await callEngine(() => docker.getImage(image).inspect());
    return { id: info.Id, names: info.RepoTags ?? [], sizeBytes: info.Size };
  } catch (error) {
    if (RuntimeError.is(error, 'not-found')) return undefined;
    throw error;
  }
}

export async function listImages(docker: Docker): Promise<readonly RuntimeImage[]> {
  const images = await callEngine(() => docker.listImages());
  return images.map((image) => ({
    id: image.Id,
    names: [...(image.RepoDigests ?? []), ...(image.RepoTags ?? [])].filter(
      (name) => !name.includes('<none>'),
    ),
    sizeBytes: image.Size,
  }));
}

export async function pullImage(docker: Docker, image: string, signal: AbortSignal): Promise<void> {
  await callEngine(async () => {
    const progress = await docker.pull(withTag(image), { abortSignal: signal });
    await new Promise<void>((resolve, reject) => {
      // The engine reports failures that come after the first byte inside the progress.
      docker.modem.followProgress(progress, (error) => {
        if (error === null) resolve();
        else reject(new RuntimeError('failed', `Error response from daemon: ${error.message}`));
      });
    });
  });
}

const COMPONENT = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const DOMAIN = '(?:[a-zA-Z0-9-]+(?:\\.[a-zA-Z0-9-]+)*|\\[[a-fA-F0-9:]+\\])(?::\\d+)?';
const TAG_AND_DIGEST = '(?::\\w[\\w.-]{0,127})?(?:@[A-Za-z][\\w+.-]*:[0-9a-fA-F]{32,})?';
const REFERENCE = new RegExp(`^(?:${DOMAIN}/)?${COMPONENT}(?:/${COMPONENT})*${TAG_AND_DIGEST}$`);
const NAME_LENGTH_MAX = 255;

/** Why no engine could ever find such an image, in upstream's words. */
export function imageNameProblem(image: string): string | undefined {
  const name = withTag(image.split('@')[0] ?? '').replace(/:[^:/]*$/, '');
  if (name.length > NAME_LENGTH_MAX)
    return `repository name must not be more than ${NAME_LENGTH_MAX} characters`;
  if (/^[a-f0-9]{64}$/.test(image))
    return `invalid repository name (${image}), cannot specify 64-byte hexadecimal strings`;
  if (REFERENCE.test(image)) return undefined;
  if (!REFERENCE.test(image.toLowerCase())) return 'invalid reference format';
  const repository = name.includes('/') ? name : `library/${name}`;
  return `invalid reference format: repository name (${repository}) must be lowercase`;
}

export function withTag(image: string): string {
  const lastPart = image.slice(image.lastIndexOf('/') + 1);
  return lastPart.includes(':') || lastPart.includes('@') ? image : `${image}:latest`;
}
