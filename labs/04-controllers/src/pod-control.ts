// PodControl: creates and deletes Pods for a controller, and tells the owner's events about it.
//
// Creating in a namespace that is being emptied is no failure: the owner will be gone in a moment, so there is no event.
// A deletion names the uid, so it never hits a new Pod of the same name; a Pod that is gone already is a success.
//
// Upstream: kubernetes, pkg/controller/controller_utils.go, RealPodControl.

import {
  ApiError,
  type Client,
  type EventRecorder,
  type KubernetesObject,
  resources,
} from '@kube-labs/apiserver';
import type { Pod } from 'kubernetes-types/core/v1';
import { meta, refOf } from './meta.ts';

export class PodControl {
  readonly #client: Client;
  readonly #recorder: EventRecorder;

  constructor(client: Client, recorder: EventRecorder) {
    this.#client = client;
    this.#recorder = recorder;
  }

  async create(owner: KubernetesObject, pod: Pod, signal: AbortSignal): Promise<Pod> {
    try {
      const created = await this.#client.create(resources.pods, pod, signal);
      const message = `Created pod: ${meta(created).name}`;
      this.#recorder.event(owner, 'Normal', 'SuccessfulCreate', message);
      return created;
    } catch (error) {
      if (!signal.aborted && !isNamespaceTerminating(error)) {
        this.#recorder.event(owner, 'Warning', 'FailedCreate', `Error creating: ${textOf(error)}`);
      }
      throw error;
    }
  }

  async delete(owner: KubernetesObject, pod: Pod, signal: AbortSignal): Promise<void> {
    const { name, uid } = meta(pod);
    try {
      await this.#client.delete(resources.pods, refOf(pod), { uid }, signal);
      this.#recorder.event(owner, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
    } catch (error) {
      if (ApiError.is(error, 'NotFound') || ApiError.is(error, 'Conflict')) return;
      if (!signal.aborted) {
        this.#recorder.event(owner, 'Warning', 'FailedDelete', `Error deleting: ${textOf(error)}`);
      }
      throw error;
    }
  }
}

export function isNamespaceTerminating(error: unknown): boolean {
  return (
    ApiError.is(error, 'Forbidden') && error.message.includes('because it is being terminated')
  );
}

export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
