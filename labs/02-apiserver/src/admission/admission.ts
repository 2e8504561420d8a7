// admission: what the server itself adds to a request, or has against it, after the client is known and before the write.
//
// A plugin sees one request. `mutate` may change the object; `validate` may only throw. All mutating runs first, so that what
// is validated is what will be stored. Plugins have no effects: a dry run passes through them like any other request.
//
// Same idea upstream: apiserver, admission/chain.go. Left out: webhooks, policies and configuration.

import type { KubernetesObject } from '../client/resources.ts';
import type { ReadonlyApiObject } from '../registry/api-object.ts';
import type { ResourceDefinition } from '../registry/resource-definition.ts';
import type { User } from '../server/authentication.ts';

export interface AdmissionRequest {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE';
  readonly definition: ResourceDefinition;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name: string;
  readonly user: User;
  /** Absent for DELETE. */
  readonly object?: KubernetesObject;
  readonly old?: ReadonlyApiObject;
}

export interface AdmissionPlugin {
  readonly name: string;
  mutate?(request: AdmissionRequest): void | Promise<void>;
  validate?(request: AdmissionRequest): void | Promise<void>;
}

export class AdmissionChain {
  readonly #plugins: readonly AdmissionPlugin[];

  constructor(plugins: readonly AdmissionPlugin[]) {
    this.#plugins = plugins;
  }

  async mutate(request: AdmissionRequest): Promise<void> {
    for (const plugin of this.#plugins) await plugin.mutate?.(request);
  }

  async validate(request: AdmissionRequest): Promise<void> {
    for (const plugin of this.#plugins) await plugin.validate?.(request);
  }
}
