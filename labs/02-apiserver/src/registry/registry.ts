// Registry: what a create, an update and a delete mean, the same way for every resource.
//
//   create   system fields → admission → strategy.prepareForCreate → validate → transaction "nothing is there"
//   update   read → change → admission → strategy.prepareForUpdate → validate → transaction "unchanged since read", or again
//   delete   read → preconditions → planDeletion() → transaction, or again
//
// Invariants:
//   1. a write never overwrites a state that its writer did not see: the transaction compares the revision that was read.
//   2. uid, creationTimestamp and the deletion fields belong to the server; no client can change them.
//   3. a dry run goes the whole way but the last step.
//
// Same idea upstream: apiserver, registry/generic/registry/store.go and storage's GuaranteedUpdate.
// metadata.managedFields comes with the object that is to be written: the handlers work it out (server/field-ownership.ts).

import type { DeleteOptions } from 'kubernetes-types/meta/v1';
import type { AdmissionChain } from '../admission/admission.ts';
import { ApiError, alreadyExists, conflict, notFound } from '../api-error.ts';
import type { Clock } from '../client/clock.ts';
import type { KubernetesObject, ObjectRef } from '../client/resources.ts';
import { type FieldError, invalid } from '../strategy/field-error.ts';
import type { Strategy, WriteFacts } from '../strategy/strategy.ts';
import { formatTime, metadataOf, mutableCopy, type ReadonlyApiObject } from './api-object.ts';
import { checkDeleteOptions } from './delete-options.ts';
import { checkPreconditions, isReleasedBy, planDeletion } from './deletion.ts';
import { generateName } from './object-name.ts';
import { objectKey, type ResourceDefinition } from './resource-definition.ts';
import { isSame } from './same-object.ts';
import { prepareStatus } from './status-scope.ts';
import type { Storage, WriteResult } from './storage.ts';
import { encodeForStorage, StoredObject } from './stored-object.ts';
import { checkSeen, keepSystemFields, setSystemFields } from './system-fields.ts';
import { type WriteCompanion, withCompanions } from './write-companion.ts';
import { admissionRequest, type UpdateOptions, type WriteOptions } from './write-options.ts';

export interface RegistryDeps {
  readonly definition: ResourceDefinition;
  readonly storage: Storage;
  readonly admission: AdmissionChain;
  readonly clock: Clock;
  readonly companions?: readonly WriteCompanion[];
}

/** Each lost transaction means that somebody else's write went through, so giving up is only for the truly unlucky. */
const ATTEMPTS_MAX = 64;
const GENERATED_NAME_ATTEMPTS_MAX = 8;

export class Registry {
  readonly definition: ResourceDefinition;
  readonly storage: Storage;
  readonly strategy: Strategy;
  readonly #deps: RegistryDeps;
  readonly #companions: readonly WriteCompanion[];

  constructor(deps: RegistryDeps) {
    this.#deps = deps;
    this.#companions = deps.companions ?? [];
    this.definition = deps.definition;
    this.storage = deps.storage;
    this.strategy = deps.definition.strategy;
  }

  async get(ref: ObjectRef): Promise<StoredObject> {
    const stored = await this.storage.get(objectKey(this.definition, ref));
    if (stored === undefined) throw notFound(this.definition, ref.name);
    return stored;
  }

  /** `object` stays the caller's. A name that is generated and taken is generated again. */
  async create(
    object: KubernetesObject,
    namespace: string | undefined,
    options: WriteOptions,
  ): Promise<StoredObject> {
    const { name = '', generateName: base = '' } = object.metadata ?? {};
    const generated = name === '' && base !== '';
    for (let attempt = 1; ; attempt += 1) {
      const copy = mutableCopy(object);
      if (generated) metadataOf(copy).name = generateName(base);
      try {
        return await this.#createOnce(copy, namespace, options);
      } catch (error) {
        const taken = generated && ApiError.is(error, 'AlreadyExists');
        if (!taken || attempt >= GENERATED_NAME_ATTEMPTS_MAX) throw error;
      }
    }
  }

