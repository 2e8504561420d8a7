// discovery: what a server offers, as a client learns it: resources with their verbs, in all versions or in the preferred ones.
//
//   serverResources()            every resource of every version, and which group-versions could not be learned of, and why
//   serverPreferredResources()   of each resource the version that the server prefers: to do something with all objects, once each
//
// One server stands for many: a group-version behind an APIService may be away while all others answer. That is an entry in `failures`
// and no error; an error is when nothing could be learned. Who decides from a resource's absence has to look there first.
// Aggregated discovery takes two requests; a server that does not know it gives its older documents, which take one each group-version.
//
// Same idea upstream: k8s.io/client-go/discovery (ServerPreferredResources, ErrGroupDiscoveryFailed, aggregated_discovery.go).

import { messageOf } from '@kube-labs/store';
import { ApiError } from '../api-error.ts';
import type { Client } from './client.ts';
import { apiVersionOf, type KubernetesObject, type ResourceType } from './resources.ts';
import { parseStatus } from './transport.ts';

export interface ServerResource extends ResourceType<KubernetesObject> {
  readonly verbs: readonly string[];
}

export interface ServerResources {
  /** As the server sorts them: of several versions of one group the preferred one stands first. */
  readonly resources: readonly ServerResource[];
  /** Why a group-version (`metrics.k8s.io/v1beta1`) could not be learned of. */
  readonly failures: ReadonlyMap<string, string>;
}

/** In order of preference; the last is what servers without aggregated discovery understand. */
const ACCEPT = [
  'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList',
  'application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList',
  'application/json',
].join(',');

/** How many of the older documents are asked for at once. */
const CONCURRENT_MAX = 8;

/** Everything that is offered, in every version. Throws when nothing could be learned. */
export async function serverResources(
  client: Client,
  signal?: AbortSignal,
): Promise<ServerResources> {
  const core = await documentAt(client, '/api', signal);
  const named = await documentAt(client, '/apis', signal);
  const found: Collected = { resources: [], failures: new Map() };
  const missing: string[] = [];
  for (const document of [core, named]) {
    if (isAggregated(document)) addAggregated(document, found);
    else missing.push(...groupVersionsIn(document));
  }
  await addLegacy(client, missing, found, signal);
  return found;
}

/** Each resource once, in the version that the server prefers of those that have it. Throws when nothing could be learned. */
export async function serverPreferredResources(
  client: Client,
  signal?: AbortSignal,
): Promise<ServerResources> {
  return preferredResources(await serverResources(client, signal));
}

/** The same of what was learned already. */
export function preferredResources({ resources, failures }: ServerResources): ServerResources {
  const first = new Map<string, ServerResource>();
  for (const resource of resources) {
    const name = `${resource.resource}.${resource.group}`;
    if (!first.has(name)) first.set(name, resource);
  }
  return { resources: [...first.values()], failures };
}

/** All failures in one sentence, in upstream's words; undefined when there are none. */
export function discoveryFailure({ failures }: ServerResources): string | undefined {
  if (failures.size === 0) return undefined;
  const each = [...failures].map(([groupVersion, why]) => `${groupVersion}: ${why}`).sort();
  return `unable to retrieve the complete list of server APIs: ${each.join(', ')}`;
}

interface Collected {
  readonly resources: ServerResource[];
  readonly failures: Map<string, string>;
}

/** What a document may be; every field is somebody else's word. */
interface Document {
  readonly kind?: string;
  readonly versions?: readonly string[];
  readonly groups?: readonly {
    readonly versions?: readonly { readonly groupVersion?: string }[];
    readonly preferredVersion?: { readonly groupVersion?: string };
  }[];
  readonly items?: readonly AggregatedGroup[];
}

interface AggregatedGroup {
  readonly metadata?: { readonly name?: string };
  readonly versions?: readonly {
    readonly version: string;
    readonly freshness?: string;
    readonly resources?: readonly {
      readonly resource: string;
      readonly responseKind?: { readonly kind?: string };
      readonly scope?: string;
      readonly verbs?: readonly string[];
    }[];
  }[];
}

interface LegacyList {
  readonly resources?: readonly {
    readonly name: string;
    readonly kind?: string;
    readonly namespaced?: boolean;
    readonly verbs?: readonly string[];
  }[];
}

/** A server may have only one of the two documents. */
async function documentAt(
  client: Client,
  path: string,
  signal: AbortSignal | undefined,
): Promise<Document> {
  const { status, body } = await client.raw(path, signal, { accept: ACCEPT });
  if (status === 404) return {};
  if (status !== 200) throw ApiError.fromStatus(parseStatus(body), status);
  return JSON.parse(body) as Document;
}

function isAggregated({ kind }: Document): boolean {
  return kind === 'APIGroupDiscoveryList';
}

function addAggregated({ items = [] }: Document, { resources, failures }: Collected): void {
  for (const { metadata, versions = [] } of items) {
    const group = metadata?.name ?? '';
    for (const { version, freshness, resources: offered = [] } of versions) {
      const groupVersion = apiVersionOf({ group, version });
      if (freshness === 'Stale') {
        failures.set(groupVersion, `stale GroupVersion discovery: ${groupVersion}`);
        continue;
      }
      for (const { resource, responseKind, scope, verbs = [] } of offered) {
        const kind = responseKind?.kind ?? '';
        if (kind === '') continue; // Only its subresources are offered.
        const namespaced = scope === 'Namespaced';
        resources.push({ group, version, resource, kind, namespaced, verbs });
      }
    }
  }
}

/** `v1` of the core group, `apps/v1` of the others; each group's preferred version first. */
function groupVersionsIn({ versions = [], groups = [] }: Document): readonly string[] {
  const named = groups.flatMap(({ versions: all = [], preferredVersion }) => [
    preferredVersion?.groupVersion ?? '',
    ...all.map(({ groupVersion = '' }) => groupVersion),
  ]);
  return [...new Set([...versions, ...named])].filter((groupVersion) => groupVersion !== '');
}

async function addLegacy(
  client: Client,
  groupVersions: readonly string[],
  found: Collected,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let from = 0; from < groupVersions.length; from += CONCURRENT_MAX) {
    const some = groupVersions.slice(from, from + CONCURRENT_MAX);
    const answers = await Promise.allSettled(some.map((one) => legacyList(client, one, signal)));
    signal?.throwIfAborted();
    for (const [index, answer] of answers.entries()) {
      const groupVersion = some[index] ?? '';
      if (answer.status === 'fulfilled') found.resources.push(...answer.value);
      else found.failures.set(groupVersion, messageOf(answer.reason));
    }
  }
}

async function legacyList(
  client: Client,
  groupVersion: string,
  signal: AbortSignal | undefined,
): Promise<readonly ServerResource[]> {
  const [version = '', group = ''] = groupVersion.split('/').reverse();
  const root = group === '' ? '/api' : '/apis';
  const { status, body } = await client.raw(`${root}/${groupVersion}`, signal);
  if (status !== 200) throw ApiError.fromStatus(parseStatus(body), status);
  const { resources = [] } = JSON.parse(body) as LegacyList;
  return resources
    .filter(({ name }) => !name.includes('/'))
    .map(({ name: resource, kind = '', namespaced = false, verbs = [] }) => {
      return { group, version, resource, kind, namespaced, verbs };
    });
}
