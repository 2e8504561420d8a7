// ApiDocuments: discovery and OpenAPI as bytes with their ETags, made when first asked for and kept until what is served changes.
//
// A document costs a millisecond to a tenth of a second to make and is asked for by every client that starts; its hash stands in the
// OpenAPI index and in ETags. When a resource comes or goes, everything that lists resources is made anew, but of the OpenAPI
// documents only those of its own group-version: the others keep their text and hash, and clients their copies.
//
// Invariant: what is answered describes the resource table as it is at that moment.
//
// Same idea upstream: apiserver, endpoints/discovery/aggregated (its resource manager), kube-openapi's cached specs.

import { groupVersionOf, type ResourceDefinition } from '../registry/resource-definition.ts';
import { hashOf, openapiV3Document, openapiV3IndexOf } from '../schema/openapi.ts';
import { openapiV2, type SwaggerDocument } from '../schema/openapi-v2.ts';
import { encodeOpenapiV2, OPENAPI_V2_TYPE } from '../schema/openapi-v2-protobuf.ts';
import {
  type ApiSurface,
  aggregatedDiscovery,
  aggregatedVersion,
  apiGroup,
  apiGroupList,
  apiResourceList,
  apiVersions,
  groupsOf,
  ownVersions,
  type RemoteVersion,
  VERSION_INFO,
} from './discovery.ts';

export interface ApiDocument {
  readonly body: Buffer;
  readonly contentType: string;
  /** Hexadecimal; the ETag is this in quotes. */
  readonly hash: string;
}

export interface ApiDocumentSources {
  readonly definitions: () => readonly ResourceDefinition[];
  /** The same array until something changes. */
  readonly remotes: () => ApiSurface['remotes'];
  readonly serverAddress: () => string;
}

interface GroupDocument {
  readonly definitions: readonly ResourceDefinition[];
  readonly document: ApiDocument;
}

const JSON_TYPE = 'application/json';
const OTHER_PATHS = [
  '/healthz',
  '/livez',
  '/metrics',
  '/openapi/v2',
  '/openapi/v3',
  '/readyz',
  '/version',
];

export class ApiDocuments {
  readonly #sources: ApiDocumentSources;
  /** By group-version; outlives a change of the others. */
  readonly #openapi = new Map<string, GroupDocument>();
  #surface: ApiSurface | undefined;
  #documents = new Map<string, ApiDocument>();

  constructor(sources: ApiDocumentSources) {
    this.#sources = sources;
  }

