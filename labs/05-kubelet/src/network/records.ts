// Records: what must be known of sandboxes after a restart: on disk, one file each, which is there whole or not at all.
//
// In memory at once, so that who looks meanwhile sees it; what a kill has torn is no record, and goes.

import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile, TORN_PREFIX } from './ipam.ts';

export class Records<T extends object> {
  readonly #directory: string;
  readonly #all = new Map<string, T>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Those of the kubelet before. */
  async restore(): Promise<void> {
    await mkdir(this.#directory, { recursive: true });
    for (const file of await readdir(this.#directory)) {
      const path = join(this.#directory, file);
      const record = file.startsWith(TORN_PREFIX)
        ? undefined
        : parse<T>(await readFile(path, 'utf8'));
      if (record === undefined) await rm(path);
      else this.#all.set(file, record);
    }
  }

  get(sandboxId: string): T | undefined {
    return this.#all.get(sandboxId);
  }

  ids(): readonly string[] {
    return [...this.#all.keys()];
  }

  list(): readonly T[] {
    return [...this.#all.values()];
  }

  /** Resolves when it would survive a kill. */
  async set(sandboxId: string, record: T): Promise<void> {
    this.#all.set(sandboxId, record);
    await replaceFile(join(this.#directory, sandboxId), JSON.stringify(record));
  }

  /** Of one that is not there is harmless. */
  async delete(sandboxId: string): Promise<void> {
    await rm(join(this.#directory, sandboxId), { force: true });
    this.#all.delete(sandboxId);
  }
}

function parse<T>(text: string): T | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
