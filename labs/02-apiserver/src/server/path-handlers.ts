// path-handlers: everything that is no object: discovery, OpenAPI, version and metrics. Health is in health.ts.
//
// Same paths upstream: apiserver, server/routes.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { ApiError } from '../api-error.ts';
import type { ResourceDefinition } from '../registry/resource-definition.ts';
import { openapiV3Document, openapiV3Index } from '../schema/openapi.ts';
import { OPENAPI_V2_TYPE, openapiV2Document } from '../schema/openapi-v2.ts';
import {
  aggregatedDiscovery,
  aggregatedVersion,
  apiGroup,
  apiGroupList,
  apiResourceList,
  apiVersions,
  etagOf,
  groupsOf,
  groupVersionsOf,
  VERSION_INFO,
} from './discovery.ts';
import { send } from './responses.ts';

export interface PathDeps {
  readonly resources: readonly ResourceDefinition[];
  readonly serverAddress: string;
  readonly metrics: () => Promise<string>;
}

export async function handlePath(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  deps: PathDeps,
): Promise<void> {
  const clean = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
  if (clean === '/metrics') {
    const contentType = 'text/plain; version=0.0.4; charset=utf-8';
    const body = Buffer.from(await deps.metrics());
    return send(request, response, { body, contentType });
  }
  const found = documentOf(request, clean, deps);
  if (found === undefined) throw unknownPath();
  const { body: content } = found;
  const isText = typeof content === 'string' || content instanceof Uint8Array;
  const body = Buffer.from(isText ? content : JSON.stringify(content));
  const etag = etagOf(body);
  const headers = {
    etag,
    vary: 'Accept',
    'x-varied-accept': found.contentType ?? 'application/json',
  };
  if (request.headers['if-none-match'] === etag) {
    response.writeHead(304, headers).end();
    return;
  }
  const contentType = found.contentType ?? 'application/json';
  await send(request, response, { body, contentType, headers });
}

interface Document {
  readonly body: string | Uint8Array | object;
  readonly contentType?: string;
}

function documentOf(request: IncomingMessage, path: string, deps: PathDeps): Document | undefined {
  const { resources } = deps;
  const json = (body: object | undefined): Document | undefined => body && { body };
  if (path === '/api' || path === '/apis') return discoveryRoot(request, path === '/api', deps);
  if (path === '/version') return json(VERSION_INFO);
  if (path === '/') return json({ paths: rootPaths(resources) });
  if (path === '/openapi/v3')
    return { body: openapiV3Index(groupVersionsOf(resources), resources) };
  if (path === '/openapi/v2') {
    return { body: openapiV2Document(groupVersionsOf(resources)), contentType: OPENAPI_V2_TYPE };
  }
  const [, root, first = '', second = '', rest] = path.split('/');
  if (root === 'openapi' && first === 'v3') return openapiDocument(path, resources);
  if (rest !== undefined) return undefined;
  if (root === 'api' && second === '') return json(apiResourceList(resources, first));
  if (root !== 'apis') return undefined;
  if (second !== '') return json(apiResourceList(resources, `${first}/${second}`));
  const known = groupsOf(resources).includes(first);
  return known
    ? json({ kind: 'APIGroup', apiVersion: 'v1', ...apiGroup(resources, first) })
    : undefined;
}

function discoveryRoot({ headers }: IncomingMessage, core: boolean, deps: PathDeps): Document {
  const version = aggregatedVersion(headers.accept);
  if (version === undefined) {
    return {
      body: core ? apiVersions(deps.resources, deps.serverAddress) : apiGroupList(deps.resources),
    };
  }
  const contentType = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
  return { body: aggregatedDiscovery(deps.resources, core, version), contentType };
}

function openapiDocument(
  path: string,
  resources: readonly ResourceDefinition[],
): Document | undefined {
  const groupVersion = path.replace(/^\/openapi\/v3\/apis?\//, '');
  if (!groupVersionsOf(resources).includes(groupVersion)) return undefined;
  return { body: openapiV3Document(groupVersion, resources) };
}

function rootPaths(resources: readonly ResourceDefinition[]): readonly string[] {
  const groups = groupsOf(resources)
    .filter(Boolean)
    .map((group) => `/apis/${group}`);
  const versions = groupVersionsOf(resources).map((text) =>
    text.includes('/') ? `/apis/${text}` : `/api/${text}`,
  );
  const others = [
    '/healthz',
    '/livez',
    '/metrics',
    '/openapi/v2',
    '/openapi/v3',
    '/readyz',
    '/version',
  ];
  return ['/api', '/apis', ...groups, ...versions, ...others].sort();
}

export function unknownPath(): ApiError {
  return new ApiError('NotFound', 'the server could not find the requested resource', {
    details: {},
  });
}
