// ImageParts: what gets images for pods, and takes away those that nobody uses, and containers that ended.

import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { ReferencedObjects } from '../container/referenced-objects.ts';
import { runContainerGc } from '../image/container-gc.ts';
import { ImageCollector } from '../image/image-collector.ts';
import { ImagePuller } from '../image/image-puller.ts';
import { PulledImages } from '../image/pulled-images.ts';
import type { KubeletOptions } from '../options.ts';
import type { PodEvents } from '../pod/pod-events.ts';
import type { PodCache } from '../runtime/pod-cache.ts';
import type { Outside } from './outside.ts';

export interface ImageUsers {
  readonly events: PodEvents;
  readonly reader: ReferencedObjects;
  readonly cache: PodCache;
}

export function makeImageParts(options: KubeletOptions, outside: Outside, users: ImageUsers) {
  const { runtime, clock, log, recorder } = outside;
  const { events, reader, cache } = users;
  const { rootDirectory, hostRoot, nodeName: name, imagePullsMax: parallelMax } = options;
  const pulled = new PulledImages(join(rootDirectory, 'pulled-images.json'));
  const images = new ImagePuller({
    ...{ runtime, events, clock, reader, parallelMax },
    onPulled: (imageName, { id }) => pulled.note({ name: imageName, id, pulledAtMs: clock.now() }),
  });
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name, uid: name } };
  const collector = new ImageCollector({
    ...{ runtime, pulled, clock, log, policy: options.imageGc },
    disk: () => diskOf(`${hostRoot}/var/lib/docker`),
    warn: (reason, message) => recorder.event(node, 'Warning', reason, message),
  });
  const limits = options.deadContainers;
  return {
    images,
    reclaimDisk: () => collector.deleteUnused(),
    collectGarbage: async (signal: AbortSignal) => {
      const containers = runContainerGc({ cache, runtime, limits, clock, log }, signal);
      await Promise.all([collector.run(signal), containers]);
    },
  };
}

async function diskOf(directory: string) {
  const { blocks, bavail, bsize } = await statfs(directory);
  return { capacityBytes: blocks * bsize, availableBytes: bavail * bsize };
}
