// request-info: what a method and a path of the API mean: which verb, on what.
//
//   /api/v1/namespaces/NS/pods/NAME/log          core group, resource pods, subresource log
//   /apis/GROUP/VERSION/…                        a named group
//   /api/v1/namespaces/NAME[/status|finalize]    the namespace itself is the object
//   /api/v1/watch/…                              the old way to say ?watch=true, also for one object
//   anything else                                a path: the verb is the method in lower case
//
// The verb is the API's (get, list, watch, create, update, patch, delete, deletecollection): metrics, audit, rights and routes all go by it.
// Pure; whether the resource exists is for the caller to say.
// Same idea upstream: apiserver, endpoints/request/requestinfo.go. Left out: the /proxy prefix that went with Kubernetes 1.10.

import { badRequest } from '../api-error.ts';

export interface ResourceRequest {
  readonly kind: 'resource';
  /** Empty when the method is none that the API knows. */
  readonly verb: string;
  readonly path: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly subresource?: string;
  /** What follows the subresource, in parts. */
  readonly rest: readonly string[];
  /** The same as it was sent, from its slash on; a proxy passes it on as it is. */
  readonly rawRest: string;
}

export interface PathRequest {
  readonly kind: 'path';
  readonly verb: string;
  readonly path: string;
}

export type RequestInfo = ResourceRequest | PathRequest;

const NAMESPACE_SUBRESOURCES: ReadonlySet<string> = new Set(['status', 'finalize']);
const VERBS: Readonly<Record<string, string>> = {
  POST: 'create',
  GET: 'get',
  HEAD: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};
/** `rest` begins behind name and subresource. */
const PARTS_BEFORE_REST = 3;

/** The part of a request that decides what it means. */
export interface RequestLine {
  readonly method?: string | undefined;
  /** Without the query. */
  readonly path: string;
  readonly query?: URLSearchParams;
}

/** Throws BadRequest for an escape in a part of the path that means nothing. */
export function parseRequestInfo({ method = 'GET', path, query }: RequestLine): RequestInfo {
  const raw = path.split('/').slice(1);
  const prefix = raw[0] === 'api' ? 2 : raw[0] === 'apis' ? 3 : 0;
  const asPath: PathRequest = { kind: 'path', verb: method.toLowerCase(), path };
  if (prefix === 0 || raw.length <= prefix) return asPath;
  const [group = '', version = ''] =
    prefix === 2 ? ['', decodePart(raw[1])] : [decodePart(raw[1]), decodePart(raw[2])];
  const parts = raw.slice(prefix);
  const isOldWatch = parts[0] === 'watch' && parts.length > 1;
  const target = targetOf(isOldWatch ? parts.slice(1) : parts);
  if (target === undefined) return asPath;
  const verb = isOldWatch ? oldWatchVerb(method) : verbOf(method, target.name, query);
  return { kind: 'resource', verb, path, group, version, ...target };
}

/** Of a path with `/watch/` in it, which can be read and nothing else. */
function oldWatchVerb(method: string): string {
  return VERBS[method] === 'get' ? 'watch' : '';
}

/** Without a name the request is about all objects. Any `watch` in the query but false and 0 means it, as upstream reads booleans. */
function verbOf(method: string, name: string | undefined, query?: URLSearchParams): string {
  const verb = VERBS[method] ?? '';
  if (name !== undefined) return verb;
  if (verb === 'delete') return 'deletecollection';
  if (verb !== 'get') return verb;
  const watch = query?.get('watch') ?? 'false';
  return ['false', '0'].includes(watch.toLowerCase()) ? 'list' : 'watch';
}

/** Resource, namespace, name and what follows, out of the parts behind the version; undefined when one of them is empty. */
function targetOf(
  raw: readonly string[],
): Omit<ResourceRequest, 'kind' | 'verb' | 'path' | 'group' | 'version'> | undefined {
  const isNamespaced =
    raw[0] === 'namespaces' && !!raw[2] && !NAMESPACE_SUBRESOURCES.has(decodePart(raw[2]));
  const own = isNamespaced ? raw.slice(2) : raw;
  // One slash at the end changes nothing, except behind a subresource, where it is part of what a proxy passes on.
  const clean = own.at(-1) === '' && own.length <= PARTS_BEFORE_REST + 1 ? own.slice(0, -1) : own;
  const parts = clean.map(decodePart);
  const [resource, name, subresource, ...rest] = parts;
  const namespace = isNamespaced ? decodePart(raw[1]) : undefined;
  if (!resource || namespace === '' || parts.slice(1, PARTS_BEFORE_REST).includes('')) {
    return undefined;
  }
  return {
    resource,
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
    ...(subresource === undefined ? {} : { subresource }),
    rest,
    rawRest: ['', ...own.slice(PARTS_BEFORE_REST)].join('/'),
  };
}

/** One part of a path without its escapes; nearly all have none. */
function decodePart(part = ''): string {
  if (!part.includes('%')) return part;
  try {
    return decodeURIComponent(part);
  } catch {
    throw badRequest(`invalid URL escape in path segment "${part}"`);
  }
}
