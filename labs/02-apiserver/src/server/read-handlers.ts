// read-handlers: GET of one object, of a list, and of a watch, in the shape that the client asked for.
//
// Objects and lists go out as the bytes that are stored; only Tables, partial objects and other versions are written anew. A GET reads the
// store, so it sees every write that was answered before it; with a resourceVersion the watch cache is enough.
//
// Same idea upstream: apiserver, endpoints/handlers/get.go and response.go (transformResponseObject).

import { notAcceptable } from '../api-error.ts';
import { hasProtobuf } from '../codec/protobuf-encode.ts';
import { partialOf, tableOf } from '../printers/table.ts';
import { type ListAnswer, list, readNotOlder } from '../registry/list.ts';
import { ObjectFilter } from '../registry/object-filter.ts';
import { listKindOf } from '../registry/resource-definition.ts';
import type { StoredObject } from '../registry/stored-object.ts';
import type { StoredContext } from './handler.ts';
import { type Blocks, listBlocks } from './list-body.ts';
import { listRequestOf, resourceVersionOf, watchRequestOf } from './list-options.ts';
import { CONTENT_TYPES, type Negotiated, negotiate } from './negotiation.ts';
import { negotiated, refOf, selectorsOf } from './request-context.ts';
import { type Answer, send } from './responses.ts';
import { tableSettings } from './table-settings.ts';
import { watchFrames } from './watch-frames.ts';
import { serveWatch } from './watch-stream.ts';

/** Upstream closes watches after a random time of 30 to 60 minutes, so that they spread over servers again. */
const WATCH_TIMEOUT_MIN_MS = 30 * 60_000;
const YAML = /^\s*application\/yaml\s*(;|$)/i;

export async function handleGet(context: StoredContext): Promise<void> {
  const shape = negotiated(context);
  const { registry, query } = context;
  const ref = refOf(context);
  const atLeast = resourceVersionOf(query);
  const cached = atLeast === undefined ? undefined : await readNotOlder(registry, ref, atLeast);
  await sendObject(context, cached ?? (await registry.get(ref)), { shape });
}

/** Answers a request with one object, in the version that was asked for. */
export async function sendObject(
  context: StoredContext,
  stored: StoredObject,
  options: { shape?: Negotiated; status?: number; warnings?: readonly string[] } = {},
): Promise<void> {
  const shape = options.shape ?? negotiated(context);
  context.exchange.audit?.responseObject(context.served.shown(stored.object));
  const answer: Answer = {
    body:
      shape.shape === 'object'
        ? context.served.view(stored).bytes
        : shapedObject(context, stored, shape),
    encoding: shape.encoding,
    ...(options.status === undefined ? {} : { status: options.status }),
    ...(options.warnings === undefined ? {} : { warnings: options.warnings }),
  };
  await send(context.request, context.response, answer);
}

export async function handleList(context: StoredContext): Promise<void> {
  const { query, registry, served } = context;
  const shape = negotiated(context);
  const request = listRequestOf(query);
  const filter = new ObjectFilter(served.definition, selectorsOf(context));
  const answer = await list(registry.storage, filter, request);
  const body = listBody(context, answer, shape);
  await send(context.request, context.response, { body, encoding: shape.encoding });
}

function listBody(context: StoredContext, answer: ListAnswer, shape: Negotiated): Blocks | object {
  const { served } = context;
  const metadata = {
    resourceVersion: String(answer.revision),
    ...(answer.continue === undefined ? {} : { continue: answer.continue }),
    ...(answer.remainingItemCount === undefined
      ? {}
      : { remainingItemCount: answer.remainingItemCount }),
  };
  if (shape.shape === 'object') {
    const head = { kind: listKindOf(served.definition), apiVersion: served.apiVersion, metadata };
    return listBlocks(
      head,
      answer.items.map((stored) => served.view(stored)),
    );
  }
  const objects = answer.items.map(({ object }) => object);
  if (shape.shape === 'table') {
    return tableOf(objects, { ...tableSettings(context, shape), metadata });
  }
  const apiVersion = `meta.k8s.io/${shape.metaVersion}`;
  const items = objects.map((object) => partialOf(object, shape.metaVersion));
  return { kind: 'PartialObjectMetadataList', apiVersion, metadata, items };
}

function shapedObject(context: StoredContext, stored: StoredObject, shape: Negotiated): object {
  if (shape.shape === 'partial') return partialOf(stored.object, shape.metaVersion);
  const metadata = { resourceVersion: stored.object.metadata.resourceVersion };
  return tableOf([stored.object], { ...tableSettings(context, shape), metadata });
}

export async function handleWatch(context: StoredContext): Promise<void> {
  const { query, registry, served, response, signal } = context;
  const shape = negotiatedStream(context);
  const request = watchRequestOf(query);
  const filter = new ObjectFilter(served.definition, selectorsOf(context));
  const { resourceVersion, sendInitial, marksInitialEnd, bookmarks, timeoutSeconds } = request;
  const frames = watchFrames(context, shape);
  const { cache } = registry.storage;
  await cache.ready();
  // The state as a list of the same age would show it; what happens behind it is in the cache's ring.
  const asked = resourceVersion === undefined ? {} : { resourceVersion };
  const state = sendInitial ? await list(registry.storage, filter, asked) : undefined;
  await serveWatch(response, {
    cache,
    filter,
    fromRevision: state?.revision ?? (resourceVersion || cache.revision),
    initial: state?.items ?? [],
    marksInitialEnd,
    bookmarks,
    timeoutMs: watchMs(timeoutSeconds),
    frames,
    signal,
  });
}

/** A time that makes no sense is none, as upstream. */
function watchMs(timeoutSeconds: number | undefined): number {
  if (timeoutSeconds !== undefined && timeoutSeconds > 0) return timeoutSeconds * 1000;
  return WATCH_TIMEOUT_MIN_MS * (1 + Math.random());
}

/** There are no streams of YAML: documents would have to be told apart. */
function negotiatedStream({ request, served }: StoredContext): Negotiated {
  const { accept } = request.headers;
  const usable = accept?.split(',').filter((clause) => !YAML.test(clause));
  const { kind } = served.definition;
  const known = hasProtobuf({ apiVersion: served.apiVersion, kind });
  try {
    if (usable?.length !== 0) return negotiate(usable?.join(','), { hasProtobuf: () => known });
  } catch {
    // Nothing that we have: said below, with what there is for watches.
  }
  const types = known ? [CONTENT_TYPES.json, CONTENT_TYPES.protobuf] : [CONTENT_TYPES.json];
  throw notAcceptable(types.map((type) => `${type};stream=watch`));
}
