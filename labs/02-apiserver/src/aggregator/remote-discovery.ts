// remote-discovery: asks the server behind an APIService what it offers; that it answers at all is what makes it available.
//
// Its OpenAPI document is asked for too, again only when the hash in its address is another. A server may well have none.
//
// Same check upstream: kube-aggregator, pkg/controllers/status/remote, and apiserver, endpoints/discovery (conversion of legacy lists).

import type { IncomingMessage } from 'node:http';
import type { Agent } from 'node:https';
import type { APIServiceSpec } from '../strategy/api-service-types.ts';
import { sendRemote } from './remote-request.ts';
import type { Address } from './service-resolver.ts';

/** The description of one group-version, and the address that says whether it is still the same. */
export interface RemoteOpenapi {
  readonly url: string;
  readonly text: string;
}

export type Discovered =
  | {
      readonly kind: 'resources';
      readonly resources: readonly object[];
      readonly openapi: RemoteOpenapi | undefined;
    }
  | { readonly kind: 'failed'; readonly message: string };

const TIMEOUT_MS = 5000;
const ANSWER_MAX_BYTES = 4 * 1024 * 1024;
/** Who this server is when it asks for itself. */
const AGGREGATOR = { name: 'system:kube-aggregator', groups: ['system:masters'] };

interface RemoteAt {
  readonly agent: Agent;
  readonly address: Address;
  readonly signal: AbortSignal;
}

export async function discoverRemote(
  { group = '', version = '' }: Pick<APIServiceSpec, 'group' | 'version'>,
  at: RemoteAt,
  known: RemoteOpenapi | undefined,
): Promise<Discovered> {
  const path = `/apis/${group}/${version}`;
  const url = `https://${at.address.host}:${at.address.port}${path}`;
  try {
    const { code, text } = await read(at, path);
    if (!isGood(code)) return failed(url, `bad status from ${url}: ${code}`);
    const resources = resourcesIn(text, { group, version });
    return {
      kind: 'resources',
      resources,
      openapi: await openapiOf(`apis/${group}/${version}`, at, known),
    };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return failed(url, `Get ${JSON.stringify(url)}: ${why}`);
  }
}

/** Whatever goes wrong here, the server is available: it answered. */
async function openapiOf(
  name: string,
  at: RemoteAt,
  known: RemoteOpenapi | undefined,
): Promise<RemoteOpenapi | undefined> {
  try {
    const index = await read(at, '/openapi/v3');
    if (!isGood(index.code)) return undefined;
    const { paths } = JSON.parse(index.text) as {
      paths?: Readonly<Record<string, { serverRelativeURL?: string }>>;
    };
    const url = paths?.[name]?.serverRelativeURL;
    if (url === undefined || !url.startsWith('/openapi/v3/')) return undefined;
    if (url === known?.url && url.includes('hash=')) return known;
    const { code, text } = await read(at, url);
    if (!isGood(code)) return undefined;
    JSON.parse(text);
    return { url, text };
  } catch {
    return known;
  }
}

async function read(
  { agent, address, signal }: RemoteAt,
  path: string,
): Promise<{ readonly code: number; readonly text: string }> {
  const answer = await sendRemote(agent, address, {
    method: 'GET',
    path,
    headers: { accept: 'application/json' },
    user: AGGREGATOR,
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
  });
  return { code: answer.statusCode ?? 0, text: await textOf(answer) };
}

function isGood(code: number): boolean {
  return code >= 200 && code < 300;
}

function failed(url: string, why: string): Discovered {
  return { kind: 'failed', message: `failing or missing response from ${url}: ${why}` };
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > ANSWER_MAX_BYTES)
      throw new Error(`the answer is longer than ${ANSWER_MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

interface LegacyResource {
  readonly name: string;
  readonly singularName?: string;
  readonly namespaced?: boolean;
  readonly kind?: string;
  readonly group?: string;
  readonly version?: string;
  readonly verbs?: readonly string[];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
}

/** An APIResourceList as aggregated discovery says it; what is no such list offers nothing. */
export function resourcesIn(
  text: string,
  own: { group: string; version: string },
): readonly object[] {
  const { resources } = JSON.parse(text) as { resources?: unknown };
  const listed = (Array.isArray(resources) ? resources : []) as readonly LegacyResource[];
  const known = listed.filter(({ name }) => typeof name === 'string');
  return known
    .filter(({ name }) => !name.includes('/'))
    .map((resource) => {
      const inside = known.filter(({ name }) => name.startsWith(`${resource.name}/`));
      const { name, singularName = '', namespaced = false, verbs = [] } = resource;
      const { shortNames, categories } = resource;
      return {
        resource: name,
        responseKind: kindOf(resource, own),
        scope: namespaced ? 'Namespaced' : 'Cluster',
        singularResource: singularName,
        verbs,
        ...(shortNames === undefined ? {} : { shortNames }),
        ...(categories === undefined ? {} : { categories }),
        ...(inside.length === 0
          ? {}
          : {
              subresources: inside.map((one) => ({
                subresource: one.name.slice(name.length + 1),
                responseKind: kindOf(one, own),
                verbs: one.verbs ?? [],
              })),
            }),
      };
    });
}

function kindOf(
  { kind = '', group, version }: LegacyResource,
  own: { group: string; version: string },
): object {
  return { group: group ?? own.group, version: version ?? own.version, kind };
}
