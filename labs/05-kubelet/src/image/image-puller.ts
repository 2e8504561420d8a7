// ImagePuller: makes sure that a container's image is there, by its pull policy, with back-off when it cannot be had.
//
// Each outcome has upstream's reason and event.
//
// Same idea upstream: kubernetes, pkg/kubelet/images/image_manager.go.
// Left out here: asking the registry whether a pod may use an image that is there already.

import type { Container, Pod } from 'kubernetes-types/core/v1';
import type { ConfigData, ConfigReader } from '../container/environment.ts';
import { BackOff, durationText } from '../pod/back-off.ts';
import type { WaitingReason } from '../pod/container-status.ts';
import type { PodEvents } from '../pod/pod-events.ts';
import { type ImageService, RuntimeError, type RuntimeImage } from '../runtime/runtime.ts';
import { imageNameProblem, withTag } from './image-name.ts';
import { credentialsFor } from './pull-secrets.ts';
import { type Pulled, SharedPulls, type SharedPullsOptions } from './shared-pulls.ts';

export type ImageResult =
  | { readonly kind: 'present'; readonly image: RuntimeImage }
  | ({ readonly kind: 'failed' } & WaitingReason);

export interface ImagePullerOptions extends SharedPullsOptions {
  readonly runtime: Pick<ImageService, 'imageStatus' | 'pullImage'>;
  readonly events: PodEvents;
  /** For pull secrets; absent where pods have none. */
  readonly reader?: Pick<ConfigReader, 'secret'>;
}

export class ImagePuller {
  readonly #options: ImagePullerOptions;
  readonly #backOff: BackOff;
  readonly #lastErrors = new Map<string, { atMs: number; message: string }>();
  readonly #pulls: SharedPulls;

  constructor(options: ImagePullerOptions) {
    this.#options = options;
    this.#pulls = new SharedPulls(options);
    this.#backOff = new BackOff({ clock: options.clock });
  }

  async ensure(pod: Pod, spec: Container, signal: AbortSignal): Promise<ImageResult> {
    const { events } = this.#options;
    const image = spec.image ?? '';
    const problem = imageNameProblem(image);
    if (problem !== undefined) {
      const message = `Failed to apply default image tag "${image}": couldn't parse image reference "${image}": ${problem}`;
      return this.#fail(pod, spec, { reason: 'InvalidImageName', message });
    }
    const policy =
      spec.imagePullPolicy ?? (withTag(image).endsWith(':latest') ? 'Always' : 'IfNotPresent');
    const found = policy === 'Always' ? undefined : await this.#inspect(image);
    if (typeof found === 'string') {
      return this.#fail(pod, spec, { reason: 'ImageInspectError', message: found });
    }
    if (found !== undefined) {
      const text = `Container image "${image}" already present on machine`;
      events.container(pod, spec, { type: 'Normal', reason: 'Pulled', message: text });
      return { kind: 'present', image: found };
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

  /** The image, nothing, or why that cannot be told. */
  async #inspect(image: string): Promise<RuntimeImage | string | undefined> {
    try {
      return await this.#options.runtime.imageStatus(image);
    } catch (error) {
      // With the engine away it is not the image's fault.
      if (!RuntimeError.is(error) || error.code === 'unavailable') throw error;
      return `Failed to inspect image "${image}": ${error.message}`;
    }
  }

  async #pull(pod: Pod, spec: Container, signal: AbortSignal): Promise<ImageResult> {
    const { events, clock } = this.#options;
    const image = spec.image ?? '';
    const backedOff = this.#backedOff(pod, spec);
    if (backedOff !== undefined) return backedOff;
    const report = (message: string) =>
      events.container(pod, spec, { type: 'Normal', reason: 'Pulling', message });
    report(`Pulling image "${image}"`);
    const startedAtMs = clock.now();
    let pulled: Pulled;
    try {
      const auths = credentialsFor(image, await this.#secretsOf(pod));
      pulled = await this.#pulls.pull({ image, auths, report }, signal);
    } catch (error) {
      signal.throwIfAborted();
      return this.#pullFailed(pod, spec, error instanceof Error ? error.message : String(error));
    }
    const times = `${durationText(pulled.tookMs)} (${durationText(clock.now() - startedAtMs)} including waiting)`;
    const { sizeBytes } = pulled.image;
    const text = `Successfully pulled image "${image}" in ${times}. Image size: ${sizeBytes} bytes.`;
    events.container(pod, spec, { type: 'Normal', reason: 'Pulled', message: text });
    return { kind: 'present', image: pulled.image };
  }

  /** Those that cannot be had are told of, and done without. */
  async #secretsOf(pod: Pod): Promise<ConfigData[]> {
    const { reader, events } = this.#options;
    const { namespace = '' } = pod.metadata ?? {};
    const names = (pod.spec?.imagePullSecrets ?? []).flatMap(({ name }) => (name ? [name] : []));
    const found = await Promise.all(
      names.map((name) => reader?.secret(namespace, name).catch(() => undefined)),
    );
    const missing = names.filter((_, i) => found[i] === undefined);
    if (missing.length > 0) {
      const reason = 'FailedToRetrieveImagePullSecret';
      const message = `Unable to retrieve some image pull secrets (${missing.join(', ')}); attempting to pull the image may not succeed.`;
      events.pod(pod, { type: 'Warning', reason, message });
    }
    return found.filter((data) => data !== undefined);
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

  #fail(pod: Pod, spec: Container, why: { reason: string; message: string }): ImageResult {
    const { events } = this.#options;
    if (why.reason !== 'ErrImagePull') {
      const isInspection = ['InvalidImageName', 'ImageInspectError'].includes(why.reason);
      const reason = isInspection ? 'InspectFailed' : why.reason;
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
