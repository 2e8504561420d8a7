// admission: what the server itself adds to a request, or has against it, after the client is known and before the write.
//
// A plugin sees one request. `mutate` may change the object; `validate` may only throw. All mutating runs first, so that what
// is validated is what will be stored. Both may take their time (a webhook asks over the network). A plugin that has effects of its own
// leaves them out in a dry run.
//
// To add one: a file with a function that makes an AdmissionPlugin, and its line in plugins.ts.
//
// Same idea upstream: apiserver, admission/interfaces.go, admission/chain.go and endpoints/handlers/fieldmanager/admission.go.

import { type ApiError, forbidden } from '../api-error.ts';
import { problemOfManaged } from '../apply/managed-fields.ts';
import type { User } from '../auth/user.ts';
import type { KubernetesObject } from '../client/resources.ts';
import { metadataOf, type ReadonlyApiObject } from '../registry/api-object.ts';
import type { ResourceDefinition } from '../registry/resource-definition.ts';

const BROKEN_OWNERS =
  '.metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating admission controller; please fix your requests';

export type AdmissionOperation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';

export interface RequestKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

export interface RequestResource {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
}

/** What a plugin may hear, or tell, of the request behind a write. */
export interface AdmissionContext {
  /** The CreateOptions, UpdateOptions, PatchOptions or DeleteOptions that came with the request. */
  readonly options?: object;
  /** What the client spoke of; absent for the server's own writes. */
  readonly requestKind?: RequestKind;
  readonly requestResource?: RequestResource;
  readonly requestSubresource?: string;
  /** Tells the client something that does not stop the request. */
  readonly warn?: (text: string) => void;
  /** Goes to the audit log. */
  readonly annotate?: (key: string, value: string) => void;
}

export interface AdmissionRequest extends AdmissionContext {
  readonly operation: AdmissionOperation;
  /** Of the stored version; `object` and `old` are in that version. */
  readonly definition: ResourceDefinition;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name: string;
  readonly user: User;
  readonly dryRun: boolean;
  /** Absent for DELETE; for CONNECT the options of what is connected to (PodExecOptions, …). */
  readonly object?: KubernetesObject;
  readonly old?: ReadonlyApiObject;
}

/** What plugins that call each other back know of one request: see AdmissionChain.mutate(). */
export class Rounds {
  isSecond = false;
  /** Somebody changed what earlier plugins have seen. */
  isSecondWanted = false;
  /** What a plugin keeps from the first round for the second. */
  readonly kept = new Map<string, unknown>();
}

export interface AdmissionPlugin {
  readonly name: string;
  mutate?(request: AdmissionRequest, rounds: Rounds): void | Promise<void>;
  validate?(request: AdmissionRequest): void | Promise<void>;
}

export class AdmissionChain {
  readonly #plugins: readonly AdmissionPlugin[];

  constructor(plugins: readonly AdmissionPlugin[]) {
    this.#plugins = plugins;
  }

  /** In the order in which they run. */
  get names(): readonly string[] {
    return this.#plugins.map(({ name }) => name);
  }

  /** Nobody owns what is changed here; but a list of owners that nobody can read any more becomes what it was. */
  async mutate(request: AdmissionRequest): Promise<void> {
    const before = request.object?.metadata?.managedFields;
    await this.#mutate(request);
    const after = request.object?.metadata?.managedFields;
    if (after === before || after === undefined) return;
    const problem = problemOfManaged(after);
    if (problem === undefined) return;
    const metadata = metadataOf(request.object ?? {});
    if (before === undefined) delete metadata.managedFields;
    else metadata.managedFields = before;
    request.warn?.(`${BROKEN_OWNERS}: ${problem}`);
  }

  /** When a webhook changed the object, all plugins see it once more: what they check and set holds for what is stored. */
  async #mutate(request: AdmissionRequest): Promise<void> {
    const rounds = new Rounds();
    for (const plugin of this.#plugins) await plugin.mutate?.(request, rounds);
    if (!rounds.isSecondWanted) return;
    rounds.isSecond = true;
    for (const plugin of this.#plugins) await plugin.mutate?.(request, rounds);
  }

  async validate(request: AdmissionRequest): Promise<void> {
    for (const plugin of this.#plugins) await plugin.validate?.(request);
  }
}

/** The 403 of a plugin that refuses. */
export function denied({ definition, name }: AdmissionRequest, why: string): ApiError {
  return forbidden(definition, name === '' ? 'Unknown' : name, why);
}
