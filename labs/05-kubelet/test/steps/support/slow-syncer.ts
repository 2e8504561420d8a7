// SlowSyncer: effects that take until the test lets them end, and that write down when they begin and are interrupted.
//
// `log` has a line for each, as `web: sync`, `web: terminating 30, deleted`, `web: terminated, deleted`, `web: interrupted`.
// Two steps of one pod at once show in the line of the second.

import assert from 'node:assert/strict';
import type { Pod } from 'kubernetes-types/core/v1';
import type { Ending, PodSyncer, SyncResult, WorkedPod } from '#src/pod/pod-worker.ts';
import { settled } from './slow-engine.ts';

interface Call {
  resolve(result: SyncResult): void;
  reject(error: unknown): void;
}

export class SlowSyncer implements PodSyncer {
  readonly log: string[] = [];
  /** Told of each call that begins. */
  onBegin = (_line: string): void => {};
  readonly #open = new Map<string, readonly Call[]>();

  syncPod({ metadata = {} }: Pod, signal: AbortSignal): Promise<SyncResult> {
    const { name = '', resourceVersion } = metadata;
    const version = resourceVersion === undefined ? '' : `, version ${resourceVersion}`;
    return this.#begin(name, `sync${version}`, signal);
  }

  async syncTerminating(
    { identity }: WorkedPod,
    { graceSeconds, ending }: { graceSeconds: number; ending: Ending },
    signal: AbortSignal,
  ): Promise<void> {
    await this.#begin(identity.name, `terminating ${graceSeconds}, ${ending.why}`, signal);
  }

  async syncTerminated({ identity }: WorkedPod, { deleted }: { deleted: boolean }): Promise<void> {
    await this.#begin(identity.name, deleted ? 'terminated, deleted' : 'terminated');
  }

  isOpen(name: string): boolean {
    return this.#open.has(name);
  }

  /** Lets the oldest step of the pod end; resolves when everything that could follow from it has followed. */
  async finish(name: string, result: SyncResult = { final: false }): Promise<void> {
    this.#takeOldest(name).resolve(result);
    await settled();
  }

  async fail(name: string): Promise<void> {
    this.#takeOldest(name).reject(new Error('the engine is away'));
    await settled();
  }

  #begin(name: string, what: string, signal?: AbortSignal): Promise<SyncResult> {
    const goesOn = this.isOpen(name) ? ', while another step goes on' : '';
    const line = `${name}: ${what}${goesOn}`;
    this.log.push(line);
    this.onBegin(line);
    return new Promise((resolve, reject) => {
      const call = { resolve, reject };
      this.#open.set(name, [...(this.#open.get(name) ?? []), call]);
      const interrupt = () => {
        if (!this.#take(name, call)) return;
        this.log.push(`${name}: interrupted`);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', interrupt, { once: true });
    });
  }

  #takeOldest(name: string): Call {
    const [oldest] = this.#open.get(name) ?? [];
    const lines = this.log.join('; ') || 'nothing';
    if (oldest === undefined) assert.fail(`no step of ${name} goes on; there was: ${lines}`);
    this.#take(name, oldest);
    return oldest;
  }

  /** Whether the call was still open. */
  #take(name: string, call: Call): boolean {
    const open = this.#open.get(name) ?? [];
    const rest = open.filter((one) => one !== call);
    if (rest.length > 0) this.#open.set(name, rest);
    else this.#open.delete(name);
    return rest.length < open.length;
  }
}