  /** Undefined for a path that has no document. */
  find(path: string, accept: string | undefined): ApiDocument | undefined {
    const surface = this.#current();
    if (path === '/api' || path === '/apis') return this.#root(surface, path, accept);
    if (path === '/openapi/v2') return this.#swagger(surface, accept);
    if (path.startsWith('/openapi/v3/')) return this.#group(surface, path);
    return this.#keep(path, () => {
      const body = this.#plain(surface, path);
      return body === undefined ? undefined : { body, contentType: JSON_TYPE };
    });
  }

  #current(): ApiSurface {
    const definitions = this.#sources.definitions();
    const remotes = this.#sources.remotes();
    const known = this.#surface;
    if (known?.definitions === definitions && known.remotes === remotes) return known;
    this.#documents = new Map();
    this.#surface = { definitions, remotes };
    return this.#surface;
  }

  #keep(
    key: string,
    make: () => { body: string | Uint8Array; contentType: string } | undefined,
  ): ApiDocument | undefined {
    let document = this.#documents.get(key);
    if (document === undefined) {
      const made = make();
      if (made === undefined) return undefined;
      document = documentOf(made.body, made.contentType);
      this.#documents.set(key, document);
    }
    return document;
  }

  #root(surface: ApiSurface, path: string, accept: string | undefined): ApiDocument | undefined {
    const core = path === '/api';
    const version = aggregatedVersion(accept);
    return this.#keep(`${path} ${version}`, () => {
      if (version === undefined) {
        const { serverAddress } = this.#sources;
        const body = core ? apiVersions(surface, serverAddress()) : apiGroupList(surface);
        return { body: JSON.stringify(body), contentType: JSON_TYPE };
      }
      const contentType = `${JSON_TYPE};g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
      return { body: JSON.stringify(aggregatedDiscovery(surface, core, version)), contentType };
    });
  }

  /** kubectl takes v2 in protobuf only, everybody else as JSON. */
  #swagger(surface: ApiSurface, accept = ''): ApiDocument | undefined {
    const make = (): SwaggerDocument =>
      openapiV2(
        ownVersions(surface).map(groupVersionOf),
        surface.definitions.filter((one) => isOwn(surface, one)),
      );
    return /com\.github\.proto-openapi\.spec\.v2/.test(accept)
      ? this.#keep('/openapi/v2 protobuf', () => ({
          body: encodeOpenapiV2(make()),
          contentType: OPENAPI_V2_TYPE,
        }))
      : this.#keep('/openapi/v2', () => ({
          body: JSON.stringify(make()),
          contentType: JSON_TYPE,
        }));
  }

  /** /openapi/v3/api/v1, /openapi/v3/apis/GROUP/VERSION */
  #group(surface: ApiSurface, path: string): ApiDocument | undefined {
    const groupVersion = path.replace(/^\/openapi\/v3\/apis?\//, '');
    const isServed = ownVersions(surface).some((one) => groupVersionOf(one) === groupVersion);
    if (isServed) return this.#openapiOf(surface, groupVersion);
    const remote = surface.remotes.find((one) => groupVersionOf(one) === groupVersion);
    return remote === undefined ? undefined : this.#remoteOpenapi(remote);
  }

  /** As the other server gave it, under a hash of ours. */
  #remoteOpenapi(remote: RemoteVersion): ApiDocument | undefined {
    const { openapi } = remote;
    return this.#keep(`openapi of ${groupVersionOf(remote)}`, () =>
      openapi === undefined ? undefined : { body: openapi, contentType: JSON_TYPE },
    );
  }

  #openapiOf({ definitions }: ApiSurface, groupVersion: string): ApiDocument {
    const own = definitions.filter((one) => groupVersionOf(one) === groupVersion);
    const known = this.#openapi.get(groupVersion);
    if (known !== undefined && isSameList(known.definitions, own)) return known.document;
    const document = documentOf(openapiV3Document(groupVersion, own), JSON_TYPE);
    this.#openapi.set(groupVersion, { definitions: own, document });
    return document;
  }

  #plain(surface: ApiSurface, path: string): string | undefined {
    if (path === '/openapi/v3') return this.#index(surface);
    const found = legacyDocument(surface, path);
    return found === undefined ? undefined : JSON.stringify(found);
  }

  #index(surface: ApiSurface): string {
    const versions = ownVersions(surface).map(groupVersionOf);
    for (const known of this.#openapi.keys()) {
      if (!versions.includes(known)) this.#openapi.delete(known);
    }
    const hashes = versions.map((one): [string, string] => [
      one,
      this.#openapiOf(surface, one).hash,
    ]);
    const remotes = surface.remotes.flatMap((one): [string, string][] => {
      const document = this.#remoteOpenapi(one);
      return document === undefined ? [] : [[groupVersionOf(one), document.hash]];
    });
    return openapiV3IndexOf(new Map([...hashes, ...remotes]));
  }
}

function documentOf(body: string | Uint8Array, contentType: string): ApiDocument {
  return { body: Buffer.from(body), contentType, hash: hashOf(body) };
}

function isOwn({ remotes }: ApiSurface, { group, version }: ResourceDefinition): boolean {
  return !remotes.some((one) => one.group === group && one.version === version);
}

function isSameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((one, index) => one === b[index]);
}

function legacyDocument(surface: ApiSurface, path: string): object | undefined {
  if (path === '/version') return VERSION_INFO;
  if (path === '/') return { paths: rootPaths(surface) };
  const [, root, first = '', second = '', rest] = path.split('/');
  if (rest !== undefined) return undefined;
  if (root === 'api' && second === '') return apiResourceList(surface, first);
  if (root !== 'apis') return undefined;
  if (second !== '') return apiResourceList(surface, `${first}/${second}`);
  if (!groupsOf(surface).includes(first)) return undefined;
  return { kind: 'APIGroup', apiVersion: 'v1', ...apiGroup(surface, first) };
}

function rootPaths(surface: ApiSurface): readonly string[] {
  const groups = groupsOf(surface).map((group) => `/apis/${group}`);
  const versions = [...ownVersions(surface), ...surface.remotes].map(({ group, version }) =>
    group === '' ? `/api/${version}` : `/apis/${group}/${version}`,
  );
  return ['/api', '/apis', ...groups, ...versions, ...OTHER_PATHS].sort();
}
