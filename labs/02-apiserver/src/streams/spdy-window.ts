// SendWindow: how much a SPDY client lets us send, a stream and in all.
//
// Every byte sent is counted from the start, but nobody is held to it until the client has shown that it counts too (by a WINDOW_UPDATE
// or a setting): stock Kubernetes clients never do, and would otherwise get 64 KiB and no more.
//
// Same rules: SPDY draft 3.1, section 2.6.8. Upstream (spdystream) has no flow control at all.

const INITIAL_BYTES = 64 * 1024;
const WINDOW_BYTES_MAX = 2 ** 31 - 1;

export class SendWindow {
  readonly #streams = new Map<number, number>();
  #sessionBytes = INITIAL_BYTES;
  #initialBytes = INITIAL_BYTES;
  #isHeeded = false;
  #waiters: (() => void)[] = [];

  open(streamId: number): void {
    this.#streams.set(streamId, this.#initialBytes);
  }

  forget(streamId: number): void {
    this.#streams.delete(streamId);
    this.#wake();
  }

  /** Resolves with how many of the wished bytes may be sent now, at least one; they count as sent. */
  async take(streamId: number, wishBytes: number): Promise<number> {
    for (;;) {
      const own = this.#streams.get(streamId);
      // A closed stream: the caller sees that by itself.
      if (own === undefined) return wishBytes;
      const allowed = this.#isHeeded ? Math.min(own, this.#sessionBytes) : wishBytes;
      if (allowed > 0) {
        const count = Math.min(allowed, wishBytes);
        this.#streams.set(streamId, own - count);
        this.#sessionBytes -= count;
        return count;
      }
      await new Promise<void>((resolve) => {
        this.#waiters.push(resolve);
      });
    }
  }

  /** The client allows more; stream 0 is the session. False: the window would be larger than the protocol knows. */
  widen(streamId: number, deltaBytes: number): boolean {
    this.#isHeeded = true;
    const before = streamId === 0 ? this.#sessionBytes : this.#streams.get(streamId);
    if (before === undefined) return true;
    const after = before + deltaBytes;
    if (after > WINDOW_BYTES_MAX) return false;
    if (streamId === 0) this.#sessionBytes = after;
    else this.#streams.set(streamId, after);
    this.#wake();
    return true;
  }

  /** Another size to begin with, which counts for the streams that are open too. */
  resize(initialBytes: number): void {
    this.#isHeeded = true;
    const size = Math.min(initialBytes, WINDOW_BYTES_MAX);
    for (const [id, left] of this.#streams) {
      this.#streams.set(id, left + size - this.#initialBytes);
    }
    this.#initialBytes = size;
    this.#wake();
  }

  /** The session is over: nobody waits any more. */
  release(): void {
    this.#streams.clear();
    this.#wake();
  }

  #wake(): void {
    for (const resume of this.#waiters.splice(0)) resume();
  }
}
