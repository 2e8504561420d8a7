// SharedInformers: one informer a resource, however many controllers watch it.
//
// Ten controllers that each keep a copy of all Pods would cost ten watches and ten times the memory. Controllers
// ask for an informer while they are built, add their handlers and keep the reference; run() starts whatever was
// asked for. An informer that is first asked for after run() would never fill, so that is refused.
//
// Upstream: client-go, informers.SharedInformerFactory.

import assert from 'node:assert/strict';
import {
  type Client,
  Informer,
  type KubernetesObject,
  type Logger,
  type ResourceType,
  resources,
} from '@kube-labs/apiserver';
import { controllerOf } from './controller-ref.ts';
import { joinKey, meta } from './meta.ts';

type Indexers = Record<string, (object: KubernetesObject) => readonly string[]>;

/** Index of Pods: the node that they are bound to. */
export const BY_NODE = 'node';
/** Index of everything that has a controller: its owner's uid; for an orphan `orphan/<namespace>`. */
export const BY_CONTROLLER = 'controller';
/** Index of everything: its own uid. */
export const BY_UID = 'uid';
/** Index of everything: the uids of all its owners. */
export const BY_OWNER = 'owner';
/** Index of endpoint slices: `namespace/name` of the service. */
export const BY_SERVICE = 'service';

export class SharedInformers {
  readonly #client: Client;
  readonly #log: Logger;
  readonly #informers = new Map<string, Informer<KubernetesObject>>();
  #running = false;

  constructor(client: Client, log: Logger) {
    this.#client = client;
    this.#log = log;
  }

  /** The informer of a resource that somebody asked for, if somebody did. */
  existing(type: ResourceType<KubernetesObject>): Informer<KubernetesObject> | undefined {
    return this.#informers.get(idOf(type));
  }

  of<T extends KubernetesObject>(type: ResourceType<T>): Informer<T> {
    const id = idOf(type);
    let informer = this.#informers.get(id);
    if (informer === undefined) {
      assert.ok(!this.#running, `The informer of ${id} was asked for after the informers started`);
      const options = { indexers: indexersOf(type), log: this.#log };
      informer = new Informer<KubernetesObject>(this.#client, type, options);
      this.#informers.set(id, informer);
    }
    // The map holds each informer under the type that it was made with.
    return informer as unknown as Informer<T>;
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#running = true;
    await Promise.all([...this.#informers.values()].map((informer) => informer.run(signal)));
  }

  get hasSynced(): boolean {
    return [...this.#informers.values()].every((informer) => informer.hasSynced);
  }
}

/** What the garbage collector asks of every informer. */
export const collectionIndexers: Indexers = {
  [BY_UID]: (object) => [meta(object).uid],
  [BY_OWNER]: (object) => (object.metadata?.ownerReferences ?? []).map(({ uid }) => uid),
};

function idOf({ group, resource }: ResourceType<KubernetesObject>): string {
  return `${group}/${resource}`;
}

function indexersOf<T extends KubernetesObject>(type: ResourceType<T>): Indexers {
  const indexers: Indexers = { ...collectionIndexers, [BY_CONTROLLER]: controllerIndex };
  if (type.resource === resources.pods.resource) indexers[BY_NODE] = nodeIndex;
  if (type.resource === resources.endpointSlices.resource) indexers[BY_SERVICE] = serviceIndex;
  return indexers;
}

function controllerIndex(object: KubernetesObject): readonly string[] {
  return [controllerOf(object)?.uid ?? `orphan/${meta(object).namespace}`];
}

function nodeIndex(object: KubernetesObject): readonly string[] {
  const node = 'spec' in object ? (object.spec as { nodeName?: string }).nodeName : undefined;
  return node === undefined || node === '' ? [] : [node];
}

function serviceIndex(object: KubernetesObject): readonly string[] {
  const { labels, namespace } = meta(object);
  const service = labels?.['kubernetes.io/service-name'];
  return service === undefined ? [] : [joinKey(namespace, service)];
}

/** What a controller may claim: its own children and the orphans of its namespace. */
export function claimable<T extends KubernetesObject>(
  informer: Informer<T>,
  owner: KubernetesObject,
): readonly T[] {
  const { uid, namespace } = meta(owner);
  return [
    ...informer.byIndex(BY_CONTROLLER, uid).filter((child) => meta(child).namespace === namespace),
    ...informer.byIndex(BY_CONTROLLER, `orphan/${namespace}`),
  ];
}
