// NamespaceContents: finds everything that is in a namespace, deletes it, and says what is still there.
//
// Everything is read from the API server and not from a cache: what a cache does not show yet would be left behind for ever. Which resources
// there are is asked of it too, each time: a custom resource may have come a moment ago. Only metadata is fetched.
// Pods go before all else: what guards them (network policies, accounts) must not go while they still run.
//
// Upstream: kubernetes, pkg/controller/namespace/deletion/namespaced_resources_deleter.go.
// Left out: estimates of how long it takes, the cache of what is not supported.

import {
  ApiError,
  type Client,
  discoveryFailure,
  type KubernetesObject,
  type ServerResource,
  type ServerResources,
  serverPreferredResources,
} from '@kube-labs/apiserver';
import { isBeingDeleted, meta, millisOf, refOf } from './meta.ts';
import type { Findings, Remaining } from './namespace-conditions.ts';
import { slowStart } from './slow-start.ts';

const CONCURRENT_MAX = 16;

export interface ContentsDeps {
  readonly client: Client;
  nowMs(): number;
}

/** What can be in a namespace, be found there and be deleted. */
export function deletable({ resources }: ServerResources): readonly ServerResource[] {
  return resources.filter(
    ({ namespaced, verbs }) => namespaced && verbs.includes('list') && verbs.includes('delete'),
  );
}

/** Asks for the deletion of all there is, and tells what is left; safe to call again until nothing is. */
export async function emptyNamespace(
  deps: ContentsDeps,
  namespace: string,
  signal: AbortSignal,
): Promise<Findings> {
  const discovered = await serverPreferredResources(deps.client, signal);
  const message = discoveryFailure(discovered);
  const discovery =
    message === undefined ? undefined : { count: discovered.failures.size, message };
  const types = deletable(discovered);
  const isPods = ({ group, resource }: ServerResource) => group === '' && resource === 'pods';
  const pods = await emptyAll(deps, namespace, types.filter(isPods), signal);
  if (pods.remaining.length > 0) return { ...pods, discovery };
  const others = types.filter((type) => !isPods(type));
  const rest = await emptyAll(deps, namespace, others, signal);
  const contentErrors = [...pods.contentErrors, ...rest.contentErrors];
  return { remaining: rest.remaining, contentErrors, discovery };
}

/** One resource that refuses must not keep the others. */
async function emptyAll(
  deps: ContentsDeps,
  namespace: string,
  types: readonly ServerResource[],
  signal: AbortSignal,
): Promise<Pick<Findings, 'remaining' | 'contentErrors'>> {
  const remaining: Remaining[] = [];
  const contentErrors: string[] = [];
  const waiting = [...types];
  const work = async (): Promise<void> => {
    for (let type = waiting.shift(); type !== undefined; type = waiting.shift()) {
      try {
        const objects = await emptyOne(deps, namespace, type, signal);
        if (objects.length > 0) remaining.push({ type, objects });
        if (objects.length > 0 && !isExpected(objects, deps.nowMs())) {
          contentErrors.push(
            `unexpected items still remain in namespace: ${namespace} for gvr: ${nameOf(type)}`,
          );
        }
      } catch (error) {
        signal.throwIfAborted();
        contentErrors.push(error instanceof Error ? error.message : String(error));
      }
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT_MAX }, work));
  return { remaining, contentErrors };
}

async function emptyOne(
  { client }: ContentsDeps,
  namespace: string,
  type: ServerResource,
  signal: AbortSignal,
): Promise<readonly KubernetesObject[]> {
  const list = async (): Promise<readonly KubernetesObject[]> => {
    try {
      return (await client.list(type, { namespace, metadataOnly: true }, signal)).items;
    } catch (error) {
      if (isUnsupported(error)) return []; // The resource itself went in the meantime, or discovery promised too much.
      throw error;
    }
  };
  const objects = await list();
  const doomed = objects.filter((object) => !isBeingDeleted(object));
  if (doomed.length === 0) return objects;
  if (!(await deleteTogether(client, namespace, type, signal))) {
    await deleteEach(client, type, doomed, signal);
  }
  return list();
}

/** False when the server offers no such deletion. */
async function deleteTogether(
  client: Client,
  namespace: string,
  type: ServerResource,
  signal: AbortSignal,
): Promise<boolean> {
  if (!type.verbs.includes('deletecollection')) return false;
  try {
    const options = { propagationPolicy: 'Background' } as const;
    await client.deleteCollection(type, { namespace }, options, signal);
    return true;
  } catch (error) {
    if (isUnsupported(error)) return false;
    throw error;
  }
}

/** Gone already is as good; the first other refusal is thrown, and everything is tried again. */
async function deleteEach(
  client: Client,
  type: ServerResource,
  objects: readonly KubernetesObject[],
  signal: AbortSignal,
): Promise<void> {
  const { error } = await slowStart(objects.length, async (index) => {
    const object = objects[index];
    if (object === undefined) return;
    const options = { uid: meta(object).uid, propagationPolicy: 'Background' } as const;
    try {
      await client.delete(type, refOf(object), options, signal);
    } catch (failure) {
      if (!isUnsupported(failure) && !ApiError.is(failure, 'Conflict')) throw failure;
    }
  });
  if (error !== undefined) throw error;
}

/** Somebody holds on to them, or their grace is not over: then there is nothing wrong. */
function isExpected(objects: readonly KubernetesObject[], nowMs: number): boolean {
  return objects.some(
    ({ metadata }) =>
      (metadata?.finalizers ?? []).length > 0 || millisOf(metadata?.deletionTimestamp) > nowMs,
  );
}

function isUnsupported(error: unknown): boolean {
  return ApiError.is(error, 'NotFound') || ApiError.is(error, 'MethodNotAllowed');
}

function nameOf({ group, version, resource }: ServerResource): string {
  return `${group}/${version}, Resource=${resource}`;
}
