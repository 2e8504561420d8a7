// request-info: what a path of the API means.
//
//   /api/v1/namespaces/NS/pods/NAME/log          core group, resource pods, subresource log
//   /apis/GROUP/VERSION/…                        a named group
//   /api/v1/namespaces/NAME[/status|finalize]    the namespace itself is the object
//
// Pure; whether the resource exists is for the caller to say.
// Same idea upstream: apiserver, endpoints/request/requestinfo.go. Left out: the legacy /watch and /proxy prefixes.

import { badRequest } from '../api-error.ts';

export interface ResourceRequest {
  readonly kind: 'resource';
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly subresource?: string;
  /** What follows the subresource. */
  readonly rest: readonly string[];
}

export interface PathRequest {
  readonly kind: 'path';
  readonly path: string;
}

export type RequestInfo = ResourceRequest | PathRequest;

const NAMESPACE_SUBRESOURCES: ReadonlySet<string> = new Set(['status', 'finalize']);

export function parseRequestInfo(path: string): RequestInfo {
  const parts = path.split('/').slice(1).map(decodePart);
  const [root, first, second] = parts;
  if (root === 'api' && first !== undefined && parts.length > 2) {
    return resourceRequest({ group: '', version: first }, parts.slice(2)) ?? { kind: 'path', path };
  }
  if (root === 'apis' && first !== undefined && second !== undefined && parts.length > 3) {
    const named = { group: first, version: second };
    return resourceRequest(named, parts.slice(3)) ?? { kind: 'path', path };
  }
  return { kind: 'path', path };
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw badRequest(`invalid URL escape in path segment "${part}"`);
  }
}

function resourceRequest(
  at: { group: string; version: string },
  parts: readonly string[],
): ResourceRequest | undefined {
  const kind = 'resource' as const;
  const clean = parts.at(-1) === '' ? parts.slice(0, -1) : parts;
  const [first, second, third] = clean;
  if (first === undefined || clean.includes('')) return undefined;
  const own = third === undefined || NAMESPACE_SUBRESOURCES.has(third);
  if (first !== 'namespaces' || second === undefined || own) {
    return { kind, ...at, resource: first, ...named(clean.slice(1)) };
  }
  return { kind, ...at, namespace: second, resource: third, ...named(clean.slice(3)) };
}

function named([name, subresource, ...rest]: readonly string[]) {
  return {
    ...(name === undefined ? {} : { name }),
    ...(subresource === undefined ? {} : { subresource }),
    rest,
  };
}
