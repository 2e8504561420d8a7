// ManifestFolder: which files there are to read, in a folder or by the name of the one file, and when something in it changes.
//
// Names that begin with a dot, folders and what is no regular file are passed over. What cannot be read is complained of once.
//
// Same idea upstream: extractFromDir in kubernetes, pkg/kubelet/config/file.go; file_linux.go.

import { type FSWatcher, watch } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Logger, messageOf } from '@kube-labs/apiserver';

export interface ManifestFolderOptions {
  readonly log: Logger;
  onChange(): void;
}

export class ManifestFolder {
  readonly #path: string;
  readonly #options: ManifestFolderOptions;
  #watcher: FSWatcher | undefined;
  #problem: string | undefined;

  constructor(path: string, options: ManifestFolderOptions) {
    this.#path = path;
    this.#options = options;
  }

  /** From now on, where the kernel can; call it again before each reading. */
  watch(): void {
    if (this.#watcher !== undefined) return;
    try {
      this.#watcher = watch(this.#path, { persistent: false }, (type) => {
        // The folder itself may have been replaced.
        if (type === 'rename') this.close();
        this.#options.onChange();
      });
      this.#watcher.on('error', () => this.close());
    } catch {
      this.close();
    }
  }

  close(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  /** In the order of their names. None when there is no such folder, undefined when nobody can tell. */
  async paths(): Promise<readonly string[] | undefined> {
    try {
      const found = await stat(this.#path);
      const paths = found.isDirectory() ? await filesIn(this.#path) : [this.#path];
      this.#problem = undefined;
      return paths;
    } catch (error) {
      const isGone = (error as NodeJS.ErrnoException).code === 'ENOENT';
      this.#complain(isGone ? 'path does not exist, ignoring' : messageOf(error));
      return isGone ? [] : undefined;
    }
  }

  #complain(problem: string): void {
    const fields = { path: this.#path, err: problem };
    if (problem !== this.#problem) this.#options.log.error('Unable to read config path', fields);
    this.#problem = problem;
  }
}

async function filesIn(folder: string): Promise<readonly string[]> {
  const names = (await readdir(folder)).filter((name) => !name.startsWith('.')).sort();
  const paths = names.map((name) => join(folder, name));
  const areFiles = await Promise.all(paths.map(isFileOrUnreadable));
  return paths.filter((_, index) => areFiles[index]);
}

function isFileOrUnreadable(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => true,
  );
}
