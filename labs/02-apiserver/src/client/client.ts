// Client: the verbs of the Kubernetes API, typed by ResourceType.
//
// Errors that the server answers are thrown as ApiError, whose reason says what to do (NotFound, Conflict, Expired, …);
// no answer at all is a plain Error. Timeouts, retries and connections are transport.ts's. Objects that come back are
// the caller's own, and always carry apiVersion and kind, which servers leave out of the items of a list.
// Same idea upstream: k8s.io/client-go (rest, kubernetes, dynamic).
// Left out: protobuf, impersonation.

import assert from 'node:assert/strict';
import { ApiError } from '../api-error.ts';
import { linesOf } from './lines.ts';
import { collectionPath, objectPath, queryOf } from './request-path.ts';
import {
  apiVersionOf,
  type KubernetesObject,
  type ObjectName,
  type ResourceType,
} from './resources.ts';
import { type Call, type ClientOptions, parseStatus, Transport } from './transport.ts';

export interface ListOptions {
  /** Absent = all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly limit?: number;
  readonly continue?: string;
  readonly resourceVersion?: string;
  /** Only the metadata of the objects is sent and given; they keep apiVersion and kind of their type. */
  readonly metadataOnly?: boolean;
}

export interface WatchOptions {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** Events after this version. Absent: first the objects that are there now, as ADDED. */
  readonly resourceVersion?: string;
  readonly allowWatchBookmarks?: boolean;
  readonly timeoutSeconds?: number;
  /** As in ListOptions. */
  readonly metadataOnly?: boolean;
}

export interface ListResult<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
  readonly continue?: string;
}

/** An ERROR event is thrown as ApiError. Of a BOOKMARK only metadata.resourceVersion means something. */
export type WatchEvent<T> = {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  object: T;
};

export type PatchType = 'merge' | 'strategic' | 'json';

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  /** Deletes only the object that has this uid: else 409 Conflict. */
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly dryRun?: boolean;
}

/** What may be said with any write. */
export interface WriteOptions {
  /** Everything is checked and answered, nothing is stored. */
  readonly dryRun?: boolean;
  /** Who owns the fields that are written. Default: the user agent. */
  readonly fieldManager?: string;
  /** What becomes of fields that the server does not know. */
  readonly fieldValidation?: 'Ignore' | 'Warn' | 'Strict';
  readonly signal?: AbortSignal | undefined;
}

export interface ApplyOptions extends WriteOptions {
  readonly fieldManager: string;
  /** Takes fields that others own, instead of 409 Conflict. */
  readonly force?: boolean;
  readonly subresource?: string;
}

/** A signal alone, or options with one in them. */
type Written = AbortSignal | WriteOptions | undefined;

/** With bookmarks something comes at least once a minute: after a minute and a half of silence the connection is dead. */
const WATCH_IDLE_MS = 90_000;

/** Servers that know no metadata alone answer with the whole objects. */
const METADATA_ACCEPT = {
  list: 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json',
  watch: 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json',
};

const PATCH_CONTENT_TYPES = {
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  json: 'application/json-patch+json',
} as const satisfies Record<PatchType, string>;

export class Client implements AsyncDisposable {
  readonly #transport: Transport;
  readonly #watchIdleMs: number;

  constructor(options: ClientOptions) {
    this.#transport = new Transport(options);
    this.#watchIdleMs = options.watchIdleMs ?? WATCH_IDLE_MS;
  }

  get<T extends KubernetesObject>(
    type: ResourceType<T>,
    ref: ObjectName,
    signal?: AbortSignal,
  ): Promise<T> {
    return this.#callFor(type, { method: 'GET', path: objectPath(type, ref) }, signal);
  }

