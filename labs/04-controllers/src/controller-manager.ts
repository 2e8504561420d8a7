// ControllerManager: builds the chosen controllers on one set of informers, and runs them until it is told to stop.
//
// Invariant: all controllers are built, and have asked for their informers, before the first informer starts.
// A manager runs once. Nothing is kept in it that a new one could not read from the API server.
//
// Upstream: kubernetes, cmd/kube-controller-manager/app/controllermanager.go.

import {
  type Client,
  type Clock,
  EventRecorder,
  type Logger,
  realClock,
  silentLogger,
} from '@kube-labs/apiserver';
import type { ControllerContext } from './controller.ts';
import { controllers, enabledControllers } from './controllers.ts';
import { Metrics } from './metrics.ts';
import { type ControllerOptions, defaultOptions } from './options.ts';
import { SharedInformers } from './shared-informers.ts';

export interface ControllerManagerOptions {
  readonly options?: Partial<ControllerOptions>;
  readonly clock?: Clock;
  readonly log?: Logger;
}

export class ControllerManager {
  readonly metrics = new Metrics();
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #options: ControllerOptions;
  readonly #informers: SharedInformers;
  readonly #recorders = new Map<string, EventRecorder>();

  constructor(client: Client, { options, clock, log }: ControllerManagerOptions = {}) {
    this.#client = client;
    this.#clock = clock ?? realClock;
    this.#log = log ?? silentLogger;
    this.#options = { ...defaultOptions, ...options };
    this.#informers = new SharedInformers(client, this.#log);
  }

  get hasSynced(): boolean {
    return this.#informers.hasSynced;
  }

  /** Works until aborted, then waits for what is in progress and for the last events. */
  async run(signal: AbortSignal): Promise<void> {
    const names = enabledControllers(this.#options.controllers);
    const built = names.flatMap((name) => controllers[name]?.(this.#context()) ?? []);
    await Promise.all([
      this.#informers.run(signal),
      ...built.map((controller) => controller.run(signal)),
    ]);
    await Promise.all([...this.#recorders.values()].map((recorder) => recorder.flush()));
  }

  #context(): ControllerContext {
    return {
      client: this.#client,
      informers: this.#informers,
      clock: this.#clock,
      log: this.#log,
      options: this.#options,
      metrics: this.metrics,
      recorder: (component) => this.#recorder(component),
    };
  }

  #recorder(component: string): EventRecorder {
    const known = this.#recorders.get(component);
    if (known !== undefined) return known;
    const made = new EventRecorder(this.#client, component, undefined, {
      clock: this.#clock,
      log: this.#log,
    });
    this.#recorders.set(component, made);
    return made;
  }
}
