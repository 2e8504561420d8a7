// admission: what the server itself adds to a request, or has against it, after the client is known and before the write.
//
// A plugin sees one request. `mutate` may change the object; `validate` may only throw. All mutating runs first, so that what
// is validated is what will be stored. Both may take their time (a webhook asks over the network). A plugin that has effects of its own
// leaves them out in a dry run.
//
// To add one: a file with a function that makes an AdmissionPlugin, and its line in plugins.ts.
//
// Same idea upstream: apiserver, admission/interfaces.go, admission/chain.go and endpoints/handlers/fieldmanager/admission.go.

import type { ManagedFieldsEntry } from 'kubernetes-types/meta/v1';
import { type ApiError, forbidden } from '../api-error.ts';
import { problemOfManaged } from '../apply/managed-fields.ts';
import type { User } from '../auth/user.ts';
import type { KubernetesObject } from '../client/resources.ts';
import { metadataOf, type ReadonlyApiObject } from '../registry/api-object.ts';
import type { ResourceDefinition } from '../registry/resource-definition.ts';
import type { AdmissionMetrics, Observe } from './admission-metrics.ts';

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

/** One step of one plugin, with who notes how long it took. */
interface Step {
  act(request: AdmissionRequest, rounds: Rounds): void | Promise<void>;
  readonly observe: Observe;
}

export class AdmissionChain {
  readonly #plugins: readonly AdmissionPlugin[];
  readonly #admit: readonly Step[];
  readonly #validate: readonly Step[];
  readonly #observeStep: Readonly<Record<'admit' | 'validate', Observe>>;

  /** Without metrics nothing is measured. */
  constructor(plugins: readonly AdmissionPlugin[], metrics?: AdmissionMetrics) {
    this.#plugins = plugins;
    const stepsOf = (type: 'admit' | 'validate') =>
      plugins.flatMap((plugin) => {
        const act = (type === 'admit' ? plugin.mutate : plugin.validate)?.bind(plugin);
        const observe = metrics?.plugin(plugin.name, type) ?? unobserved;
        return act === undefined ? [] : [{ act, observe }];
      });
    this.#admit = stepsOf('admit');
    this.#validate = stepsOf('validate');
    this.#observeStep = {
      admit: metrics?.step('admit') ?? unobserved,
      validate: metrics?.step('validate') ?? unobserved,
    };
  }

  /** In the order in which they run. */
  get names(): readonly string[] {
    return this.#plugins.map(({ name }) => name);
  }

  /**
   * When a webhook changed the object, all plugins see it once more: what they check and set holds for what is stored. Nobody owns what
   * is changed here; but a list of owners that nobody can read any more becomes what it was.
   */
  async mutate(request: AdmissionRequest): Promise<void> {
    const before = request.object?.metadata?.managedFields;
    const rounds = new Rounds();
    await this.#run('admit', request, rounds);
    if (rounds.isSecondWanted) {
      rounds.isSecond = true;
      await this.#run('admit', request, rounds);
    }
    mendOwners(request, before);
  }

  validate(request: AdmissionRequest): Promise<void> {
    return this.#run('validate', request, new Rounds());
  }

  async #run(type: 'admit' | 'validate', request: AdmissionRequest, rounds: Rounds): Promise<void> {
    const { operation } = request;
    const steps = type === 'admit' ? this.#admit : this.#validate;
    const startMs = performance.now();
    let stepMs = startMs;
    for (const { act, observe } of steps) {
      let isRejected = true;
      try {
        const pending = act(request, rounds);
        if (pending !== undefined) await pending;
        isRejected = false;
      } finally {
        const nowMs = performance.now();
        observe(operation, nowMs - stepMs, isRejected);
        stepMs = nowMs;
        if (isRejected) this.#observeStep[type](operation, nowMs - startMs, true);
      }
    }
    this.#observeStep[type](operation, stepMs - startMs, false);
  }
}

function unobserved(): void {
  // Nobody wants to know.
}

function mendOwners(
  { object = {}, warn }: AdmissionRequest,
  before: ManagedFieldsEntry[] | undefined,
): void {
  const after = object.metadata?.managedFields;
  if (after === before || after === undefined) return;
  const problem = problemOfManaged(after);
  if (problem === undefined) return;
  const metadata = metadataOf(object);
  if (before === undefined) delete metadata.managedFields;
  else metadata.managedFields = before;
  warn?.(`${BROKEN_OWNERS}: ${problem}`);
}

/** The 403 of a plugin that refuses. */
export function denied({ definition, name }: AdmissionRequest, why: string): ApiError {
  return forbidden(definition, name === '' ? 'Unknown' : name, why);
}
