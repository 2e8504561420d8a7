// list: the objects of a resource at one moment, whole or in pages.
//
//   resourceVersion absent     what the store holds now (and the page size applies)
//   resourceVersion=0          whatever the watch cache holds; costs the store nothing
//   resourceVersion=N          not older than N: the cache when it is that far, else the store
//   …with resourceVersionMatch=Exact, or a continue token     the store as it was at that revision
//
// Same rule upstream: apiserver, storage/etcd3/store.go (GetList) and the API concepts page, "Resource versions".

import { prefixEnd, type RangeResponse, StoreError } from '@kube-labs/store';
import { ApiError, expired } from '../api-error.ts';
import { decodeContinue, encodeContinue } from './continue-token.ts';
import type { ObjectFilter } from './object-filter.ts';
import type { Storage } from './storage.ts';
import type { StoredObject } from './stored-object.ts';

export interface ListRequest {
  readonly limit?: number;
  readonly continue?: string;
  /** Undefined: the most recent state. */
  readonly resourceVersion?: number;
  readonly exact?: boolean;
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
  const { resourceVersion } = request;
  const { cache } = storage;
  if (resourceVersion === undefined || request.exact === true || request.continue !== undefined) {
    return listFromStore(storage, filter, request);
  }
  if (resourceVersion === 0 || cache.revision >= resourceVersion) {
    await cache.ready();
    const items = cache.list().filter((stored) => filter.matches(stored));
    return { items, revision: cache.revision };
  }
  const { resourceVersion: _notOlder, ...latest } = request;
  const answer = await listFromStore(storage, filter, latest);
  if (answer.revision < resourceVersion) throw tooLarge(resourceVersion, answer.revision);
  return answer;
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
  return request.exact === true && resourceVersion !== undefined
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
