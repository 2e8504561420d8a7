// controller: keeps APIServices and the aggregator in step: who answers a group-version, and whether he can be reached.
//
//   own       for every group-version that this server answers there is an APIService without a service; those of custom resources go
//             with them. What somebody registered under the same name is left alone.
//   remote    an APIService with a service is looked up, asked what it offers, and gets its Available condition; again when its service
//             or endpoints change, and now and then
//
// Same idea upstream: kube-aggregator, pkg/controllers (autoregister, status/local, status/remote) and
// pkg/apiserver/handler_discovery.go.

import type { Logger } from '@kube-labs/store';
import type { Service } from 'kubernetes-types/core/v1';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1';
import { ApiError } from '../api-error.ts';
import { SYSTEM_USER } from '../auth/user.ts';
import type { Clock } from '../client/clock.ts';
import type { KubernetesObject } from '../client/resources.ts';
import { WorkQueue } from '../client/work-queue.ts';
import { formatTime, mutableCopy, type ReadonlyApiObject } from '../registry/api-object.ts';
import type { Registry } from '../registry/registry.ts';
import { objectKey } from '../registry/resource-definition.ts';
import type { ResourceTable } from '../registry/resource-table.ts';
import { untilEnd } from '../registry/until-end.ts';
import type { CacheEvent } from '../registry/watch-cache.ts';
import { isOwnGroup, priorityOf } from '../server/api-priorities.ts';
import type { HookEnv, PostStartHook } from '../server/post-start-hooks.ts';
import type { APIService } from '../strategy/api-service-types.ts';
import type { Aggregator } from './aggregator.ts';
import { discoverRemote } from './remote-discovery.ts';
import { type Address, resolveService } from './service-resolver.ts';

const GROUP = 'apiregistration.k8s.io';
const MANAGED_LABEL = 'kube-aggregator.kubernetes.io/automanaged';
const OPTIONS = { user: SYSTEM_USER, dryRun: false };
const RECHECK_MS = 30_000;
const RETRY_MS = 1000;
const QUEUE = { name: 'apiservices', baseDelayMs: 50, maxDelayMs: 30_000 };

interface Availability {
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}

export function apiServiceController(aggregator: Aggregator): PostStartHook {
  let controller: Controller | undefined;
  return {
    name: 'apiservice-registration-controller',
    async start(env, signal) {
      controller ??= new Controller(env, aggregator);
      await controller.run(signal);
    },
    ready() {
      if (controller?.isSynced !== true) throw new Error('not all APIServices are registered yet');
    },
  };
}

class Controller {
  readonly #table: ResourceTable;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #registry: Registry;
  readonly #aggregator: Aggregator;
  readonly #queue: WorkQueue;
  /** Names at the start; ready once all have been looked at. */
  #unseen: Set<string> | undefined;
  /** Those of the server's own groups are made once, as upstream: who deletes one means it. */
  readonly #made = new Set<string>();

  constructor({ table, clock, log }: HookEnv, aggregator: Aggregator) {
    this.#table = table;
    this.#clock = clock;
    this.#log = log;
    this.#aggregator = aggregator;
    this.#registry = table.registry(GROUP, 'apiservices');
    this.#queue = new WorkQueue({ ...QUEUE, clock });
  }

  get isSynced(): boolean {
    return this.#unseen?.size === 0;
  }

