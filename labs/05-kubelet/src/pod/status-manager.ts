// StatusManager: brings the pods' statuses to the API server: only what changed, the newest only, again after failures.
//
// Rules: one write a pod at a time; a status that comes while another is on its way replaces all that wait; the patch
// names the pod's uid, so a new pod of the same name never gets an old one's status. Deletion of a finished
// pod goes through here, so that its last status is written before. What a static pod has to tell goes to its mirror, and waits
// until there is one; mirrors come and go elsewhere.
//
// Same idea upstream: kubernetes, pkg/kubelet/status/status_manager.go.

import {
  ApiError,
  type Client,
  type Clock,
  type Logger,
  resources,
  WorkQueue,
} from '@kube-labs/apiserver';
import type { Pod, PodStatus } from 'kubernetes-types/core/v1';
import { isStatic } from '../config/static-pod.ts';
import { statusChanges } from './status-patch.ts';

export interface StatusManagerOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  /** The API's latest view of a pod; of a static one its mirror. */
  podOf(pod: Pod): Pod | undefined;
}

interface Entry {
  readonly pod: Pod;
  readonly status: PodStatus;
  /** Nothing of the pod is left on the node: it may go from the API. */
  readonly finished: boolean;
}

const WORKERS = 8;
const RETRY_BASE_MS = 100;
const RETRY_MAX_MS = 10_000;

export class StatusManager {
  readonly #options: StatusManagerOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #queue: WorkQueue;

  constructor(options: StatusManagerOptions) {
    this.#options = options;
    const { clock } = options;
    this.#queue = new WorkQueue({
      name: 'status',
      clock,
      baseDelayMs: RETRY_BASE_MS,
      maxDelayMs: RETRY_MAX_MS,
    });
  }

  run(signal: AbortSignal): Promise<void> {
    const { log } = this.#options;
    return this.#queue.run({ workers: WORKERS, log }, (uid) => this.#write(uid), signal);
  }

  set(pod: Pod, status: PodStatus): void {
    const uid = pod.metadata?.uid ?? '';
    const known = this.#entries.get(uid);
    this.#entries.set(uid, { pod, status, finished: known?.finished ?? false });
    this.#queue.add(uid);
  }

  /** The last status known here, which may be newer than what the API server has. */
  get(uid: string): PodStatus | undefined {
    return this.#entries.get(uid)?.status;
  }

  /** Deletes the pod from the API once its last status is there. */
  finish(pod: Pod): void {
    const uid = pod.metadata?.uid ?? '';
    const status = this.#entries.get(uid)?.status ?? pod.status ?? {};
    this.#entries.set(uid, { pod, status, finished: true });
    this.#queue.add(uid);
  }

  /** Somebody else wrote the pod's status: look whether ours still stands. */
  recheck(uid: string): void {
    if (this.#entries.has(uid)) this.#queue.add(uid);
  }

  forget(uid: string): void {
    this.#entries.delete(uid);
  }

  async #write(uid: string): Promise<void> {
    const entry = this.#entries.get(uid);
    if (entry === undefined) return;
    const { client, podOf } = this.#options;
    const known = podOf(entry.pod);
    const isOwn = isStatic(entry.pod);
    if (isOwn && entry.finished) this.#entries.delete(uid);
    if (isOwn && known === undefined) return;
    const current = known ?? entry.pod;
    const { name = '', namespace, uid: apiUid } = current.metadata ?? {};
    const ref = { namespace, name };
    const changes = statusChanges(current.status ?? {}, entry.status);
    try {
      if (changes !== undefined) {
        const patch = { metadata: { uid: apiUid }, status: changes };
        const type = 'strategic';
        await client.patch(resources.pods, ref, patch, { type, subresource: 'status' });
      }
      if (entry.finished && !isOwn)
        await client.delete(resources.pods, ref, { gracePeriodSeconds: 0, uid });
    } catch (error) {
      // The pod is gone, or another one has its name: nobody is left to be told.
      const isGone =
        ApiError.is(error, 'NotFound') ||
        (ApiError.is(error, 'Conflict') && (entry.finished || podOf(entry.pod) === undefined));
      if (!isGone) throw error;
      // The next mirror will be told.
      if (!isOwn) this.#entries.delete(uid);
    }
  }
}
