// ResourceTable: which resources the server offers right now, and the registry of each.
//
// A request is looked up by group, version and resource. Most entries are there from the start; those of custom resources come
// and go at run time. Adding a resource starts its watch cache, removing it ends the cache and with it every watch on the resource.
//
// Invariants:
//   1. a version of a stored resource is in the table only together with the stored version.
//   2. no two stored resources share keys: no prefix begins with another one's.
//   3. a change is made as a whole or not at all, and the listeners hear of it afterwards.
//
// Same idea upstream: apiserver, server/genericapiserver.go (InstallAPIGroup) and apiextensions-apiserver,
// pkg/apiserver/customresource_handler.go (its map of storages).

import type { Registry } from './registry.ts';
import type { ResourceDefinition } from './resource-definition.ts';
import { groupVersionOf, isStored } from './resource-definition.ts';
import { Served } from './served.ts';

export interface TableChange {
  readonly added: readonly ResourceDefinition[];
  readonly removed: readonly ResourceDefinition[];
}

export interface ResourceTableOptions {
  /** What is served from the start; the server is ready when the caches of these are. */
  readonly definitions: readonly ResourceDefinition[];
  /** Makes the registry of a stored definition, with storage and a cache that nobody runs yet. */
  readonly createRegistry: (definition: ResourceDefinition, table: ResourceTable) => Registry;
  /** What must be done in the store before a cache reads it. Must not reject. */
  readonly beforeStart?: (signal: AbortSignal) => Promise<void>;
}

interface Stored {
  readonly registry: Registry;
  readonly stop: AbortController;
}

export class ResourceTable {
  readonly #options: ResourceTableOptions;
  readonly #served = new Map<string, Served>();
  /** By definition: names may be reused by a later one, whose cache is another. */
  readonly #stored = new Map<ResourceDefinition, Stored>();
  /** Those of `#stored`, by `GROUP/RESOURCE`. */
  readonly #registries = new Map<string, Registry>();
  readonly #listeners = new Set<(change: TableChange) => void>();
  readonly #running = new Set<Promise<void>>();
  #definitions: readonly ResourceDefinition[] | undefined;
  #signal: AbortSignal | undefined;

  constructor(options: ResourceTableOptions) {
    this.#options = options;
    this.add(options.definitions);
  }

  /** What a path names; undefined when the server does not offer it. */
  find(group: string, version: string, resource: string): Served | undefined {
    const served = this.#served.get(keyOf({ group, version, resource }));
    return served?.definition.unserved === true ? undefined : served;
  }

  /** The registry of a stored resource, for the server's own use. */
  registry(group: string, resource: string): Registry {
    const registry = this.#registries.get(`${group}/${resource}`);
    if (registry !== undefined) return registry;
    throw new Error(`Cannot find the resource ${group}/${resource}: it is not in the table`);
  }

