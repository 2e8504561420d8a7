// WatchFlusher: frames for many watchers leave together, when they come in a rush.
//
// A write to a connection costs far more than the bytes in it: encryption begins a new record, and the kernel is called. So what comes
// for a watcher within a few milliseconds of the last round leaves in one write. After a pause the first event leaves at once: waiting is
// only for those who have just been served.
//
// Invariant: whoever is corked is in the set, and a round is due.
// Same idea upstream: none; Go's TLS is cheap enough, and its HTTP/2 framer gathers writes by itself.

import type { Writable } from 'node:stream';

/** What of a response is needed here; a Writable has it. */
export type Corkable = Pick<Writable, 'cork' | 'uncork' | 'write'> & {
  readonly socket?: Pick<Writable, 'cork' | 'uncork'> | null;
};

/** Unnoticeable for who watches, and long enough to gather what some hundred writes a second bring. */
const ROUND_MS = 4;

export class WatchFlusher {
  readonly #corked = new Set<Corkable>();
  #lastRoundMs = 0;
  #isDue = false;

  write(response: Corkable, frame: Buffer): void {
    if (!this.#corked.has(response)) {
      this.#corked.add(response);
      response.cork();
    }
    response.write(frame);
    if (this.#isDue) return;
    this.#isDue = true;
    const waitMs = this.#lastRoundMs + ROUND_MS - performance.now();
    if (waitMs <= 0) setImmediate(() => this.#round());
    else setTimeout(() => this.#round(), waitMs);
  }

  /** What waits for this one leaves now: something else comes behind it, or its end. */
  flush(response: Corkable): void {
    if (this.#corked.delete(response)) uncork(response);
  }

  #round(): void {
    this.#isDue = false;
    this.#lastRoundMs = performance.now();
    for (const response of this.#corked) {
      this.#corked.delete(response);
      uncork(response);
    }
  }
}

/** Node opens the connection before it writes the length of the chunk, which would leave in a write of its own. */
function uncork(response: Corkable): void {
  const { socket } = response;
  socket?.cork();
  response.uncork();
  socket?.uncork();
}
