// DockerImages: images of the engine: is it there, which are there, get it.
//
// Rule: a name without a tag means `latest`. The engine's pull call would take every tag there is.
//
// Same idea upstream: kubernetes v1.23, pkg/kubelet/dockershim/docker_image.go.

import type Docker from 'dockerode';
import { withTag } from '../../image/image-name.ts';
import { type PullOptions, RuntimeError, type RuntimeImage } from '../runtime.ts';
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

export async function imagesInUse(docker: Docker): Promise<ReadonlySet<string>> {
  const containers = await callEngine(() => docker.listContainers({ all: true }));
  return new Set(containers.map(({ ImageID }) => ImageID));
}

export async function removeImage(docker: Docker, name: string): Promise<void> {
  const ignoreGone = (error: RuntimeError) => {
    if (!RuntimeError.is(error, 'not-found')) throw error;
  };
  await callEngine(() => docker.getImage(name).remove(), ignoreGone);
}

export async function pullImage(
  docker: Docker,
  image: string,
  options: PullOptions & { readonly signal: AbortSignal },
): Promise<RuntimeImage> {
  const { auth, signal: abortSignal, onProgress = () => {} } = options;
  const registry = auth === undefined ? {} : { authconfig: auth };
  await callEngine(async () => {
    const progress = await docker.pull(withTag(image), { abortSignal, ...registry });
    await new Promise<void>((resolve, reject) => {
      // The engine reports failures that come after the first byte inside the progress.
      const finished = (error: Error | null) => {
        if (error === null) resolve();
        else reject(new RuntimeError('failed', `Error response from daemon: ${error.message}`));
      };
      docker.modem.followProgress(progress, finished, (line: Progress) => onProgress(textOf(line)));
    });
  });
  const pulled = await imageStatus(docker, image);
  if (pulled !== undefined) return pulled;
  throw new RuntimeError('failed', `Image ${image} was pulled, and is not there: it was removed`);
}

interface Progress {
  /** Of a layer. */
  readonly id?: string;
  readonly status?: string;
  readonly progress?: string;
}

function textOf({ id, status = '', progress = '' }: Progress): string {
  return `${id === undefined ? '' : `${id}: `}${status} ${progress}`.trimEnd();
}
