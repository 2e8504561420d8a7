// read-handlers: GET of one object, of a list, and of a watch, in the shape that the client asked for.
//
// Objects and lists go out as the bytes that are stored; only Tables, partial objects and other versions are written anew.
// Same idea upstream: apiserver, endpoints/handlers/get.go and response.go (transformResponseObject).

import { badRequest } from '../api-error.ts';
import { encodeProtobuf, encodeWatchFrame, hasProtobuf } from '../codec/protobuf-encode.ts';
import { type IncludeObject, partialOf, tableOf } from '../printers/table.ts';
import type { ReadonlyApiObject } from '../registry/api-object.ts';
import { type ListAnswer, list } from '../registry/list.ts';
import { ObjectFilter } from '../registry/object-filter.ts';
import { listKindOf } from '../registry/resource-definition.ts';
import type { StoredObject } from '../registry/stored-object.ts';
import type { StoredContext } from './handler.ts';
import { CONTENT_TYPES, type Negotiated } from './negotiation.ts';
import { integerOf, isTrue, negotiated, refOf, selectorsOf } from './request-context.ts';
import { type Answer, send } from './responses.ts';
import { type Framing, serveWatch } from './watch-stream.ts';

/** Upstream closes watches after a random time of 30 to 60 minutes, so that they spread over servers again. */
const WATCH_TIMEOUT_MIN_MS = 30 * 60_000;
const COMMA = Buffer.from(',');
const PROTOBUF_FRAMING: Framing = {
  contentType: `${CONTENT_TYPES.protobuf};stream=watch`,
  frame: (type, object) => encodeWatchFrame(type, framedObject(object)),
};

