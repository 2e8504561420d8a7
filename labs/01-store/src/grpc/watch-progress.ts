// ProgressRound: one answer for all watches of a stream, when the last of them has got there.
//
// A client that asks for progress wants to know: everything up to this revision was delivered, whatever the watch. So each watch is
// asked, and the smallest of their revisions is the answer. A watch that ends while we wait is waited for no longer. Requests that
// come meanwhile are answered with the same answer.
// Upstream: etcd, mvcc/watchable_store.go (progressIfSync), since 3.5.8; before, an answer could overtake events.
export class ProgressRound<W> {
  readonly #answer: (revision: number) => void;
  readonly #missing = new Set<W>();
  #revision = Number.POSITIVE_INFINITY;

  constructor(answer: (revision: number) => void) {
    this.#answer = answer;
  }

  /** Waits for each of these; without any, `revision` is the answer. */
  start(watchers: Iterable<W>, revision: number): void {
    for (const watcher of watchers) this.#missing.add(watcher);
    this.#settle(revision);
  }

  /** Whether anybody waited for this watch to say so. */
  reached(watcher: W, revision: number): boolean {
    if (!this.#missing.delete(watcher)) return false;
    this.#settle(revision);
    return true;
  }

  leave(watcher: W): void {
    if (this.#missing.delete(watcher)) this.#settle(this.#revision);
  }

  #settle(revision: number): void {
    this.#revision = Math.min(this.#revision, revision);
    if (this.#missing.size > 0) return;
    const answer = this.#revision;
    this.#revision = Number.POSITIVE_INFINITY;
    this.#answer(answer);
  }
}
