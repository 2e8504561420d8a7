// ImageCollector: looks every five minutes whether images must go, and removes them, one after the other, until there is room.
//
// Only images that this kubelet has pulled, that are still what it pulled, and that no container of the engine uses, whoever's
// it is; never by force, so that the engine, too, has a say. Room that cannot be made is told as an event of the node.
//
// Same idea upstream: kubernetes, pkg/kubelet/images/image_gc_manager.go.

import { type Clock, type Logger, messageOf, sleep } from '@kube-labs/apiserver';
import type { ImageService, RuntimeImage } from '../runtime/runtime.ts';
import {
  bytesToFree,
  type DiskUse,
  disposableImages,
  type ImageGcPolicy,
  type KnownImage,
  outdatedImages,
} from './image-gc.ts';
import type { PulledImages } from './pulled-images.ts';

const PERIOD_MS = 300_000;

export interface ImageCollectorOptions {
  readonly runtime: Pick<ImageService, 'listImages' | 'imagesInUse' | 'removeImage'>;
  readonly pulled: PulledImages;
  readonly policy: ImageGcPolicy;
  readonly clock: Clock;
  readonly log: Logger;
  /** Of the filesystem that holds the images. */
  disk(): Promise<DiskUse>;
  /** Tells of the node. */
  warn(reason: string, message: string): void;
}

export class ImageCollector {
  readonly #options: ImageCollectorOptions;
  /** By image id; since this kubelet started. */
  readonly #usedAtMs = new Map<string, number>();

  constructor(options: ImageCollectorOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(PERIOD_MS, signal, this.#options.clock);
      if (signal.aborted) return;
      try {
        await this.collect();
      } catch (error) {
        this.#options.log.warn('Image garbage collection failed', { err: messageOf(error) });
      }
    }
  }

  async collect(): Promise<void> {
    const { policy, clock, warn } = this.#options;
    const nowMs = clock.now();
    const outdated = outdatedImages(await this.#look(), { ...policy, nowMs });
    for (const image of outdated) await this.#remove(image);
    const disk = await this.#options.disk();
    if (disk.capacityBytes === 0) {
      warn('InvalidDiskCapacity', 'invalid capacity 0 on image filesystem');
      return;
    }
    const wantedBytes = bytesToFree(disk, policy);
    if (wantedBytes === 0) return;
    const freedBytes = await this.#free(wantedBytes);
    if (freedBytes >= wantedBytes) return;
    const message = `Failed to garbage collect required amount of images. Attempted to free ${wantedBytes} bytes, but only found ${freedBytes} bytes eligible to free.`;
    warn('FreeDiskSpaceFailed', message);
  }

  /** All that nobody uses, whatever room there is: before a pod must go for want of it. */
  async deleteUnused(): Promise<void> {
    await this.#free(Number.POSITIVE_INFINITY);
  }

  async #free(wantedBytes: number): Promise<number> {
    const { policy, clock } = this.#options;
    const images = await this.#look();
    let freedBytes = 0;
    for (const image of disposableImages(images, { ...policy, nowMs: clock.now() })) {
      if (freedBytes >= wantedBytes) break;
      if (await this.#remove(image)) freedBytes += image.sizeBytes;
    }
    return freedBytes;
  }

  async #look(): Promise<KnownImage[]> {
    const { runtime, pulled, clock } = this.#options;
    const records = await pulled.list();
    if (records.length === 0) return [];
    const [there, used] = await Promise.all([runtime.listImages(), runtime.imagesInUse()]);
    for (const id of used) this.#usedAtMs.set(id, clock.now());
    const known: KnownImage[] = [];
    for (const { name, id, pulledAtMs } of records) {
      const image = there.find((one) => one.id === id && one.names.includes(name));
      // Somebody else has removed it, or has another one by this name now.
      if (image === undefined) await pulled.forget(name);
      else known.push(this.#known(image, { name, pulledAtMs, isUsed: used.has(id) }));
    }
    return known;
  }

  #known(
    { id, sizeBytes }: RuntimeImage,
    rest: { name: string; pulledAtMs: number; isUsed: boolean },
  ): KnownImage {
    const { name, pulledAtMs: detectedAtMs, isUsed } = rest;
    return { id, sizeBytes, name, isUsed, detectedAtMs, usedAtMs: this.#usedAtMs.get(id) ?? 0 };
  }

  async #remove({ name, id, sizeBytes }: KnownImage): Promise<boolean> {
    const { runtime, pulled, log } = this.#options;
    log.info('Removing image to free bytes', { image: name, imageID: id, size: sizeBytes });
    try {
      await runtime.removeImage(name);
    } catch (error) {
      // Somebody uses it by now, or another image is built on it.
      log.warn('Failed to remove image', { image: name, err: messageOf(error) });
      return false;
    }
    await pulled.forget(name);
    this.#usedAtMs.delete(id);
    return true;
  }
}
