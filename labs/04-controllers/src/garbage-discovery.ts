// GarbageDiscovery: which kinds there are to collect, asked again every 30 seconds, and at once when somebody defines or registers one.
//
//   collectable()   which resources can be collected: those that can be listed, watched and deleted
//   run()           discovery → GarbageMembers.sync() → wait → …
//
// A group-version that discovery cannot learn of (its server is away) keeps its informers: absence is not known, it is only not denied. A
// definition is there a moment before the resource is, and the other way round when it goes; until both agree we look again soon.
//
// Upstream: kubernetes, pkg/controller/garbagecollector/garbagecollector.go (Sync, GetDeletableResources).

import {
  apiVersionOf,
  type Client,
  discoveryFailure,
  type KubernetesObject,
  type Logger,
  preferredResources,
  type ResourceType,
  type ServerResource,
  type ServerResources,
  serverResources,
  type WorkQueue,
} from '@kube-labs/apiserver';
import { type GarbageMembers, groupKindOf } from './garbage-members.ts';
import { meta } from './meta.ts';

/** How often discovery is asked, and how long it takes at most until it is asked again when it failed. */
export const PERIOD_MS = 30_000;
/** Several changes in a row are one look. */
const SOON_MS = 50;
const KEY = 'discovery';
const DEFINITION = 'CustomResourceDefinition.apiextensions.k8s.io';
const REGISTRATION = 'APIService.apiregistration.k8s.io';
/** Events are many, own nothing and expire by themselves. */
const IGNORED: ReadonlySet<string> = new Set(['Event', 'Event.events.k8s.io']);

export function collectable({ resources }: ServerResources): readonly ServerResource[] {
  return resources.filter(
    (resource) =>
      ['list', 'watch', 'delete'].every((verb) => resource.verbs.includes(verb)) &&
      !IGNORED.has(groupKindOf(resource)),
  );
}

export interface DiscoveryDeps {
  readonly client: Client;
  readonly log: Logger;
  readonly queue: WorkQueue;
  readonly members: GarbageMembers;
  /** Called after each look, when the members are those that were found. */
  found(): void;
}

export class GarbageDiscovery {
  readonly #deps: DiscoveryDeps;
  /** By `apiVersion/Kind`, in all versions: owners are named in any. */
  #types: ReadonlyMap<string, ServerResource> = new Map();
  /** Names of definitions that went, until discovery does not show their resources any more. */
  readonly #leaving = new Set<string>();
  #retryMs = SOON_MS;
  #lastFailure: string | undefined;

  constructor(deps: DiscoveryDeps) {
    this.#deps = deps;
  }

  /** How an owner reference's kind is asked for; undefined when no such kind is served. */
  typeOf(apiVersion: string, kind: string): ResourceType<KubernetesObject> | undefined {
    return this.#types.get(`${apiVersion}/${kind}`);
  }

  /** Handlers of every member call it: some kinds tell of others. */
  observe(groupKind: string, object: KubernetesObject, isGone: boolean): void {
    if (groupKind !== DEFINITION && groupKind !== REGISTRATION) return;
    if (groupKind === DEFINITION && isGone) this.#leaving.add(meta(object).name);
    this.#retryMs = SOON_MS;
    this.#deps.queue.addAfter(KEY, SOON_MS);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { queue, log } = this.#deps;
    queue.add(KEY);
    await queue.run({ workers: 1, log }, () => this.#look(signal), signal);
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { client, members, queue, found } = this.#deps;
    const all = await serverResources(client, signal);
    if (all.resources.length === 0) throw new Error('Cannot collect garbage: no kind is served');
    this.#tell(discoveryFailure(all));
    const gettable = all.resources.filter(({ verbs }) => verbs.includes('get'));
    this.#types = new Map(gettable.map((type) => [`${apiVersionOf(type)}/${type.kind}`, type]));
    const preferred = preferredResources(all);
    members.sync(collectable(preferred), (type) => all.failures.has(apiVersionOf(type)));
    found();
    queue.addAfter(KEY, this.#pauseMs(preferred.resources));
  }

  /** Doubles from one look to the next while a definition and its resource are not there, or not gone, together. */
  #pauseMs(resources: readonly ServerResource[]): number {
    const served = new Set(resources.map(({ resource, group }) => `${resource}.${group}`));
    const definitions = this.#deps.members.get(DEFINITION)?.informer.list() ?? [];
    const names = new Set(definitions.map((definition) => meta(definition).name));
    for (const name of this.#leaving) {
      if (!served.has(name) || names.has(name)) this.#leaving.delete(name);
    }
    const isSettled = this.#leaving.size === 0 && [...names].every((name) => served.has(name));
    this.#retryMs = isSettled ? SOON_MS : Math.min(PERIOD_MS, this.#retryMs * 2);
    return isSettled ? PERIOD_MS : this.#retryMs;
  }

  #tell(failure: string | undefined): void {
    if (failure === this.#lastFailure) return;
    this.#lastFailure = failure;
    if (failure !== undefined) {
      this.#deps.log.warn('Failed to discover some groups', { failure });
    }
  }
}
