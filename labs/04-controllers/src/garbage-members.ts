// GarbageMembers: the kinds that the garbage collector looks after, each with an informer, and what all of them know together.
//
// The set follows discovery: sync() starts what is new and stops what is gone. A kind that another controller has an informer of anyway shares
// it; of all others only metadata is fetched, and of that only what a plan reads is kept, so a Secret costs the same
// few hundred bytes however large it is.
//
// Invariants
//   1. a kind is its group and its name: a `Job.example.com` is not a `Job.batch`
//   2. an object is looked for by uid or owner's uid in all kinds, by two indexes each informer keeps
//
// Upstream: kubernetes, pkg/controller/garbagecollector/graph_builder.go (monitors, syncMonitors).

import {
  apiVersionOf,
  type Client,
  Informer,
  type KubernetesObject,
  type Logger,
  type ResourceType,
} from '@kube-labs/apiserver';
import { collectionIndexers, type SharedInformers } from './shared-informers.ts';

export interface Member {
  readonly type: ResourceType<KubernetesObject>;
  readonly informer: Informer<KubernetesObject>;
}

export interface MembersDeps {
  readonly client: Client;
  readonly informers: SharedInformers;
  readonly log: Logger;
  /** Called once for each informer, before it runs. */
  watch(member: Member): void;
}

interface Running extends Member {
  /** Absent for a shared informer, which is not ours to stop. */
  readonly stop?: AbortController;
  readonly done?: Promise<void>;
}

export class GarbageMembers {
  readonly #deps: MembersDeps;
  readonly #members = new Map<string, Running>();
  #stopped = false;

  constructor(deps: MembersDeps) {
    this.#deps = deps;
  }

  get(groupKind: string): Member | undefined {
    return this.#members.get(groupKind);
  }

  get all(): readonly Member[] {
    return [...this.#members.values()];
  }

  find(index: string, value: string): readonly KubernetesObject[] {
    return this.all.flatMap(({ informer }) => informer.byIndex(index, value));
  }

  /** Makes `types` the kinds that are watched; those for which `keep` is true stay even when they are not among them. */
  sync(
    types: readonly ResourceType<KubernetesObject>[],
    keep: (type: ResourceType<KubernetesObject>) => boolean,
  ): void {
    if (this.#stopped) return;
    const wanted = new Map(types.map((type) => [groupKindOf(type), type]));
    for (const [groupKind, member] of this.#members) {
      const next = wanted.get(groupKind);
      if (next === undefined ? keep(member.type) : isSame(member.type, next)) continue;
      if (member.stop === undefined) continue;
      member.stop.abort();
      this.#members.delete(groupKind);
      this.#deps.log.info('Stopped to collect a kind', { kind: groupKind });
    }
    for (const [groupKind, type] of wanted) {
      if (!this.#members.has(groupKind)) this.#members.set(groupKind, this.#start(type));
    }
  }

  /** Stops everything, for good. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const running = [...this.#members.values()];
    for (const { stop } of running) stop?.abort();
    await Promise.all(running.map(({ done }) => done));
  }

  #start(type: ResourceType<KubernetesObject>): Running {
    const { client, informers, log, watch } = this.#deps;
    const shared = informers.existing(type);
    if (shared !== undefined) {
      watch({ type, informer: shared });
      return { type, informer: shared };
    }
    const informer = new Informer<KubernetesObject>(client, type, {
      metadataOnly: true,
      transform: essence,
      indexers: collectionIndexers,
      log,
    });
    watch({ type, informer });
    const stop = new AbortController();
    return { type, informer, stop, done: informer.run(stop.signal) };
  }
}

/** `Deployment.apps`, or `Pod` of the core group. */
export function groupKindOf({
  group,
  kind,
}: {
  readonly group: string;
  readonly kind: string;
}): string {
  return group === '' ? kind : `${kind}.${group}`;
}

/** The same, from what an object says of itself. */
export function groupKindOfObject({ apiVersion = '', kind = '' }: KubernetesObject): string {
  const slash = apiVersion.indexOf('/');
  return groupKindOf({ group: slash < 0 ? '' : apiVersion.slice(0, slash), kind });
}

function isSame(
  left: ResourceType<KubernetesObject>,
  right: ResourceType<KubernetesObject>,
): boolean {
  const isSamePlace = left.resource === right.resource && left.namespaced === right.namespaced;
  return isSamePlace && apiVersionOf(left) === apiVersionOf(right);
}

/** What plans are made from. Labels, annotations and managed fields are most of an object's metadata, and not in it. */
function essence({ apiVersion, kind, metadata = {} }: KubernetesObject): KubernetesObject {
  const { name, namespace, uid, resourceVersion } = metadata;
  const { deletionTimestamp, finalizers, ownerReferences } = metadata;
  const kept = {
    name,
    namespace,
    uid,
    resourceVersion,
    deletionTimestamp,
    finalizers,
    ownerReferences,
  };
  const present = Object.entries(kept).filter(([, value]) => value !== undefined);
  return {
    ...(apiVersion === undefined ? {} : { apiVersion }),
    ...(kind === undefined ? {} : { kind }),
    metadata: Object.fromEntries(present),
  };
}
