// list: the objects of a resource at one moment, whole or in pages.
//
//   resourceVersion absent     what the store holds now: from the watch cache, once that is as far as the store
//   resourceVersion=0          whatever the watch cache holds, all of it; costs the store nothing
//   resourceVersion=N          not older than N: the cache when it is that far, else the store
//   …with resourceVersionMatch=Exact, with a limit and no match, or a continue token     the store as it was at that revision
//
// Of a list in pages the first may come from the cache, the others come from the store, at the revision of the first. A store that cannot
// be asked how far its watch is (etcd) is read itself, unless the cache happens to be as far.
//
// Same rule upstream: apiserver, storage/cacher/delegator.go, storage/etcd3/store.go (GetList) and the API concepts page, "Resource
// versions".

import { prefixEnd, type RangeResponse, StoreError } from '@kube-labs/store';
import { ApiError, expired } from '../api-error.ts';
import type { ObjectRef } from '../client/resources.ts';
import { decodeContinue, encodeContinue } from './continue-token.ts';
import type { ObjectFilter } from './object-filter.ts';
import { objectKey, type ResourceDefinition } from './resource-definition.ts';
import type { Storage } from './storage.ts';
import type { StoredObject } from './stored-object.ts';
import type { WatchCache } from './watch-cache.ts';

export interface ListRequest {
  readonly limit?: number;
  readonly continue?: string;
  /** Undefined: the most recent state. */
  readonly resourceVersion?: number;
  /** Undefined: not older, but with a limit exactly, as it was before clients could say. */
  readonly match?: 'Exact' | 'NotOlderThan';
}

