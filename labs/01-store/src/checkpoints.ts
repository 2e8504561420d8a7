// Checkpoints: who waits for a snapshot, and the one that is being written.
//
//   ask() → asked ──begin()──→ being written ──→ answered      asked meanwhile: it waits for the next one
// Rules of use
//   - A snapshot is an answer to those who asked before it began: what others want to see in it may be missing.
//   - One is written at a time: begin() is not called while there is one that runs.
// Upstream: etcd, server/etcdserver/server.go (triggerSnapshot, snapshot).
interface Asked {
  resolve(): void;
  reject(error: unknown): void;
}

export class Checkpoints {
  readonly #snapshot: (segment: number) => Promise<void>;
  readonly #wake: () => void;
  #asked: Asked[] = [];
  #running: Promise<void> | undefined;

  /** `wake` makes the log look whether a snapshot is due. */
  constructor(snapshot: (segment: number) => Promise<void>, wake: () => void) {
    this.#snapshot = snapshot;
    this.#wake = wake;
  }

  /** Whether somebody waits for a snapshot that has not begun. */
  get isAsked(): boolean {
    return this.#asked.length > 0;
  }

  /** The one that is being written. It never rejects: only those who asked hear that it failed. */
  get running(): Promise<void> | undefined {
    return this.#running;
  }

  /** Resolves when a snapshot that begins from now on is there. */
  ask(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#asked.push({ resolve, reject });
      this.#wake();
    });
  }

  begin(segment: number): void {
    const answered = this.#asked.splice(0);
    this.#running = this.#snapshot(segment)
      .then(
        () => answered.forEach(({ resolve }) => void resolve()),
        (error) => answered.forEach(({ reject }) => void reject(error)),
      )
      .finally(() => {
        this.#running = undefined;
        if (this.isAsked) this.#wake();
      });
  }

  /** There can be no snapshot now. */
  refuse(error: unknown): void {
    for (const { reject } of this.#asked.splice(0)) reject(error);
  }
}
