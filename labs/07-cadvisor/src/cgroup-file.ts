// CgroupFile: a small kernel file that is read again and again, kept open.
//
// Opening a cgroup file costs more than reading it. A handle that is kept reads fresh contents at position 0 each time, and fails
// with ENODEV or ENOENT once the cgroup is gone: read() then answers undefined, and the caller drops the container.
//
// Same idea upstream: cadvisor, container/libcontainer (which opens each file each time). Left out: events of memory pressure.
import { closeSync, openSync, readSync } from 'node:fs';

const BUFFER_BYTES = 16 * 1024;
const buffer = Buffer.allocUnsafe(BUFFER_BYTES);

export class CgroupFile implements Disposable {
  readonly #path: string;
  #fd: number | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** The whole text, or undefined when the file is not there (any more). */
  read(): string | undefined {
    try {
      this.#fd ??= openSync(this.#path, 'r');
      return buffer.toString('latin1', 0, readSync(this.#fd, buffer, 0, BUFFER_BYTES, 0));
    } catch {
      this[Symbol.dispose]();
      return undefined;
    }
  }

  [Symbol.dispose](): void {
    if (this.#fd === undefined) return;
    closeSync(this.#fd);
    this.#fd = undefined;
  }
}

/** `key value` lines, as in memory.stat and cpu.stat. */
export function parseFlatKeyed(text: string): Map<string, number> {
  const values = new Map<string, number>();
  for (const line of text.split('\n')) {
    const space = line.indexOf(' ');
    if (space > 0) values.set(line.slice(0, space), Number(line.slice(space + 1)));
  }
  return values;
}

/** One number; `max` is undefined, as is the kernel's "no limit" of cgroup v1 (about 2^63). */
export function parseLimit(text: string): number | undefined {
  const value = Number(text.trim());
  return text.trim() === 'max' || !(value < 2 ** 60) ? undefined : value;
}
