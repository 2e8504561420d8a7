// controller: CustomResourceDefinitions become resources of this server, and go again.
//
//   names      a definition gets its names, or hears which are taken (NamesAccepted)
//   serving    once all its names are its own it stands in the resource table; when its cache is full it is Established
//   changes    a new specification replaces the resource; watches on the old one end, and their clients come again
//   the end    while it is being deleted (Terminating) its objects are deleted; when the last is gone, its finalizer goes, and it with it
//
// One key a definition, worked on one at a time, from the current state only: safe to run any number of times, and beside other servers
// on the same store, each of which serves for itself. Names are given by transactions on the definition's status.
//
// Invariants:
//   1. what is in the table belongs to a definition that is in the cache, or was a moment ago.
//   2. the server is not ready before every definition that was established is served: a restart loses no resource.
//
// Same idea upstream: apiextensions-apiserver, pkg/controller/status, establish, finalizer, and
// pkg/apiserver/customresource_handler.go.

import type { Logger } from '@kube-labs/store';
import { ApiError } from '../api-error.ts';
import { SYSTEM_USER } from '../auth/user.ts';
import type { Clock } from '../client/clock.ts';
import type { KubernetesObject } from '../client/resources.ts';
import { WorkQueue } from '../client/work-queue.ts';
import { formatTime, mutableCopy } from '../registry/api-object.ts';
import { list } from '../registry/list.ts';
import { ObjectFilter } from '../registry/object-filter.ts';
import type { Registry } from '../registry/registry.ts';
import { objectKey, type ResourceDefinition } from '../registry/resource-definition.ts';
import type { ResourceTable } from '../registry/resource-table.ts';
import { untilEnd } from '../registry/until-end.ts';
import type { CacheEvent } from '../registry/watch-cache.ts';
import type { HookEnv, PostStartHook } from '../server/post-start-hooks.ts';
import { sameValue } from '../strategy/equality.ts';
import {
  CLEANUP_FINALIZER,
  type Condition,
  type CustomResourceDefinition,
  conditionOf,
  isTerminating,
  isTrue,
  setCondition,
} from './definition.ts';
import { planNames } from './naming.ts';
import { resourcesOf } from './resources.ts';

const OPTIONS = { user: SYSTEM_USER, dryRun: false };
const RAW = { ...OPTIONS, scope: 'raw' as const };
/** How soon it looks again whether the objects of a definition that goes are gone. */
const REMAINING_CHECK_MS = 250;
const QUEUE = { name: 'customresourcedefinitions', baseDelayMs: 20, maxDelayMs: 10_000 };

interface Serving {
  /** What of the definition decides how it is served, as text. */
  readonly fingerprint: string;
  readonly resources: readonly ResourceDefinition[];
}

export function customResourceController(): PostStartHook {
  let controller: Controller | undefined;
  return {
    name: 'start-apiextensions-controllers',
    async start(env, signal) {
      controller ??= new Controller(env);
      await controller.run(signal);
    },
    ready() {
      if (controller?.isSynced !== true) throw new Error('not all custom resources are served yet');
    },
  };
}

class Controller {
  readonly #table: ResourceTable;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #registry: Registry;
  readonly #queue: WorkQueue;
  /** By the definition's name. */
  readonly #served = new Map<string, Serving>();
  /** Definitions that were there at the start and have not been looked at. */
  #unseen: Set<string> | undefined;

  constructor({ table, clock, log }: HookEnv) {
    this.#table = table;
    this.#clock = clock;
    this.#log = log;
    this.#registry = table.registry('apiextensions.k8s.io', 'customresourcedefinitions');
    this.#queue = new WorkQueue({ ...QUEUE, clock });
  }

  get isSynced(): boolean {
    return this.#unseen?.size === 0;
  }

  /** Until the signal aborts. When the cache loses track of the store it is followed anew. */
  async run(signal: AbortSignal): Promise<void> {
    const following = this.#follow(signal);
    const how = { workers: 1, log: this.#log };
    await this.#queue.run(how, (name, stop) => this.#look(name, stop), signal);
    await following;
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { cache } = this.#registry.storage;
    while (!signal.aborted) {
      await cache.ready();
      const present = cache.list().map(({ object }) => object.metadata.name ?? '');
      this.#unseen ??= new Set(present);
      for (const name of [...present, ...this.#served.keys()]) this.#queue.add(name);
      await untilEnd(cache, cache.revision, (event) => this.#heard(event), signal);
    }
  }

  #heard({ current }: CacheEvent): void {
    this.#queue.add(current.object.metadata.name ?? '');
  }

  async #look(name: string, signal: AbortSignal): Promise<void> {
    const definition = this.#find(name);
    if (definition === undefined) this.#forget(name);
    else await this.#reconcile(name, definition, signal);
    this.#unseen?.delete(name);
  }

  #find(name: string): CustomResourceDefinition | undefined {
    const { definition, storage } = this.#registry;
    const stored = storage.cache.get(objectKey(definition, { name }));
    return stored?.object as CustomResourceDefinition | undefined;
  }

  /** Its names are free: somebody else in its group may be waiting for one. */
  #forget(name: string): void {
    this.#table.remove(this.#served.get(name)?.resources ?? []);
    this.#served.delete(name);
    for (const other of this.#groupOf(name.slice(name.indexOf('.') + 1))) {
      this.#queue.add(other.metadata?.name ?? '');
    }
  }

