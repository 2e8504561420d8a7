// DockerImages: images of the engine: is it there, which are there, get it.
//
// Rule: a name without a tag means `latest`. The engine's pull call would take every tag there is.
//
// Same idea upstream: kubernetes v1.23, pkg/kubelet/dockershim/docker_image.go.
// Left out here: credentials, pull progress, removal by disk thresholds.

import type Docker from 'dockerode';
import { withTag } from '../../image/image-name.ts';
import { RuntimeError, type RuntimeImage } from '../runtime.ts';
import { callEngine } from './docker-call.ts';

export async function imageStatus(
  docker: Docker,
  image: string,
): Promise<RuntimeImage | undefined> {
  try {
    const info = await callEngine(() => docker.getImage(image).inspect());
    const { User: user = '' } = info.Config;
    const { Id: id, RepoTags, Size: sizeBytes } = info;
    return { id, names: RepoTags ?? [], sizeBytes, ...(user === '' ? {} : { user }) };
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

export async function pullImage(
  docker: Docker,
  image: string,
  signal: AbortSignal,
): Promise<RuntimeImage> {
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
  const pulled = await imageStatus(docker, image);
  if (pulled !== undefined) return pulled;
  throw new RuntimeError('failed', `Image ${image} was pulled, and is not there: it was removed`);
}