  /** Everything that is served, in the order in which it was added. */
  all(): Iterable<Served> {
    return [...this.#served.values()].filter(({ definition }) => definition.unserved !== true);
  }

  /** The declarations of all(); the same array until the table changes. */
  definitions(): readonly ResourceDefinition[] {
    this.#definitions ??= [...this.all()].map(({ definition }) => definition);
    return this.#definitions;
  }

  /** Throws, and changes nothing, when one of them cannot stand beside what is there. */
  add(definitions: readonly ResourceDefinition[]): void {
    this.replace([], definitions);
  }

  /** Ends the watches on what is removed. */
  remove(definitions: readonly ResourceDefinition[]): void {
    this.replace(definitions, []);
  }

  /** One change: nobody finds the resource missing in between. Watches on the old one end. */
  replace(old: readonly ResourceDefinition[], next: readonly ResourceDefinition[]): void {
    const all = [...this.#served.values()].map(({ definition }) => definition);
    const kept = all.filter((definition) => !old.includes(definition));
    checkTogether([...kept, ...next]);
    for (const definition of old) this.#drop(definition);
    for (const definition of next) this.#store(definition);
    for (const definition of next) {
      const root = definition.storedAs?.definition ?? definition;
      const siblings = (apiVersion: string) => this.#sibling(root, apiVersion);
      const served = new Served(definition, this.#stored.get(root)?.registry, siblings);
      this.#served.set(keyOf(definition), served);
    }
    this.#definitions = undefined;
    if (old.length === 0 && next.length === 0) return;
    for (const listener of this.#listeners) listener({ added: next, removed: old });
  }

  /** A stored resource in one of its versions. */
  #sibling(root: ResourceDefinition, apiVersion: string): Served | undefined {
    for (const served of this.#served.values()) {
      const { definition } = served;
      if (served.apiVersion !== apiVersion || definition.unserved === true) continue;
      if ((definition.storedAs?.definition ?? definition) === root) return served;
    }
    return undefined;
  }

  /** Called after each change, synchronously; must not throw. Returns what ends it. */
  onChange(listener: (change: TableChange) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Runs the caches, also those that come later, until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#options.beforeStart?.(signal);
    this.#signal = signal;
    for (const stored of this.#stored.values()) this.#start(stored, signal);
    if (!signal.aborted) {
      await new Promise<void>((resolve) =>
        signal.addEventListener('abort', () => resolve(), { once: true }),
      );
    }
    for (const { stop } of this.#stored.values()) stop.abort();
    await Promise.all(this.#running);
  }

  /** Resolves when the caches of what was there from the start are full. */
  async ready(): Promise<void> {
    await Promise.all(this.#fromStart().map(({ registry }) => registry.storage.cache.ready()));
  }

  /** The resources that ready() waits for. */
  waitingFor(): readonly string[] {
    return this.#fromStart()
      .filter(({ registry }) => !registry.storage.cache.isReady)
      .map(({ registry }) => registry.definition.resource);
  }

  #fromStart(): readonly Stored[] {
    return this.#options.definitions.flatMap((definition) => this.#stored.get(definition) ?? []);
  }

  #store(definition: ResourceDefinition): void {
    if (!isStored(definition)) return;
    const registry = this.#options.createRegistry(definition, this);
    const stored = { registry, stop: new AbortController() };
    this.#stored.set(definition, stored);
    this.#registries.set(`${definition.group}/${definition.resource}`, registry);
    if (this.#signal !== undefined) this.#start(stored, this.#signal);
  }

  #start({ registry, stop }: Stored, signal: AbortSignal): void {
    if (signal.aborted) stop.abort();
    const running = registry.storage.cache.run(stop.signal);
    this.#running.add(running);
    void running.then(() => this.#running.delete(running));
  }

  #drop(definition: ResourceDefinition): void {
    this.#served.delete(keyOf(definition));
    if (!isStored(definition)) return;
    this.#stored.get(definition)?.stop.abort();
    this.#stored.delete(definition);
    this.#registries.delete(`${definition.group}/${definition.resource}`);
  }
}

function keyOf(at: { group: string; version: string; resource: string }): string {
  return `${at.group}/${at.version}/${at.resource}`;
}

/** Holds invariants 1 and 2 for everything that would be in the table. */
function checkTogether(definitions: readonly ResourceDefinition[]): void {
  const names = new Set<string>();
  const prefixes: string[] = [];
  for (const definition of definitions) {
    const what = `Cannot serve ${definition.resource} in ${groupVersionOf(definition)}`;
    if (names.has(keyOf(definition))) throw new Error(`${what}: it is served already`);
    names.add(keyOf(definition));
    const { storedAs, storagePrefix } = definition;
    if (storedAs !== undefined && !definitions.includes(storedAs.definition)) {
      const { resource } = storedAs.definition;
      const stored = `${resource} in ${groupVersionOf(storedAs.definition)}`;
      throw new Error(`${what}: it is stored as ${stored}, which is not served`);
    }
    if (isStored(definition)) prefixes.push(storagePrefix);
  }
  prefixes.sort();
  for (const [index, prefix] of prefixes.entries()) {
    const next = prefixes[index + 1];
    if (next?.startsWith(prefix)) {
      throw new Error(`Cannot keep objects below ${next}: other objects are kept below ${prefix}`);
    }
  }
}
