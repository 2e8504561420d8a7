// CallLimit: so many calls are on their way at a time; the others wait, in the order in which they came.
//
// Same idea upstream: the parallel and the serial image puller, kubernetes, pkg/kubelet/images/puller.go.

export class CallLimit {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(callsMax: number) {
    this.#free = callsMax;
  }

  async run<T>(call: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await call();
    } finally {
      // Handed on, so that nobody who comes just now is served before those who wait.
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}
