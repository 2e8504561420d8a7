// LogFile: a component's log, never larger than it may be.
//
// Written synchronously by the supervisor, which has nothing else to do; one full file is kept beside the
// current one as <name>.1. A full disk loses lines and stops nobody: a log is never worth a component.

import { appendFileSync, closeSync, fstatSync, openSync, renameSync } from 'node:fs';

export class LogFile {
  readonly #path: string;
  readonly #bytesMax: number;
  #file: number;
  #bytes: number;

  constructor(path: string, bytesMax = 5 * 1024 * 1024) {
    this.#path = path;
    this.#bytesMax = bytesMax;
    this.#file = openSync(path, 'a');
    this.#bytes = fstatSync(this.#file).size;
  }

  write(chunk: Uint8Array): void {
    try {
      if (this.#bytes > 0 && this.#bytes + chunk.length > this.#bytesMax) this.#rotate();
      appendFileSync(this.#file, chunk);
      this.#bytes += chunk.length;
    } catch {
      // The disk is full: see the header.
    }
  }

  close(): void {
    closeSync(this.#file);
  }

  #rotate(): void {
    renameSync(this.#path, `${this.#path}.1`);
    closeSync(this.#file);
    this.#file = openSync(this.#path, 'a');
    this.#bytes = 0;
  }
}
