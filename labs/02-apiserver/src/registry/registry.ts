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

import type { DeleteOptions, ManagedFieldsEntry } from 'kubernetes-types/meta/v1';
import type { AdmissionChain, AdmissionContext, AdmissionRequest } from '../admission/admission.ts';
import { ApiError, alreadyExists, conflict, notFound } from '../api-error.ts';
import { sameJson } from '../apply/typed-compare.ts';
import type { User } from '../auth/user.ts';
import type { Clock } from '../client/clock.ts';
import type { KubernetesObject, ObjectRef } from '../client/resources.ts';
import { type FieldError, invalid } from '../strategy/field-error.ts';
import type { Strategy, WriteFacts } from '../strategy/strategy.ts';
import { formatTime, metadataOf, mutableCopy, type ReadonlyApiObject } from './api-object.ts';
import { checkDeleteOptions, checkPreconditions, isReleasedBy, planDeletion } from './deletion.ts';
import { generateName } from './object-name.ts';
import { objectKey, type ResourceDefinition } from './resource-definition.ts';
import type { Storage, TxnParts, WriteResult } from './storage.ts';
import { encodeForStorage, StoredObject } from './stored-object.ts';
import { checkSeen, keepSystemFields, prepareStatus, setSystemFields } from './system-fields.ts';

export interface WriteOptions {
  readonly user: User;
  readonly dryRun: boolean;
  /** What else admission hears of the request. */
  readonly admission?: AdmissionContext;
  /** Judges the object instead of the stored version's: of the version that the client speaks. */
  readonly strategy?: Strategy;
}

export interface UpdateOptions extends WriteOptions {
  /** What the strategy applies: spec and metadata, status only, or (our own changes, like a binding) nothing. */
  readonly scope: 'object' | 'status' | 'raw';
  readonly subresource?: string;
}

/** What a companion adds to the transaction of an object. */
export interface CompanionParts extends TxnParts {
  /** Called once the transaction is decided, or will not happen: what was held for it is free. */
  readonly release?: () => void;
}

/** Writes that belong to an object's own write, like the allocation of its address. */
export interface WriteCompanion {
  /** May fill in `next`, which is undefined when the object is removed. Called again, as `attempt` 2, when the transaction is lost. */
  prepare(
    next: KubernetesObject | undefined,
    current: ReadonlyApiObject | undefined,
    attempt: number,
  ): Promise<CompanionParts>;
}