  async #reconcile(
    name: string,
    definition: CustomResourceDefinition,
    signal: AbortSignal,
  ): Promise<void> {
    if (!sameValue(definition.spec.names, definition.status?.acceptedNames)) {
      if (await this.#giveNames(name)) return; // The write brings the key back.
    }
    if (isTrue(definition, 'NamesAccepted')) await this.#serve(name, definition, signal);
    if (isTerminating(definition)) await this.#clean(name, definition);
  }

  /** True when something was written. */
  async #giveNames(name: string): Promise<boolean> {
    let written = false;
    await this.#update(name, (definition) => {
      const others = this.#groupOf(definition.spec.group).filter(
        (other) => other.metadata?.name !== name,
      );
      const { acceptedNames, namesAccepted, established } = planNames(definition, others);
      const { status } = definition;
      const known = conditionOf(definition, 'NamesAccepted');
      const same =
        known?.status === namesAccepted.status && known.message === namesAccepted.message;
      if (same && sameValue(acceptedNames, status?.acceptedNames)) return definition;
      written = true;
      const first = setCondition(status?.conditions ?? [], namesAccepted, this.#now());
      const conditions = setCondition(first, established, this.#now());
      return { ...definition, status: { ...status, acceptedNames, conditions } };
    });
    return written;
  }

  #groupOf(group: string): readonly CustomResourceDefinition[] {
    return this.#registry.storage.cache
      .list()
      .map(({ object }) => object as CustomResourceDefinition)
      .filter(({ spec }) => spec.group === group);
  }

  async #serve(
    name: string,
    definition: CustomResourceDefinition,
    signal: AbortSignal,
  ): Promise<void> {
    const { spec, status, metadata } = definition;
    const fingerprint = JSON.stringify([metadata?.uid, spec, status?.acceptedNames]);
    const old = this.#served.get(name);
    if (old?.fingerprint !== fingerprint) {
      const going = (): boolean => {
        const now = this.#find(name);
        return now === undefined || isTrue(now, 'Terminating');
      };
      const resources = resourcesOf(definition, { isTerminating: going });
      this.#table.replace(old?.resources ?? [], resources);
      this.#served.set(name, { fingerprint, resources });
    }
    const registry = this.#table.registry(spec.group, status?.acceptedNames?.plural ?? '');
    await registry.storage.cache.ready();
    if (signal.aborted || isTrue(definition, 'Established')) return;
    await this.#setCondition(name, {
      type: 'Established',
      status: 'True',
      reason: 'InitialNamesAccepted',
      message: 'the initial names have been accepted',
    });
  }

  /** The objects first, then the definition. */
  async #clean(name: string, definition: CustomResourceDefinition): Promise<void> {
    if (definition.metadata?.finalizers?.includes(CLEANUP_FINALIZER) !== true) return;
    if (!isTrue(definition, 'Established')) {
      return this.#release(name, 'NeverEstablished', 'resource was never established');
    }
    await this.#setCondition(name, {
      type: 'Terminating',
      status: 'True',
      reason: 'InstanceDeletionInProgress',
      message: 'CustomResource deletion is in progress',
    });
    const remaining = await this.#deleteObjects(definition);
    if (remaining === 0) {
      return this.#release(name, 'InstanceDeletionCompleted', 'removed all instances');
    }
    this.#queue.addAfter(name, REMAINING_CHECK_MS);
  }

  /** How many are left: those that somebody else's finalizers hold. */
  async #deleteObjects({ spec, status }: CustomResourceDefinition): Promise<number> {
    const registry = this.#table.registry(spec.group, status?.acceptedNames?.plural ?? '');
    const everything = { labelSelector: '', fieldSelector: '' };
    const filter = new ObjectFilter(registry.definition, everything);
    const { items } = await list(registry.storage, filter, {});
    let left = 0;
    for (const { object } of items) {
      const { name = '', namespace } = object.metadata;
      const ref = namespace === undefined ? { name } : { name, namespace };
      try {
        const { removed } = await registry.delete(ref, {}, OPTIONS);
        if (!removed) left += 1;
      } catch (error) {
        if (!ApiError.is(error, 'NotFound')) throw error; // Somebody else was faster.
      }
    }
    return left;
  }

  async #release(name: string, reason: string, message: string): Promise<void> {
    const done = { type: 'Terminating', status: 'False', reason, message } as const;
    await this.#update(name, (definition) => {
      const { metadata, status } = definition;
      const finalizers = (metadata?.finalizers ?? []).filter((one) => one !== CLEANUP_FINALIZER);
      const conditions = setCondition(status?.conditions ?? [], done, this.#now());
      return {
        ...definition,
        metadata: { ...metadata, finalizers },
        status: { ...status, conditions },
      };
    });
  }

  async #setCondition(name: string, condition: Condition): Promise<void> {
    await this.#update(name, (definition) => {
      const { status } = definition;
      const known = conditionOf(definition, condition.type);
      if (known?.status === condition.status && known.reason === condition.reason) {
        return definition;
      }
      const conditions = setCondition(status?.conditions ?? [], condition, this.#now());
      return { ...definition, status: { ...status, conditions } };
    });
  }

  async #update(
    name: string,
    change: (definition: CustomResourceDefinition) => CustomResourceDefinition,
  ): Promise<void> {
    try {
      await this.#registry.update(
        { name },
        ({ object }) =>
          change(mutableCopy(object) as CustomResourceDefinition) as unknown as KubernetesObject,
        RAW,
      );
    } catch (error) {
      if (!ApiError.is(error, 'NotFound')) throw error; // It is gone; the cache will say so.
    }
  }

  #now(): string {
    return formatTime(this.#clock.now());
  }
}
