// ImagePuller: makes sure that a container's image is there, by its pull policy, with back-off when it cannot be had.
//
// Each outcome has upstream's reason and event. Two pods that want the same image share one pull, which ends early only
// when the last of them has gone.
//
// Same idea upstream: kubernetes, pkg/kubelet/images/image_manager.go.
// Left out here: pull secrets, limits on parallel pulls of different images.

import { once } from 'node:events';
import type { Clock } from '@kube-labs/apiserver';
import type { Container, Pod } from 'kubernetes-types/core/v1';
import { BackOff, durationText } from '../pod/back-off.ts';
import type { WaitingReason } from '../pod/container-status.ts';
import type { PodEvents } from '../pod/pod-events.ts';
import type { ImageService, RuntimeImage } from '../runtime/runtime.ts';
import { imageNameProblem, withTag } from './image-name.ts';

export type ImageResult =
  | { readonly kind: 'present' }
  | ({ readonly kind: 'failed' } & WaitingReason);

export interface ImagePullerOptions {
  readonly runtime: ImageService;
  readonly events: PodEvents;
  readonly clock: Clock;
}

interface Pulled {
  readonly image: RuntimeImage;
  readonly tookMs: number;
}

interface SharedPull {
  readonly done: Promise<Pulled>;
  readonly stop: AbortController;
  waiting: number;
}

export class ImagePuller {
  readonly #options: ImagePullerOptions;
  readonly #backOff: BackOff;
  readonly #lastErrors = new Map<string, { atMs: number; message: string }>();
  readonly #pulls = new Map<string, SharedPull>();

  constructor(options: ImagePullerOptions) {
    this.#options = options;
    this.#backOff = new BackOff({ clock: options.clock });
  }

  async ensure(pod: Pod, spec: Container, signal: AbortSignal): Promise<ImageResult> {
    const { runtime, events } = this.#options;
    const image = spec.image ?? '';
    const problem = imageNameProblem(image);
    if (problem !== undefined) {
      const message = `Failed to apply default image tag "${image}": couldn't parse image reference "${image}": ${problem}`;
      return this.#fail(pod, spec, { reason: 'InvalidImageName', message });
    }
    const policy =
      spec.imagePullPolicy ?? (withTag(image).endsWith(':latest') ? 'Always' : 'IfNotPresent');
    const present = policy !== 'Always' && (await runtime.imageStatus(image)) !== undefined;
    if (present) {
      const text = `Container image "${image}" already present on machine`;
      events.container(pod, spec, { type: 'Normal', reason: 'Pulled', message: text });
      return { kind: 'present' };
    }
    if (policy === 'Never') {
      const message = `Container image "${image}" is not present with pull policy of Never`;
      return this.#fail(pod, spec, { reason: 'ErrImageNeverPull', message });
    }
    return this.#pull(pod, spec, signal);
  }

  /** How long the image's next try is away. */
  remainingMs(pod: Pod, spec: Container): number {
    const key = keyOf(pod, spec);
    return this.#backOff.remainingMs(key, this.#lastErrors.get(key)?.atMs ?? 0);
  }

  forget(podUid: string): void {
    this.#backOff.forget(podUid);
    for (const key of this.#lastErrors.keys()) {
      if (key.startsWith(podUid)) this.#lastErrors.delete(key);
    }
  }

  async #pull(pod: Pod, spec: Container, signal: AbortSignal): Promise<ImageResult> {
    const { events, clock } = this.#options;
    const image = spec.image ?? '';
    const backedOff = this.#backedOff(pod, spec);
    if (backedOff !== undefined) return backedOff;
    const message = `Pulling image "${image}"`;
    events.container(pod, spec, { type: 'Normal', reason: 'Pulling', message });
    const startedAtMs = clock.now();
    let pulled: Pulled;
    try {
      pulled = await this.#sharedPull(image, signal);
    } catch (error) {
      signal.throwIfAborted();
      return this.#pullFailed(pod, spec, error instanceof Error ? error.message : String(error));
    }
    const times = `${durationText(pulled.tookMs)} (${durationText(clock.now() - startedAtMs)} including waiting)`;
    const { sizeBytes } = pulled.image;
    const text = `Successfully pulled image "${image}" in ${times}. Image size: ${sizeBytes} bytes.`;
    events.container(pod, spec, { type: 'Normal', reason: 'Pulled', message: text });
    return { kind: 'present' };
  }

  #backedOff(pod: Pod, spec: Container): ImageResult | undefined {
    const { events } = this.#options;
    const key = keyOf(pod, spec);
    const failed = this.#lastErrors.get(key);
    if (failed === undefined || this.#backOff.remainingMs(key, failed.atMs) === 0) return undefined;
    const message = `Back-off pulling image "${spec.image}"`;
    const reason = 'ImagePullBackOff';
    events.container(pod, spec, { type: 'Normal', reason: 'BackOff', message });
    events.container(pod, spec, { type: 'Warning', reason: 'Failed', message: `Error: ${reason}` });
    return { kind: 'failed', reason, message: `${message}: ErrImagePull: ${failed.message}` };
  }

  #pullFailed(pod: Pod, spec: Container, text: string): ImageResult {
    const { events, clock } = this.#options;
    const key = keyOf(pod, spec);
    const atMs = clock.now();
    this.#lastErrors.set(key, { atMs, message: text });
    this.#backOff.next(key, atMs);
    const message = `Failed to pull image "${spec.image}": ${text}`;
    events.container(pod, spec, { type: 'Warning', reason: 'Failed', message });
    return this.#fail(pod, spec, { reason: 'ErrImagePull', message: text });
  }

  async #sharedPull(image: string, signal: AbortSignal): Promise<Pulled> {
    signal.throwIfAborted();
    const pull = this.#pulls.get(image) ?? this.#startPull(image);
    pull.waiting++;
    const left = new AbortController();
    const leaves = once(signal, 'abort', { signal: left.signal });
    try {
      return await Promise.race([pull.done, leaves.then(() => Promise.reject(signal.reason))]);
    } finally {
      left.abort();
      if (--pull.waiting === 0) {
        pull.stop.abort();
        this.#pulls.delete(image);
      }
    }
  }

  #startPull(image: string): SharedPull {
    const { runtime, clock } = this.#options;
    const stop = new AbortController();
    const startedAtMs = clock.now();
    const done = runtime
      .pullImage(image, stop.signal)
      .then((pulled) => ({ image: pulled, tookMs: clock.now() - startedAtMs }));
    const pull: SharedPull = { done, stop, waiting: 0 };
    this.#pulls.set(image, pull);
    return pull;
  }

  #fail(pod: Pod, spec: Container, why: { reason: string; message: string }): ImageResult {
    const { events } = this.#options;
    if (why.reason !== 'ErrImagePull') {
      const reason = why.reason === 'InvalidImageName' ? 'InspectFailed' : why.reason;
      events.container(pod, spec, { type: 'Warning', reason, message: why.message });
    }
    events.container(pod, spec, {
      type: 'Warning',
      reason: 'Failed',
      message: `Error: ${why.reason}`,
    });
    return { kind: 'failed', ...why };
  }
}

function keyOf(pod: Pod, spec: Container): string {
  return `${pod.metadata?.uid}/${spec.image}`;
}