/** Of a kind without a message a client can only watch the metadata, so that is what its bookmarks are too. */
function framedObject(json: Buffer): Buffer {
  const object = JSON.parse(json.toString('utf8')) as object;
  const partial = { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1' };
  return encodeProtobuf(hasProtobuf(object) ? object : { ...object, ...partial });
}

export async function handleGet(context: StoredContext): Promise<void> {
  const shape = negotiated(context);
  const stored = await context.registry.get(refOf(context));
  await sendObject(context, stored, { shape });
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
  const filter = new ObjectFilter(served.definition, selectorsOf(context));
  const limit = integerOf(query, 'limit');
  const resourceVersion = integerOf(query, 'resourceVersion');
  const token = query.get('continue') ?? '';
  const match = query.get('resourceVersionMatch') ?? '';
  checkMatch(match, resourceVersion, token);
  const answer = await list(registry.storage, filter, {
    ...(limit === undefined ? {} : { limit }),
    ...(token === '' ? {} : { continue: token }),
    ...(resourceVersion === undefined || token !== '' ? {} : { resourceVersion }),
    exact: match === 'Exact',
  });
  const body = listBody(context, answer, shape);
  await send(context.request, context.response, { body, encoding: shape.encoding });
}

function checkMatch(match: string, resourceVersion: number | undefined, token: string): void {
  if (match === '') return;
  const forbidden = (why: string) =>
    badRequest(`resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden ${why}`);
  if (token !== '') throw forbidden('when continue is provided');
  if (resourceVersion === undefined) throw forbidden('unless resourceVersion is provided');
  if (match !== 'Exact' && match !== 'NotOlderThan') {
    throw badRequest(
      `resourceVersionMatch: Unsupported value: "${match}": supported values: "Exact", "NotOlderThan"`,
    );
  }
  if (match === 'Exact' && resourceVersion === 0) {
    throw badRequest(
      'resourceVersionMatch: Forbidden: resourceVersionMatch "Exact" is forbidden for resourceVersion "0"',
    );
  }
}

function listBody(context: StoredContext, answer: ListAnswer, shape: Negotiated): Buffer | object {
  const { served } = context;
  const metadata = {
    resourceVersion: String(answer.revision),
    ...(answer.continue === undefined ? {} : { continue: answer.continue }),
    ...(answer.remainingItemCount === undefined
      ? {}
      : { remainingItemCount: answer.remainingItemCount }),
  };
  const objects = answer.items.map(({ object }) => object);
  if (shape.shape === 'table') return tableOf(objects, tableOptions(context, shape, metadata));
  if (shape.shape === 'partial') {
    const apiVersion = `meta.k8s.io/${shape.metaVersion}`;
    const items = objects.map((object) => partialOf(object, shape.metaVersion));
    return { kind: 'PartialObjectMetadataList', apiVersion, metadata, items };
  }
  const kind = listKindOf(served.definition);
  const head = JSON.stringify({ kind, apiVersion: served.apiVersion, metadata });
  const parts = answer.items.flatMap((stored, index) => {
    const { bytes } = served.view(stored);
    return index === 0 ? [bytes] : [COMMA, bytes];
  });
  return Buffer.concat([
    Buffer.from(`${head.slice(0, -1)},"items":[`),
    ...parts,
    Buffer.from(']}\n'),
  ]);
}

function shapedObject(context: StoredContext, stored: StoredObject, shape: Negotiated): object {
  if (shape.shape === 'partial') return partialOf(stored.object, shape.metaVersion);
  const metadata = { resourceVersion: stored.object.metadata.resourceVersion };
  return tableOf([stored.object], tableOptions(context, shape, metadata));
}

function tableOptions({ query, served, now }: StoredContext, shape: Negotiated, metadata: object) {
  return {
    printer: served.printer,
    shown: (object: ReadonlyApiObject) => served.shown(object),
    metaVersion: shape.metaVersion,
    includeObject: includeObjectOf(query),
    nowMs: now(),
    metadata,
  };
}

function includeObjectOf(query: URLSearchParams): IncludeObject {
  const value = query.get('includeObject') ?? '';
  if (value === '' || value === 'Metadata') return 'Metadata';
  if (value === 'Object' || value === 'None') return value;
  throw badRequest(`unrecognized includeObject value: "${value}"`);
}

export async function handleWatch(context: StoredContext): Promise<void> {
  const { query, registry, served, response, signal } = context;
  const shape = negotiated(context);
  const resourceVersion = integerOf(query, 'resourceVersion');
  const sendInitial = isTrue(query, 'sendInitialEvents');
  if (query.has('sendInitialEvents') && query.get('resourceVersionMatch') !== 'NotOlderThan') {
    throw badRequest(
      'resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
    );
  }
  const timeoutSeconds = integerOf(query, 'timeoutSeconds');
  const fromState = sendInitial || resourceVersion === undefined || resourceVersion === 0;
  await serveWatch(response, {
    cache: registry.storage.cache,
    filter: new ObjectFilter(served.definition, selectorsOf(context)),
    fromRevision: fromState ? undefined : resourceVersion,
    markInitialEventsEnd: sendInitial && isTrue(query, 'allowWatchBookmarks'),
    bookmarks: isTrue(query, 'allowWatchBookmarks'),
    timeoutMs: timeoutSeconds ? timeoutSeconds * 1000 : WATCH_TIMEOUT_MIN_MS * (1 + Math.random()),
    writeObject: objectWriter(context, shape),
    ...(shape.encoding === 'protobuf' ? { framing: PROTOBUF_FRAMING } : {}),
    signal,
  });
}

function objectWriter(context: StoredContext, shape: Negotiated): (stored: StoredObject) => Buffer {
  if (shape.shape === 'object') return (stored) => context.served.view(stored).bytes;
  let withoutColumns = false;
  return (stored) => {
    if (shape.shape === 'partial') {
      return Buffer.from(JSON.stringify(partialOf(stored.object, shape.metaVersion)));
    }
    const metadata = { resourceVersion: stored.object.metadata.resourceVersion };
    const options = { ...tableOptions(context, shape, metadata), withoutColumns };
    withoutColumns = true;
    return Buffer.from(JSON.stringify(tableOf([stored.object], options)));
  };
}
