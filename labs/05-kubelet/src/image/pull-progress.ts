// PullProgress: what people are told while an image is being pulled, and when nothing comes of it any more.
//
// The engine tells of each piece of each layer; of that the latest is reported now and then. A pull without any news for
// a minute is given up, and tried again with back-off: registries and networks that swallow a connection do exist.
//
// Same idea upstream: kubernetes v1.23, pkg/kubelet/dockershim/libdocker/kube_docker_client.go (progressReporter), which
// logs what is told here as events.

import type { Clock } from '@kube-labs/apiserver';

const REPORT_MS = 10_000;
const STALLED_MS = 60_000;

export interface PullProgressOptions {
  readonly image: string;
  readonly clock: Clock;
  /** To be told to people. */
  report(text: string): void;
  /** Ends the pull, with this as its error. */
  giveUp(error: Error): void;
}

/** Runs until stop() is called. */
export class PullProgress {
  readonly #options: PullProgressOptions;
  #latest = 'No progress';
  #changedAtMs: number;
  #reported = '';
  #timer: unknown;

  constructor(options: PullProgressOptions) {
    this.#options = options;
    this.#changedAtMs = options.clock.now();
    this.#wait();
  }

  /** @param text what the engine says, as `LAYER: Downloading [==>  ] 1MB/2MB`. */
  note(text: string): void {
    if (text === this.#latest) return;
    this.#latest = text;
    this.#changedAtMs = this.#options.clock.now();
  }

  stop(): void {
    this.#options.clock.clearTimeout(this.#timer);
  }

  #wait(): void {
    this.#timer = this.#options.clock.setTimeout(() => this.#look(), REPORT_MS);
  }

  #look(): void {
    const { image, clock, report, giveUp } = this.#options;
    if (clock.now() - this.#changedAtMs >= STALLED_MS) {
      const why = `no progress for 1m0s, latest progress: "${this.#latest}"`;
      giveUp(new Error(`Cancel pulling image "${image}" because of ${why}`));
      return;
    }
    // The same again tells nobody anything.
    if (this.#latest !== this.#reported) report(`Pulling image "${image}": "${this.#latest}"`);
    this.#reported = this.#latest;
    this.#wait();
  }
}
