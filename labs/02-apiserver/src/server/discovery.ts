// discovery: what the server offers: groups, versions, resources and their verbs, in both forms that clients ask for.
//
//   aggregated   everything in two answers (/api and /apis), by a special Accept header; ETag and 304
//   legacy       /api, /apis, and one answer for each group-version
//
// All of it follows from the resource declarations; nothing is listed twice. Pure.
// Same idea upstream: apiserver, endpoints/discovery and endpoints/discovery/aggregated.

import { createHash } from 'node:crypto';
import {
  groupVersionOf,
  type ResourceDefinition,
  type SubresourceDefinition,
} from '../registry/resource-definition.ts';

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

type Definitions = readonly ResourceDefinition[];

export function groupsOf(resources: Definitions): readonly string[] {
  return [...new Set(resources.map(({ group }) => group))];
}

export function groupVersionsOf(resources: Definitions): readonly string[] {
  return [...new Set(resources.map(groupVersionOf))];
}

/** `APIGroupDiscoveryList` for /api (the core group, which has no name) or /apis. */
export function aggregatedDiscovery(
  resources: Definitions,
  core: boolean,
  version: string,
): object {
  const groups = groupsOf(resources).filter((group) => (group === '') === core);
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groups.map((group) => ({
      metadata: core ? { creationTimestamp: null } : { name: group, creationTimestamp: null },
      versions: versionsOf(resources, group).map((name) => ({
        version: name,
        freshness: 'Current',
        resources: resources
          .filter((resource) => resource.group === group && resource.version === name)
          .map(discoveredResource),
      })),
    })),
  };
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

function versionsOf(resources: Definitions, group: string): readonly string[] {
  return [...new Set(resources.filter((one) => one.group === group).map(({ version }) => version))];
}

/** /api */
export function apiVersions(resources: Definitions, serverAddress: string): object {
  return {
    kind: 'APIVersions',
    versions: versionsOf(resources, ''),
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
  };
}

/** /apis */
export function apiGroupList(resources: Definitions): object {
  const groups = groupsOf(resources).filter((group) => group !== '');
  return {
    kind: 'APIGroupList',
    apiVersion: 'v1',
    groups: groups.map((group) => apiGroup(resources, group)),
  };
}

/** /apis/GROUP */
export function apiGroup(resources: Definitions, name: string): object {
  const versions = versionsOf(resources, name).map((version) => ({
    groupVersion: `${name}/${version}`,
    version,
  }));
  return { name, versions, preferredVersion: versions[0] };
}

/** /api/v1 and /apis/GROUP/VERSION */
export function apiResourceList(resources: Definitions, groupVersion: string): object | undefined {
  const own = resources.filter((definition) => groupVersionOf(definition) === groupVersion);
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
  return {
    name: resource,
    singularName: singular,
    namespaced,
    kind,
    verbs,
    ...(shortNames.length > 0 && { shortNames }),
    ...(categories.length > 0 && { categories }),
  };
}

/** The version of aggregated discovery that a client takes, if it takes any. */
export function aggregatedVersion(accept: string | undefined): string | undefined {
  const found = /as=APIGroupDiscoveryList/.test(accept ?? '')
    ? /v=(v2beta1|v2)\b/.exec(accept ?? '')?.[1]
    : undefined;
  return found;
}

export function etagOf(body: Buffer): string {
  return `"${createHash('sha512').update(body).digest('hex').toUpperCase()}"`;
}