  async run(signal: AbortSignal): Promise<void> {
    const unlisten = this.#table.onChange(({ added, removed }) => {
      for (const definition of [...added, ...removed]) this.#queue.add(nameOf(definition));
    });
    const following = [
      this.#follow(this.#registry, ({ metadata }) => this.#queue.add(metadata.name ?? ''), signal),
      this.#follow(this.#table.registry('', 'services'), (object) => this.#moved(object), signal),
      this.#follow(
        this.#table.registry('discovery.k8s.io', 'endpointslices'),
        (object) => this.#moved(object),
        signal,
      ),
    ];
    const stored = this.#registry.storage.cache.list().map(({ object }) => object.metadata.name);
    const own = this.#table.definitions().map(nameOf);
    const names = new Set([...own, ...stored].filter((name) => name !== undefined));
    this.#unseen ??= new Set(names);
    for (const name of names) this.#queue.add(name);
    const how = { workers: 2, log: this.#log };
    await this.#queue.run(how, (name, stop) => this.#look(name, stop), signal);
    unlisten();
    await Promise.all(following);
  }

  /** Calls back for every change of a resource until the signal aborts, also after the cache lost track of the store. */
  async #follow(
    { storage }: Registry,
    onChange: (object: ReadonlyApiObject) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { cache } = storage;
    while (!signal.aborted) {
      await cache.ready();
      for (const { object } of cache.list()) onChange(object);
      const heard = ({ current }: CacheEvent) => onChange(current.object);
      await untilEnd(cache, cache.revision, heard, signal);
    }
  }

  /** A service or a slice of one: those who are behind it are looked at again. */
  #moved({ metadata }: ReadonlyApiObject): void {
    const { namespace, name, labels } = metadata;
    const service = labels?.['kubernetes.io/service-name'] ?? name;
    for (const { object } of this.#registry.storage.cache.list()) {
      const wanted = (object as APIService).spec?.service;
      if (wanted?.namespace === namespace && wanted?.name === service) {
        this.#queue.add(object.metadata.name ?? '');
      }
    }
  }

  async #look(name: string, signal: AbortSignal): Promise<void> {
    const [version = '', group = ''] = splitName(name);
    const found = this.#find(name);
    const isServed = this.#table
      .definitions()
      .some((one) => one.group === group && one.version === version && group !== GROUP);
    if (found === undefined) {
      this.#aggregator.unregister({ group, version });
      if (isServed) await this.#makeOwn(name, group, version);
    } else if (found.spec?.service === undefined) {
      this.#aggregator.unregister({ group, version });
      const managed = found.metadata?.labels?.[MANAGED_LABEL];
      if (!isServed && managed !== undefined) await this.#remove(name);
    } else {
      this.#aggregator.register(found);
      await this.#check(name, found, signal);
    }
    this.#unseen?.delete(name);
  }

  #find(name: string): APIService | undefined {
    const { definition, storage } = this.#registry;
    return storage.cache.get(objectKey(definition, { name }))?.object as APIService | undefined;
  }

  async #makeOwn(name: string, group: string, version: string): Promise<void> {
    const isOwn = isOwnGroup(group);
    if (isOwn && this.#made.has(name)) return;
    const priority = priorityOf(group, version);
    const object: APIService = {
      apiVersion: 'apiregistration.k8s.io/v1',
      kind: 'APIService',
      metadata: { name, labels: { [MANAGED_LABEL]: isOwn ? 'onstart' : 'true' } },
      spec: {
        ...(group === '' ? {} : { group }),
        version,
        groupPriorityMinimum: priority.group,
        versionPriority: priority.version,
      },
    };
    try {
      await this.#registry.create(object as KubernetesObject, undefined, OPTIONS);
    } catch (error) {
      if (!ApiError.is(error, 'AlreadyExists')) throw error; // Another server beside us was faster.
    }
    this.#made.add(name);
  }

  async #remove(name: string): Promise<void> {
    try {
      await this.#registry.delete({ name }, {}, OPTIONS);
    } catch (error) {
      if (!ApiError.is(error, 'NotFound')) throw error;
    }
  }

  async #check(name: string, { spec }: APIService, signal: AbortSignal): Promise<void> {
    const at = { group: spec?.group ?? '', version: spec?.version ?? '' };
    const { namespace = '', name: serviceName = '' } = spec?.service ?? {};
    const service = this.#serviceOf(namespace, serviceName);
    const slices = this.#slicesOf(namespace, serviceName);
    const resolved = resolveService(spec?.service ?? {}, service, slices);
    if (resolved.kind === 'unavailable') {
      this.#lost(at, []);
      const { reason, message } = resolved;
      await this.#report(name, { status: 'False', reason, message });
      return;
    }
    const { addresses } = resolved;
    const outcome = await this.#ask(at, addresses, signal);
    if (outcome === undefined || signal.aborted) return;
    if (outcome.kind === 'failed') {
      this.#lost(at, addresses);
      const { message } = outcome;
      await this.#report(name, { status: 'False', reason: 'FailedDiscoveryCheck', message });
      this.#queue.addAfter(name, RETRY_MS);
      return;
    }
    const { resources, openapi } = outcome;
    this.#aggregator.setState(at, { addresses, isAvailable: true, resources, openapi });
    await this.#report(name, { status: 'True', reason: 'Passed', message: 'all checks passed' });
    this.#queue.addAfter(name, RECHECK_MS);
  }

  /** The first address that answers tells what all of them offer. */
  async #ask(
    at: { group: string; version: string },
    addresses: readonly Address[],
    signal: AbortSignal,
  ) {
    const agent = this.#aggregator.agentOf(at);
    if (agent === undefined) return undefined;
    let outcome: Awaited<ReturnType<typeof discoverRemote>> | undefined;
    const known = this.#aggregator.stateOf(at).openapi;
    for (const address of addresses) {
      outcome = await discoverRemote(at, { agent, address, signal }, known);
      if (outcome.kind === 'resources') return outcome;
    }
    return outcome;
  }

  /** It is still listed, with what it offered when it was last seen. */
  #lost(at: { group: string; version: string }, addresses: readonly Address[]): void {
    const { resources, openapi } = this.#aggregator.stateOf(at);
    this.#aggregator.setState(at, { addresses, isAvailable: false, resources, openapi });
  }

  #serviceOf(namespace: string, name: string): Service | undefined {
    const { definition, storage } = this.#table.registry('', 'services');
    const stored = storage.cache.get(objectKey(definition, { namespace, name }));
    return stored?.object as Service | undefined;
  }

  #slicesOf(namespace: string, name: string): readonly EndpointSlice[] {
    return this.#table
      .registry('discovery.k8s.io', 'endpointslices')
      .storage.cache.list()
      .filter(
        ({ object: { metadata } }) =>
          metadata.namespace === namespace &&
          metadata.labels?.['kubernetes.io/service-name'] === name,
      )
      .map(({ object }) => object as unknown as EndpointSlice);
  }

  async #report(name: string, availability: Availability): Promise<void> {
    const now = formatTime(this.#clock.now());
    try {
      await this.#registry.update(
        { name },
        ({ object }) => withCondition(mutableCopy(object) as APIService, availability, now),
        { ...OPTIONS, scope: 'raw' },
      );
    } catch (error) {
      if (!ApiError.is(error, 'NotFound')) throw error;
    }
  }
}

function withCondition(
  object: APIService,
  availability: Availability,
  now: string,
): KubernetesObject {
  const conditions = object.status?.conditions ?? [];
  const old = conditions.find(({ type }) => type === 'Available');
  const { status, reason, message } = availability;
  const same = old?.status === status && old.reason === reason && old.message === message;
  if (same) return object as KubernetesObject;
  const lastTransitionTime = old?.status === status ? (old.lastTransitionTime ?? now) : now;
  const next = { type: 'Available', ...availability, lastTransitionTime };
  const others = conditions.filter((one) => one !== old);
  return {
    ...object,
    status: { ...object.status, conditions: [...others, next] },
  } as KubernetesObject;
}

/** `v1.apps`, and `v1.` for the core group. */
function nameOf({ group, version }: { group: string; version: string }): string {
  return `${version}.${group}`;
}

function splitName(name: string): [version: string, group: string] {
  const at = name.indexOf('.');
  return at < 0 ? [name, ''] : [name.slice(0, at), name.slice(at + 1)];
}
