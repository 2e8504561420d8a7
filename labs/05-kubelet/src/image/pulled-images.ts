// PulledImages: which images this kubelet has pulled, under which names, remembered on disk.
//
// An engine is shared: other nodes' images are there, and those of whoever works on the machine. Only what is on record here
// may ever be removed. The file is there whole or not at all; one that cannot be read is no record, and costs nothing but room.
//
// Same idea upstream: none, its engine is its own; the records of pkg/kubelet/images/pullmanager serve another purpose.

import { readFile } from 'node:fs/promises';
import { replaceFile } from '../network/ipam.ts';

export interface PulledImage {
  readonly name: string;
  readonly id: string;
  readonly pulledAtMs: number;
}

export class PulledImages {
  readonly #path: string;
  #known: Promise<Map<string, PulledImage>> | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
  }

  async list(): Promise<readonly PulledImage[]> {
    return [...(await this.#images()).values()];
  }

  /** Resolves when it is on disk. */
  async note(image: PulledImage): Promise<void> {
    (await this.#images()).set(image.name, image);
    await this.#write();
  }

  async forget(name: string): Promise<void> {
    (await this.#images()).delete(name);
    await this.#write();
  }

  #images(): Promise<Map<string, PulledImage>> {
    this.#known ??= readFile(this.#path, 'utf8').then(imagesOf, () => imagesOf('[]'));
    return this.#known;
  }

  /** One after the other, each with all that is known by then. */
  #write(): Promise<void> {
    const write = async () => replaceFile(this.#path, JSON.stringify(await this.list()));
    this.#writing = this.#writing.then(write, write);
    return this.#writing;
  }
}

function imagesOf(text: string): Map<string, PulledImage> {
  try {
    const parsed: unknown = JSON.parse(text);
    const images = Array.isArray(parsed) ? parsed.filter(isPulledImage) : [];
    return new Map(images.map((image) => [image.name, image]));
  } catch {
    return new Map();
  }
}

function isPulledImage(value: unknown): value is PulledImage {
  const { name, id, pulledAtMs } = (value ?? {}) as Partial<Record<keyof PulledImage, unknown>>;
  return typeof name === 'string' && typeof id === 'string' && typeof pulledAtMs === 'number';
}