export interface ListAnswer {
  readonly items: readonly StoredObject[];
  readonly revision: number;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

const PAGE_LENGTH_MAX = 10_000;
const CONTINUE_TOO_OLD =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the ' +
  'continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing ' +
  'with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the ' +
  'time the first chunk was returned and now may show up in the list.';

export async function list(
  storage: Storage,
  filter: ObjectFilter,
  request: ListRequest,
): Promise<ListAnswer> {
  const { resourceVersion, limit = 0 } = request;
  const { cache } = storage;
  if (request.continue !== undefined || isExact(request)) {
    return listFromStore(storage, filter, request);
  }
  if (resourceVersion === 0) {
    await cache.ready();
    return listFromCache(cache, filter, 0);
  }
  if (resourceVersion === undefined) {
    const isCurrent = await storage.isCacheCurrent();
    return isCurrent
      ? listFromCache(cache, filter, limit)
      : listFromStore(storage, filter, request);
  }
  await cache.ready();
  if (cache.revision >= resourceVersion) return listFromCache(cache, filter, limit);
  const { resourceVersion: _notOlder, ...latest } = request;
  const answer = await listFromStore(storage, filter, latest);
  if (answer.revision < resourceVersion) throw tooLarge(resourceVersion, answer.revision);
  return answer;
}

/**
 * One object out of the cache, for who is content with a state that is not older than a revision; undefined when the cache is not as far
 * or has no such object, so that the store must be asked. Throws when the store has not come so far either.
 */
export async function readNotOlder(
  { storage, definition }: { readonly storage: Storage; readonly definition: ResourceDefinition },
  ref: ObjectRef,
  resourceVersion: number,
): Promise<StoredObject | undefined> {
  const { cache, store } = storage;
  await cache.ready();
  if (cache.revision >= resourceVersion) return cache.get(objectKey(definition, ref));
  const { revision } = await store.range({ key: cache.prefix });
  if (revision < resourceVersion) throw tooLarge(resourceVersion, revision);
  return undefined;
}

function isExact({ resourceVersion = 0, limit = 0, match }: ListRequest): boolean {
  return resourceVersion > 0 && (match === 'Exact' || (match === undefined && limit > 0));
}

/** All in one turn of the event loop: what the cache holds is one moment. */
function listFromCache(cache: WatchCache, filter: ObjectFilter, limit: number): ListAnswer {
  const { revision } = cache;
  const found = candidates(cache, filter);
  const most = limit > 0 ? limit : Number.POSITIVE_INFINITY;
  if (filter.matchesEverything && found.length <= most) return { items: found, revision };
  const items: StoredObject[] = [];
  for (const [index, stored] of found.entries()) {
    if (!filter.matches(stored)) continue;
    items.push(stored);
    if (items.length < most) continue;
    return pageOf(items, {
      revision,
      key: stored.key,
      remaining: found.length - index - 1,
      filter,
    });
  }
  return { items, revision };
}

function candidates(cache: WatchCache, filter: ObjectFilter): readonly StoredObject[] {
  if (filter.key === undefined) return cache.list(filter.keyPrefix);
  const named = cache.get(filter.key);
  return named === undefined ? [] : [named];
}

async function listFromStore(
  storage: Storage,
  filter: ObjectFilter,
  request: ListRequest,
): Promise<ListAnswer> {
  const from = startOf(filter, request);
  const limit = request.limit === undefined || request.limit <= 0 ? Infinity : request.limit;
  const items: StoredObject[] = [];
  let { key, revision } = from;
  for (;;) {
    const page = await readPage(storage, request, {
      key,
      rangeEnd: prefixEnd(filter.keyPrefix),
      limit: Math.min(filter.matchesEverything ? limit - items.length : limit * 2, PAGE_LENGTH_MAX),
      ...(revision === undefined ? {} : { revision }),
      relativeTo: filter.keyPrefix,
    });
    revision ??= page.revision;
    for (const [index, kv] of page.kvs.entries()) {
      const stored = storage.decode(kv);
      if (filter.matches(stored)) items.push(stored);
      if (items.length < limit) continue;
      const remaining = page.count - index - 1;
      return pageOf(items, { revision, key: kv.key, remaining, filter });
    }
    const last = page.kvs.at(-1);
    if (!page.more || last === undefined) return { items, revision };
    key = `${last.key}\0`;
  }
}

/** A full page: with a token when something is left behind its last key. */
function pageOf(
  items: readonly StoredObject[],
  at: { revision: number; key: string; remaining: number; filter: ObjectFilter },
): ListAnswer {
  if (at.remaining <= 0) return { items, revision: at.revision };
  const start = `${at.key.slice(at.filter.keyPrefix.length)}\0`;
  return {
    items,
    revision: at.revision,
    continue: encodeContinue({ revision: at.revision, start }),
    // Behind a selector nobody knows how many of the rest match.
    ...(at.filter.matchesEverything ? { remainingItemCount: at.remaining } : {}),
  };
}

function startOf(filter: ObjectFilter, request: ListRequest): { key: string; revision?: number } {
  if (request.continue !== undefined) {
    const token = decodeContinue(request.continue);
    const key = filter.keyPrefix + token.start;
    return token.revision < 0 ? { key } : { key, revision: token.revision };
  }
  const { resourceVersion } = request;
  return isExact(request) && resourceVersion !== undefined
    ? { key: filter.keyPrefix, revision: resourceVersion }
    : { key: filter.keyPrefix };
}

interface PageRequest {
  readonly key: string;
  readonly rangeEnd: string;
  readonly limit: number;
  readonly revision?: number;
  readonly relativeTo: string;
}

async function readPage(
  storage: Storage,
  request: ListRequest,
  { relativeTo, ...range }: PageRequest,
): Promise<RangeResponse> {
  try {
    return await storage.store.range(range);
  } catch (error) {
    if (StoreError.is(error, 'compacted')) {
      if (request.continue === undefined) {
        throw expired('The resourceVersion for the provided list is too old.');
      }
      const start = range.key.slice(relativeTo.length);
      throw expired(CONTINUE_TOO_OLD, encodeContinue({ revision: -1, start }));
    }
    if (!StoreError.is(error, 'future-revision')) throw error;
    const { revision } = await storage.store.status();
    throw tooLarge(range.revision ?? 0, revision);
  }
}

function tooLarge(wanted: number, current: number): ApiError {
  return new ApiError(
    'Timeout',
    `Timeout: Too large resource version: ${wanted}, current: ${current}`,
    {
      details: {
        causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
        retryAfterSeconds: 1,
      },
    },
  );
}
