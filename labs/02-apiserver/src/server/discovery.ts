// discovery: what the server offers: groups, versions, resources and their verbs, in both forms that clients ask for.
//
//   aggregated   everything in two answers (/api and /apis), by a special Accept header; ETag and 304
//   legacy       /api, /apis, and one answer for each group-version
//
// All of it follows from the resource declarations and from what other servers said of the group-versions that they answer; nothing is
// listed twice. Pure.
// Same idea upstream: apiserver, endpoints/discovery and endpoints/discovery/aggregated; kube-aggregator, pkg/apiserver/handler_apis.go.

import { createHash } from 'node:crypto';
import {
  groupVersionOf,
  isStored,
  type ResourceDefinition,
  type SubresourceDefinition,
} from '../registry/resource-definition.ts';
import { type ApiPriority, compareGroupVersions, type GroupVersion } from './api-priorities.ts';

export const GIT_VERSION = 'v1.33.1+kube-labs';

export const VERSION_INFO = {
  major: '1',
  minor: '33',
  gitVersion: GIT_VERSION,
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: '',
  compiler: 'node',
  platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
};

/** A group-version that another server answers. */
export interface RemoteVersion {
  readonly group: string;
  readonly version: string;
  readonly priority: ApiPriority;
  /** False while it cannot be reached: what is known of it may be old. */
  readonly isAvailable: boolean;
  /** As aggregated discovery describes resources; empty until it was asked. */
  readonly resources: readonly object[];
  /** Its OpenAPI v3 document, as it gave it. */
  readonly openapi?: string | undefined;
}

/** Everything that is offered. */
export interface ApiSurface {
  readonly definitions: readonly ResourceDefinition[];
  readonly remotes: readonly RemoteVersion[];
}

/** The group-versions that this server answers itself, in order of preference. */
export function ownVersions({ definitions, remotes }: ApiSurface): readonly GroupVersion[] {
  const found = new Map<string, GroupVersion>();
  for (const { group, version } of definitions) {
    if (!remotes.some((one) => one.group === group && one.version === version)) {
      found.set(`${group}/${version}`, { group, version });
    }
  }
  return [...found.values()].sort(compareGroupVersions);
}

function allVersions(surface: ApiSurface): readonly GroupVersion[] {
  return [...ownVersions(surface), ...surface.remotes].sort(compareGroupVersions);
}

/** The core group, which has no name, is not among them. */
export function groupsOf(surface: ApiSurface): readonly string[] {
  return [...new Set(allVersions(surface).map(({ group }) => group))].filter(Boolean);
}

function versionsOf(surface: ApiSurface, group: string): readonly GroupVersion[] {
  return allVersions(surface).filter((one) => one.group === group);
}

/** `APIGroupDiscoveryList` for /api (the core group) or /apis. */
export function aggregatedDiscovery(surface: ApiSurface, core: boolean, version: string): object {
  const groups = core ? [''] : groupsOf(surface);
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groups.map((group) => ({
      metadata: core ? { creationTimestamp: null } : { name: group, creationTimestamp: null },
      versions: versionsOf(surface, group).map((one) => aggregatedVersionOf(surface, one)),
    })),
  };
}

function aggregatedVersionOf(
  { definitions, remotes }: ApiSurface,
  { group, version }: GroupVersion,
): object {
  const remote = remotes.find((one) => one.group === group && one.version === version);
  if (remote !== undefined) {
    const freshness = remote.isAvailable ? 'Current' : 'Stale';
    return { version, resources: remote.resources, freshness };
  }
  const own = definitions.filter((one) => one.group === group && one.version === version);
  return { version, resources: own.map(discoveredResource), freshness: 'Current' };
}

function discoveredResource(definition: ResourceDefinition): object {
  const { group, version } = definition;
  return {
    resource: definition.resource,
    responseKind: { group, version, kind: definition.kind },
    scope: definition.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: definition.singular,
    verbs: definition.verbs,
    ...(definition.shortNames.length > 0 && { shortNames: definition.shortNames }),
    ...(definition.categories.length > 0 && { categories: definition.categories }),
    ...(definition.subresources.length > 0 && {
      subresources: definition.subresources.map((subresource) => ({
        subresource: subresource.name,
        responseKind: kindOf(definition, subresource),
        verbs: subresource.verbs,
      })),
    }),
  };
}

function kindOf(definition: ResourceDefinition, subresource: SubresourceDefinition): object {
  return {
    group: subresource.group ?? definition.group,
    version: subresource.version ?? definition.version,
    kind: subresource.kind,
  };
}

/** /api */
export function apiVersions(surface: ApiSurface, serverAddress: string): object {
  return {
    kind: 'APIVersions',
    versions: versionsOf(surface, '').map(({ version }) => version),
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
  };
}

/** /apis */
export function apiGroupList(surface: ApiSurface): object {
  const groups = groupsOf(surface).map((group) => apiGroup(surface, group));
  return { kind: 'APIGroupList', apiVersion: 'v1', groups };
}

/** /apis/GROUP */
export function apiGroup(surface: ApiSurface, name: string): object {
  const versions = versionsOf(surface, name).map(({ version }) => ({
    groupVersion: `${name}/${version}`,
    version,
  }));
  return { name, versions, preferredVersion: versions[0] };
}

/** /api/v1 and /apis/GROUP/VERSION */
export function apiResourceList(
  { definitions }: ApiSurface,
  groupVersion: string,
): object | undefined {
  const own = definitions.filter((definition) => groupVersionOf(definition) === groupVersion);
  if (own.length === 0) return undefined;
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion,
    resources: own.flatMap((definition) => [
      legacyResource(definition),
      ...definition.subresources.map((subresource) => ({
        name: `${definition.resource}/${subresource.name}`,
        singularName: '',
        namespaced: definition.namespaced,
        ...(subresource.group && { group: subresource.group, version: subresource.version }),
        kind: subresource.kind,
        verbs: subresource.verbs,
      })),
    ]),
  };
}

function legacyResource(definition: ResourceDefinition): object {
  const { resource, singular, namespaced, kind, verbs, shortNames, categories } = definition;
  const stored = definition.storedAs?.definition ?? definition;
  return {
    name: resource,
    singularName: singular,
    namespaced,
    kind,
    verbs,
    ...(shortNames.length > 0 && { shortNames }),
    ...(categories.length > 0 && { categories }),
    ...(isStored(stored) && { storageVersionHash: storageVersionHash(stored) }),
  };
}

/** Tells a client that objects are stored in another version now than when it last looked. Upstream's own hash. */
export function storageVersionHash({ group, version, kind }: ResourceDefinition): string {
  const digest = createHash('sha256').update(`${group}/${version}/${kind}`).digest();
  return digest.subarray(0, 8).toString('base64');
}

/** The version of aggregated discovery that a client takes, if it takes any. */
export function aggregatedVersion(accept: string | undefined): string | undefined {
  const found = /as=APIGroupDiscoveryList/.test(accept ?? '')
    ? /v=(v2beta1|v2)\b/.exec(accept ?? '')?.[1]
    : undefined;
  return found;
}