interface Change {
  readonly next: KubernetesObject | undefined;
  readonly current: ReadonlyApiObject | undefined;
  readonly attempt: number;
}

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

  constructor(deps: RegistryDeps) {
    this.#deps = deps;
    this.definition = deps.definition;
    this.storage = deps.storage;
    this.strategy = deps.definition.strategy;
  }

  async get(ref: ObjectRef): Promise<StoredObject> {
    const stored = await this.storage.get(objectKey(this.definition, ref));
    if (stored === undefined) throw notFound(this.definition, ref.name);
    return stored;
  }

  async create(
    object: KubernetesObject,
    namespace: string | undefined,
    options: WriteOptions,
  ): Promise<StoredObject> {
    const generated = (metadataOf(object).name ?? '') === '' && !!object.metadata?.generateName;
    for (let attempt = 1; ; attempt += 1) {
      const copy = mutableCopy(object);
      if (generated) metadataOf(copy).name = generateName(object.metadata?.generateName ?? '');
      try {
        return await this.#createOnce(copy, namespace, options);
      } catch (error) {
        const taken = generated && ApiError.is(error, 'AlreadyExists');
        if (!taken || attempt >= GENERATED_NAME_ATTEMPTS_MAX) throw error;
      }
    }
  }

  async #createOnce(
    object: KubernetesObject,
    namespace: string | undefined,
    options: WriteOptions,
  ): Promise<StoredObject> {
    const { admission, companions = [], clock } = this.#deps;
    setSystemFields(object, namespace, clock.now());
    const request = this.#admissionRequest('CREATE', object, { options, namespace });
    await admission.mutate(request);
    const { strategy = this.strategy } = options;
    strategy.prepareForCreate(object, this.#facts(options));
    this.#check(object, strategy.validate(object));
    await admission.validate(request);
    const { name = '' } = metadataOf(object);
    const key = objectKey(this.definition, refOf(object));
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
      const next = companions.length === 0 ? object : mutableCopy(object);
      const result = await this.#together({ next, current: undefined, attempt }, async (parts) => {
        if (!options.dryRun) {
          return this.storage.write({ key, seenRevision: 0, object: next, parts });
        }
        if ((await this.storage.get(key)) !== undefined) throw alreadyExists(this.definition, name);
        return StoredObject.fromValue(key, 0, encodeForStorage(next));
      });
      if (result instanceof StoredObject) return result;
      if (result.kind === 'written' && result.stored !== undefined) return result.stored;
      if (result.kind === 'lost' && result.current !== undefined) {
        throw alreadyExists(this.definition, name);
      }
    }
    throw conflict(this.definition, name);
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
    return this.#together({ next: left, current: object, attempt }, async (parts) => {
      if (isSame(next, object) && !current.isStale) return current;
      if (options.dryRun) return StoredObject.fromValue(key, revision, encodeForStorage(next));
      return this.storage.write({ key, seenRevision: revision, object: left, parts });
    });
  }

  async #prepareUpdate(
    next: KubernetesObject,
    { object: old }: StoredObject,
    ref: ObjectRef,
    options: UpdateOptions,
  ): Promise<void> {
    checkSeen(next, old, this.definition);
    keepSystemFields(next, old);
    const { namespace } = ref;
    const request = this.#admissionRequest('UPDATE', next, { options, namespace, old });
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

  async delete(
    ref: ObjectRef,
    deleteOptions: DeleteOptions,
    options: WriteOptions,
  ): Promise<{ removed: boolean; stored: StoredObject }> {
    checkDeleteOptions(deleteOptions);
    const key = objectKey(this.definition, ref);
    const { definition } = this;
    let current = await this.storage.get(key);
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
      if (current === undefined) throw notFound(definition, ref.name);
      checkPreconditions(current.object, deleteOptions, definition);
      const { namespace } = ref;
      const old = current.object;
      const request = this.#admissionRequest('DELETE', undefined, { options, namespace, old });
      await this.#deps.admission.mutate(request);
      await this.#deps.admission.validate(request);
      const nowMs = this.#deps.clock.now();
      const plan = planDeletion(current.object, deleteOptions, { definition, nowMs });
      if (plan.kind === 'keep') return { removed: false, stored: current };
      if (options.dryRun) return { removed: plan.kind === 'remove', stored: current };
      const result =
        plan.kind === 'remove'
          ? await this.#remove(key, current, attempt)
          : await this.storage.write({
              key,
              seenRevision: current.revision,
              object: plan.object,
            });
      if (result.kind === 'written') {
        return { removed: plan.kind === 'remove', stored: result.stored ?? current };
      }
      current = result.current;
    }
    throw conflict(definition, ref.name);
  }

  #remove(key: string, { object, revision }: StoredObject, attempt: number): Promise<WriteResult> {
    return this.#together({ next: undefined, current: object, attempt }, (parts) =>
      this.storage.write({ key, seenRevision: revision, object: undefined, parts }),
    );
  }

  /** Does something with what all companions add, in their order: a later one sees what an earlier one filled in. */
  async #together<T>(
    { next, current, attempt }: Change,
    act: (parts: TxnParts) => Promise<T>,
  ): Promise<T> {
    const all: CompanionParts[] = [];
    try {
      for (const companion of this.#deps.companions ?? []) {
        all.push(await companion.prepare(next, current, attempt));
      }
      const compare = all.flatMap((one) => one.compare);
      return await act({ compare, ops: all.flatMap((one) => one.ops) });
    } finally {
      for (const { release } of all) release?.();
    }
  }

  #admissionRequest(
    operation: 'CREATE' | 'UPDATE' | 'DELETE',
    object: KubernetesObject | undefined,
    rest: {
      options: WriteOptions & { subresource?: string };
      namespace: string | undefined;
      old?: ReadonlyApiObject;
    },
  ): AdmissionRequest {
    const { options, namespace, old } = rest;
    return {
      operation,
      definition: this.definition,
      name: (object ?? old)?.metadata?.name ?? '',
      user: options.user,
      dryRun: options.dryRun,
      ...options.admission,
      ...(object === undefined ? {} : { object }),
      ...(namespace === undefined ? {} : { namespace }),
      ...(options.subresource === undefined ? {} : { subresource: options.subresource }),
      ...(old === undefined ? {} : { old }),
    };
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

/**
 * A write that changes nothing does not happen: no new revision, no event, as upstream. That somebody said again what they
 * had said, which shows only in the time of their entry in managedFields, is nothing.
 */
function isSame(next: KubernetesObject, old: ReadonlyApiObject): boolean {
  const [list, oldList] = [next.metadata?.managedFields, old.metadata.managedFields];
  return sameJson(timeless(list), timeless(oldList)) && sameJson(listless(next), listless(old));
}

function timeless(list: readonly ManagedFieldsEntry[] | undefined): object[] | undefined {
  return list?.map(({ time: _, ...entry }) => entry);
}

function listless(object: KubernetesObject | ReadonlyApiObject): object {
  const { managedFields: _, ...metadata } = object.metadata ?? {};
  return { ...object, metadata };
}
