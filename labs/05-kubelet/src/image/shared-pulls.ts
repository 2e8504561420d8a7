// SharedPulls: the pulls that are on their way, each for all who want the same image and have the same credentials for it.
//
// A pull ends early only when the last of those has gone. So many are made at a time; the others wait. The credentials that
// may be the right ones are tried one after the other.
//
// Same idea upstream: kubernetes, pkg/kubelet/images/puller.go; PullImage in pkg/kubelet/kuberuntime/kuberuntime_image.go.

import { once } from 'node:events';
import type { Clock } from '@kube-labs/apiserver';
import { CallLimit } from '../runtime/call-limit.ts';
import type { ImageService, RegistryAuth, RuntimeImage } from '../runtime/runtime.ts';
import { withTag } from './image-name.ts';
import { PullProgress } from './pull-progress.ts';

export interface SharedPullsOptions {
  readonly runtime: Pick<ImageService, 'pullImage'>;
  readonly clock: Clock;
  /** Pulls at a time; absent is without limit. */
  readonly parallelMax?: number;
  /** An image is there that was not, or is another one now. */
  onPulled?(name: string, image: RuntimeImage): Promise<void>;
}

/** One image, with all credentials that may be the right ones, and who is to be told how far it is. */
export interface PullOrder {
  readonly image: string;
  readonly auths: readonly RegistryAuth[];
  readonly report: (text: string) => void;
}

export interface Pulled {
  readonly image: RuntimeImage;
  readonly tookMs: number;
}

interface SharedPull {
  readonly done: Promise<Pulled>;
  readonly stop: AbortController;
  readonly listeners: Set<PullOrder['report']>;
  waiting: number;
}

export class SharedPulls {
  readonly #options: SharedPullsOptions;
  readonly #pulls = new Map<string, SharedPull>();
  readonly #limit: CallLimit;

  constructor(options: SharedPullsOptions) {
    this.#options = options;
    this.#limit = new CallLimit(options.parallelMax ?? Number.POSITIVE_INFINITY);
  }

  /** Rejects when the signal aborts, whatever becomes of the pull. */
  async pull(order: PullOrder, signal: AbortSignal): Promise<Pulled> {
    signal.throwIfAborted();
    const key = JSON.stringify([order.image, order.auths]);
    const pull = this.#pulls.get(key) ?? this.#startPull(key, order);
    pull.waiting++;
    pull.listeners.add(order.report);
    const left = new AbortController();
    const leaves = once(signal, 'abort', { signal: left.signal });
    try {
      return await Promise.race([pull.done, leaves.then(() => Promise.reject(signal.reason))]);
    } finally {
      left.abort();
      pull.listeners.delete(order.report);
      if (--pull.waiting === 0) {
        pull.stop.abort();
        this.#pulls.delete(key);
      }
    }
  }

  #startPull(key: string, order: PullOrder): SharedPull {
    const stop = new AbortController();
    const listeners = new Set<(text: string) => void>();
    const report = (text: string) => {
      for (const listener of listeners) listener(text);
    };
    const done = this.#limit.run(() => this.#tryAll({ ...order, report }, stop));
    const pull: SharedPull = { done, stop, listeners, waiting: 0 };
    this.#pulls.set(key, pull);
    return pull;
  }

  async #tryAll({ image, auths, report }: PullOrder, stop: AbortController): Promise<Pulled> {
    const { runtime, clock, onPulled } = this.#options;
    stop.signal.throwIfAborted();
    const startedAtMs = clock.now();
    const giveUp = (error: Error) => stop.abort(error);
    const progress = new PullProgress({ image, clock, report, giveUp });
    const onProgress = (text: string) => progress.note(text);
    const errors: string[] = [];
    try {
      for (const auth of auths.length === 0 ? [undefined] : auths) {
        try {
          const options = { onProgress, ...(auth === undefined ? {} : { auth }) };
          const pulled = await runtime.pullImage(image, options, stop.signal);
          await onPulled?.(withTag(image), pulled);
          return { image: pulled, tookMs: clock.now() - startedAtMs };
        } catch (error) {
          if (stop.signal.aborted) throw stop.signal.reason;
          errors.push(error instanceof Error ? error.message : String(error));
        }
      }
    } finally {
      progress.stop();
    }
    throw new Error(errors.length > 1 ? `[${errors.join(', ')}]` : errors[0]);
  }
}