  /** `object` is written into. */
  async #createOnce(
    object: KubernetesObject,
    namespace: string | undefined,
    options: WriteOptions,
  ): Promise<StoredObject> {
    const { admission, clock } = this.#deps;
    setSystemFields(object, namespace, clock.now());
    const request = admissionRequest('CREATE', this.definition, { options, namespace, object });
    await admission.mutate(request);
    const { strategy = this.strategy } = options;
    strategy.prepareForCreate(object, this.#facts(options));
    this.#check(object, strategy.validate(object));
    await admission.validate(request);
    const { name = '' } = metadataOf(object);
    const key = objectKey(this.definition, refOf(object));
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
      const result = await this.#insert(key, object, { options, attempt });
      if (result instanceof StoredObject) return result;
      if (result.kind === 'written' && result.stored !== undefined) return result.stored;
      if (result.kind === 'lost' && result.current !== undefined) {
        throw alreadyExists(this.definition, name);
      }
    }
    throw conflict(this.definition, name);
  }

  /** What became of the transaction "nothing is there"; of a dry run what it would have made. */
  #insert(
    key: string,
    object: KubernetesObject,
    { options, attempt }: { options: WriteOptions; attempt: number },
  ): Promise<StoredObject | WriteResult> {
    // What a companion fills in must not be there any more when it is asked again.
    const next = this.#companions.length === 0 ? object : mutableCopy(object);
    return withCompanions(
      this.#companions,
      { next, current: undefined, attempt },
      async (parts) => {
        if (!options.dryRun)
          return this.storage.write({ key, seenRevision: 0, object: next, parts });
        const current = await this.storage.get(key);
        if (current !== undefined) return { kind: 'lost', current };
        return StoredObject.fromValue(key, 0, encodeForStorage(next));
      },
    );
  }

  /** `change` gets the current state and returns the wanted one; it is called again when somebody else wrote meanwhile. */
  async update(
    ref: ObjectRef,
    change: (current: StoredObject) => KubernetesObject | Promise<KubernetesObject>,
    options: UpdateOptions,
  ): Promise<StoredObject> {
    const key = objectKey(this.definition, ref);
    let current = await this.storage.get(key);
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
      if (current === undefined) throw notFound(this.definition, ref.name);
      const next = await change(current);
      await this.#prepareUpdate(next, current, ref, options);
      const result = await this.#replace(current, next, { options, attempt });
      if (result instanceof StoredObject) return result;
      if (result.kind === 'written') {
        return result.stored ?? current.atRevision(result.revision);
      }
      current = result.current;
    }
    throw conflict(this.definition, ref.name);
  }

  /** What a dry run, or a change that changes nothing, would have left; or what became of the write. */
  #replace(
    current: StoredObject,
    next: KubernetesObject,
    { options, attempt }: { options: UpdateOptions; attempt: number },
  ): Promise<StoredObject | WriteResult> {
    const { key, revision, object } = current;
    // The last finalizer went, and with it the object.
    const left = isReleasedBy(next) ? undefined : next;
    return withCompanions(
      this.#companions,
      { next: left, current: object, attempt },
      async (parts) => {
        if (isSame(next, object) && !current.isStale) return current;
        if (options.dryRun) return StoredObject.fromValue(key, revision, encodeForStorage(next));
        return this.storage.write({ key, seenRevision: revision, object: left, parts });
      },
    );
  }

  async #prepareUpdate(
    next: KubernetesObject,
    { object: old }: StoredObject,
    ref: ObjectRef,
    options: UpdateOptions,
  ): Promise<void> {
    checkSeen(next, old, this.definition);
    keepSystemFields(next, old);
    const parts = { options, namespace: ref.namespace, object: next, old };
    const request = admissionRequest('UPDATE', this.definition, parts);
    await this.#deps.admission.mutate(request);
    const before = old as KubernetesObject;
    const { scope, strategy = this.strategy } = options;
    if (scope === 'object') {
      strategy.prepareForUpdate(next, before);
      this.#check(next, strategy.validateUpdate(next, before));
    } else if (scope === 'status') {
      prepareStatus(strategy, next, before, this.#facts(options));
      this.#check(next, strategy.validateStatusUpdate(next, before));
    }
    await this.#deps.admission.validate(request);
  }

  /** `removed` says whether the object is gone; if not, it is marked, and `stored` says how. */
  async delete(
    ref: ObjectRef,
    deleteOptions: DeleteOptions,
    options: WriteOptions,
  ): Promise<{ removed: boolean; stored: StoredObject }> {
    checkDeleteOptions(deleteOptions);
    const { definition } = this;
    const key = objectKey(definition, ref);
    let current = await this.storage.get(key);
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
      if (current === undefined) throw notFound(definition, ref.name);
      const { object, revision } = current;
      checkPreconditions(object, deleteOptions, definition);
      await this.#admitDeletion(object, ref, options);
      const nowMs = this.#deps.clock.now();
      const plan = planDeletion(object, deleteOptions, { definition, nowMs });
      const removed = plan.kind === 'remove';
      if (plan.kind === 'keep' || options.dryRun) return { removed, stored: current };
      const result = removed
        ? await this.#remove(current, attempt)
        : await this.storage.write({ key, seenRevision: revision, object: plan.object });
      if (result.kind === 'written') return { removed, stored: result.stored ?? current };
      current = result.current;
    }
    throw conflict(definition, ref.name);
  }

  async #admitDeletion(
    old: ReadonlyApiObject,
    { namespace }: ObjectRef,
    options: WriteOptions,
  ): Promise<void> {
    const request = admissionRequest('DELETE', this.definition, { options, namespace, old });
    await this.#deps.admission.mutate(request);
    await this.#deps.admission.validate(request);
  }

  #remove({ key, object, revision }: StoredObject, attempt: number): Promise<WriteResult> {
    return withCompanions(
      this.#companions,
      { next: undefined, current: object, attempt },
      (parts) => this.storage.write({ key, seenRevision: revision, object: undefined, parts }),
    );
  }

  #facts({ user }: WriteOptions): WriteFacts {
    return { user, now: formatTime(this.#deps.clock.now()) };
  }

  #check(object: KubernetesObject, errors: readonly FieldError[]): void {
    if (errors.length > 0) {
      throw invalid(this.definition, object.metadata?.name ?? '', [...errors]);
    }
  }
}

function refOf({ metadata }: KubernetesObject): ObjectRef {
  const name = metadata?.name ?? '';
  return metadata?.namespace === undefined ? { name } : { namespace: metadata.namespace, name };
}