  async list<T extends KubernetesObject>(
    type: ResourceType<T>,
    options: ListOptions = {},
    signal?: AbortSignal,
  ): Promise<ListResult<T>> {
    const { namespace, metadataOnly = false, ...query } = options;
    const path = collectionPath(type, namespace) + queryOf(query);
    const accept = metadataOnly ? { accept: METADATA_ACCEPT.list } : {};
    const list = (await this.#json({ method: 'GET', path, ...accept }, signal)) as RawList<T>;
    const { resourceVersion = '', continue: next } = list.metadata ?? {};
    const complete = metadataOnly ? metadataOf : withKind;
    const items = (list.items ?? []).map((item) => complete(type, item));
    return { items, resourceVersion, ...(next ? { continue: next } : {}) };
  }

  /** The namespace is that of the object's metadata. */
  create<T extends KubernetesObject>(
    type: ResourceType<T>,
    object: T,
    options?: Written,
  ): Promise<T> {
    const namespace = object.metadata?.namespace;
    if (type.namespaced) assert(namespace, `Cannot create a ${type.kind} without a namespace`);
    const path = collectionPath(type, namespace);
    const body = typed(type, object);
    return this.#write(type, { method: 'POST', path, body }, options);
  }

  /** Replaces the object. 409 Conflict when metadata.resourceVersion is not the current one. */
  update<T extends KubernetesObject>(
    type: ResourceType<T>,
    object: T,
    options?: Written,
  ): Promise<T> {
    const path = objectPath(type, refOf(object));
    return this.#write(type, { method: 'PUT', path, body: typed(type, object) }, options);
  }

  updateStatus<T extends KubernetesObject>(
    type: ResourceType<T>,
    object: T,
    options?: Written,
  ): Promise<T> {
    return this.updateSubresource(type, object, 'status', options);
  }

  /** PUT of the whole object to a subresource, which takes the part that is its own: status, finalize. */
  updateSubresource<T extends KubernetesObject>(
    type: ResourceType<T>,
    object: T,
    subresource: string,
    options?: Written,
  ): Promise<T> {
    const path = objectPath(type, refOf(object), subresource);
    return this.#write(type, { method: 'PUT', path, body: typed(type, object) }, options);
  }

  patch<T extends KubernetesObject>(
    type: ResourceType<T>,
    ref: ObjectName,
    patch: unknown,
    options: WriteOptions & { readonly type: PatchType; readonly subresource?: string },
    signal?: AbortSignal,
  ): Promise<T> {
    const path = objectPath(type, ref, options.subresource);
    const contentType = PATCH_CONTENT_TYPES[options.type];
    const written = { ...options, signal: signal ?? options.signal };
    return this.#write(type, { method: 'PATCH', path, body: patch, contentType }, written);
  }

  /**
   * Server-side apply: makes the fields of `object` so, and creates it when it is not there. 409 Conflict when others
   * own one of them. Fields that this manager applied before and does not any more go away.
   */
  apply<T extends KubernetesObject>(
    type: ResourceType<T>,
    object: T,
    options: ApplyOptions,
  ): Promise<T> {
    const path = objectPath(type, refOf(object), options.subresource);
    const contentType = 'application/apply-patch+yaml';
    const body = typed(type, object);
    const force = options.force === true ? { force: true } : {};
    return this.#write(type, { method: 'PATCH', path, body, contentType }, options, force);
  }

  async delete<T extends KubernetesObject>(
    type: ResourceType<T>,
    ref: ObjectName,
    options: DeleteOptions = {},
    signal?: AbortSignal,
  ): Promise<void> {
    const body = deleteBody(options);
    await this.#json({ method: 'DELETE', path: objectPath(type, ref), body }, signal);
  }

  /** Deletes all that the selectors choose, each as delete() would. */
  async deleteCollection(
    type: ResourceType<KubernetesObject>,
    selection: Pick<ListOptions, 'namespace' | 'labelSelector' | 'fieldSelector'>,
    options: DeleteOptions = {},
    signal?: AbortSignal,
  ): Promise<void> {
    const { namespace, ...query } = selection;
    if (type.namespaced) assert(namespace, `Cannot delete all ${type.resource} of all namespaces`);
    const path = collectionPath(type, namespace) + queryOf(query);
    await this.#json({ method: 'DELETE', path, body: deleteBody(options) }, signal);
  }

  /** POST to a subresource: a Binding to pods/binding, an Eviction to pods/eviction. */
  createSubresource<T extends KubernetesObject>(
    type: ResourceType<T>,
    ref: ObjectName,
    subresource: string,
    body: unknown,
    signal?: AbortSignal,
  ): Promise<unknown> {
    return this.#json({ method: 'POST', path: objectPath(type, ref, subresource), body }, signal);
  }

  /** One watch request. Ends when the server ends it or the signal aborts; throws when it broke. */
  async *watch<T extends KubernetesObject>(
    type: ResourceType<T>,
    options: WatchOptions,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<T>, void, void> {
    const { namespace, metadataOnly = false, ...query } = options;
    const path = collectionPath(type, namespace) + queryOf({ ...query, watch: true });
    const idleMs = options.allowWatchBookmarks === true ? this.#watchIdleMs : 0;
    const accept = metadataOnly ? { accept: METADATA_ACCEPT.watch } : {};
    let stream: Awaited<ReturnType<Transport['open']>> | undefined;
    try {
      stream = await this.#transport.open(path, { idleMs, ...accept }, signal);
      for await (const line of linesOf(stream)) {
        const event = JSON.parse(line) as WatchEvent<T> | { type: 'ERROR'; object: unknown };
        if (event.type === 'ERROR') throw ApiError.fromStatus(event.object, 500);
        yield metadataOnly ? { ...event, object: metadataOf(type, event.object) } : event;
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      stream?.destroy();
    }
  }

  /** GET of any path, for what is not a resource (/healthz, /version, /metrics, discovery). The status may be any. */
  raw(
    path: string,
    signal?: AbortSignal,
    { accept = 'application/json, */*' }: { readonly accept?: string } = {},
  ): Promise<{ status: number; body: string }> {
    return this.#transport.call({ method: 'GET', path, accept }, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#transport[Symbol.asyncDispose]();
  }

  async #callFor<T extends KubernetesObject>(
    type: ResourceType<T>,
    call: Call,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    return withKind(type, (await this.#json(call, signal)) as T);
  }

  #write<T extends KubernetesObject>(
    type: ResourceType<T>,
    call: Call,
    written: Written,
    more: Readonly<Record<string, boolean>> = {},
  ): Promise<T> {
    const options = written instanceof AbortSignal ? { signal: written } : (written ?? {});
    const { dryRun, fieldManager, fieldValidation, signal } = options;
    const all = dryRun === true ? { dryRun: 'All' } : {};
    const query = queryOf({ ...all, fieldManager, fieldValidation, ...more });
    return this.#callFor(type, { ...call, path: call.path + query }, signal);
  }

  async #json(call: Call, signal: AbortSignal | undefined): Promise<unknown> {
    const { status, body } = await this.#transport.call(call, signal);
    if (status >= 300) throw ApiError.fromStatus(parseStatus(body), status);
    return JSON.parse(body);
  }
}

interface RawList<T> {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: T[] | null;
}

function deleteBody({ uid, resourceVersion, dryRun, ...rest }: DeleteOptions): object {
  const preconditions = {
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
  return {
    kind: 'DeleteOptions',
    apiVersion: 'v1',
    ...rest,
    ...(dryRun === true ? { dryRun: ['All'] } : {}),
    ...(Object.keys(preconditions).length > 0 ? { preconditions } : {}),
  };
}

function refOf(object: KubernetesObject): ObjectName {
  return { namespace: object.metadata?.namespace, name: object.metadata?.name ?? '' };
}

function typed<T extends KubernetesObject>(type: ResourceType<T>, object: T): T {
  return { apiVersion: apiVersionOf(type), kind: type.kind, ...object };
}

/** Only for objects that were just parsed, which nobody else holds. */
function withKind<T extends KubernetesObject>(type: ResourceType<T>, object: T): T {
  object.apiVersion ??= apiVersionOf(type);
  object.kind ??= type.kind;
  return object;
}

/** In this shape objects say that they are PartialObjectMetadata, which names nothing; what they are of does. */
function metadataOf<T extends KubernetesObject>(type: ResourceType<T>, { metadata }: T): T {
  return { apiVersion: apiVersionOf(type), kind: type.kind, metadata } as T;
}
