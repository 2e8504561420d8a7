// Namespace: empties a namespace that was deleted, then lets it go.
//
//   plan()        what to delete, what to say in the status, and whether the finalizer `kubernetes` may go
//   reconcile()   list everything live → plan → delete or finalize
//
// Everything is read from the API server and not from the cache: what the cache does not show yet would be left behind for ever.
// Pods keep their grace; whatever has finalizers is waited for. Nothing new can appear, as the API server refuses
// to create in a namespace that is going.
//
// Upstream: kubernetes, pkg/controller/namespace/deletion. Left out: discovery of resources (ours are a fixed list) and its conditions.

import {
  ApiError,
  type KubernetesObject,
  keyOf,
  type ResourceType,
  resources,
} from '@kube-labs/apiserver';
import type { Namespace, NamespaceCondition } from 'kubernetes-types/core/v1';
import {
  type Controller,
  type ControllerContext,
  newQueue,
  queueController,
} from './controller.ts';
import { isBeingDeleted, meta, refOf, sameData, timestamp } from './meta.ts';
import { slowStart } from './slow-start.ts';

const FINALIZER = 'kubernetes';
/** Pods need their grace: look again soon, and at once when one goes. */
const RETRY_MS = 1_000;

/** What is left of one resource. */
export interface Remaining {
  readonly type: ResourceType<KubernetesObject>;
  readonly objects: readonly KubernetesObject[];
}

export type NamespacePlan =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'empty';
      readonly delete: readonly Remaining[];
      readonly conditions: readonly NamespaceCondition[];
    }
  | { readonly kind: 'finalize'; readonly namespace: Namespace };

export function plan(
  namespace: Namespace,
  remaining: readonly Remaining[],
  nowMs: number,
): NamespacePlan {
  if (!isBeingDeleted(namespace)) return { kind: 'none' };
  const present = remaining.filter(({ objects }) => objects.length > 0);
  if (present.length > 0) {
    const doomed = present.map(({ type, objects }) => ({
      type,
      objects: objects.filter((object) => !isBeingDeleted(object)),
    }));
    return { kind: 'empty', delete: doomed, conditions: conditionsOf(namespace, present, nowMs) };
  }
  const finalizers = namespace.spec?.finalizers ?? [];
  if (!finalizers.includes(FINALIZER)) return { kind: 'none' };
  const others = finalizers.filter((name) => name !== FINALIZER);
  return { kind: 'finalize', namespace: { ...namespace, spec: { finalizers: others } } };
}

function conditionsOf(
  namespace: Namespace,
  remaining: readonly Remaining[],
  nowMs: number,
): NamespaceCondition[] {
  const counts = remaining
    .map(({ type, objects }) => `${nameOf(type)} has ${objects.length} resource instances`)
    .sort();
  const finalizers = new Map<string, number>();
  for (const object of remaining.flatMap(({ objects }) => objects)) {
    for (const name of object.metadata?.finalizers ?? []) {
      finalizers.set(name, (finalizers.get(name) ?? 0) + 1);
    }
  }
  const held = [...finalizers]
    .map(([name, count]) => `${name} in ${count} resource instances`)
    .sort();
  const condition = (type: string, is: boolean, reason: string, message: string) => {
    const before = namespace.status?.conditions?.find((each) => each.type === type);
    const status = is ? 'True' : 'False';
    const lastTransitionTime =
      before?.status === status ? before.lastTransitionTime : timestamp(nowMs);
    return { type, status, reason, message, ...(lastTransitionTime ? { lastTransitionTime } : {}) };
  };
  return [
    condition(
      'NamespaceContentRemaining',
      true,
      'SomeResourcesRemain',
      `Some resources are remaining: ${counts.join(', ')}`,
    ),
    held.length === 0
      ? condition(
          'NamespaceFinalizersRemaining',
          false,
          'ContentHasNoFinalizers',
          'All content-preserving finalizers finished',
        )
      : condition(
          'NamespaceFinalizersRemaining',
          true,
          'SomeFinalizersRemain',
          `Some content in the namespace has finalizers remaining: ${held.join(', ')}`,
        ),
  ];
}

function nameOf({ group, resource }: ResourceType<KubernetesObject>): string {
  return `${resource}.${group}`;
}

export function namespaceController(context: ControllerContext): Controller {
  const namespaces = context.informers.of(resources.namespaces);
  const pods = context.informers.of(resources.pods);
  const queue = newQueue(context, 'namespace-controller');
  const enqueue = (namespace: Namespace) => {
    if (isBeingDeleted(namespace)) queue.add(keyOf(namespace));
  };
  namespaces.addHandler({ onAdd: enqueue, onUpdate: (_before, namespace) => enqueue(namespace) });
  pods.addHandler({
    onDelete(pod) {
      const namespace = namespaces.get(meta(pod).namespace);
      if (namespace !== undefined) enqueue(namespace);
    },
  });
  return queueController(context, {
    name: 'namespace-controller',
    queue,
    informers: [namespaces, pods],
    workers: context.options.concurrentSyncs.namespace,
    async reconcile(name, signal) {
      const namespace = namespaces.get(name);
      if (namespace === undefined || !isBeingDeleted(namespace)) return;
      const next = plan(namespace, await contentsOf(context, name, signal), context.clock.now());
      switch (next.kind) {
        case 'none':
          return;
        case 'finalize':
          await finalize(context, next.namespace, signal);
          return;
        case 'empty':
          queue.addAfter(name, RETRY_MS);
          await describe(context, namespace, next.conditions, signal);
          for (const remaining of next.delete) await removeAll(context, remaining, signal);
          return;
        default:
          next satisfies never;
      }
    },
  });
}

async function contentsOf(
  { client }: ControllerContext,
  namespace: string,
  signal: AbortSignal,
): Promise<readonly Remaining[]> {
  const types: ResourceType<KubernetesObject>[] = Object.values(resources);
  return Promise.all(
    types
      .filter(({ namespaced }) => namespaced)
      .map(async (type) => {
        const { items } = await client.list(type, { namespace }, signal);
        return { type, objects: items };
      }),
  );
}

async function describe(
  { client }: ControllerContext,
  namespace: Namespace,
  conditions: readonly NamespaceCondition[],
  signal: AbortSignal,
): Promise<void> {
  if (sameData(namespace.status?.conditions, conditions)) return;
  const status = { ...namespace.status, conditions: [...conditions] };
  await client.updateStatus(resources.namespaces, { ...namespace, status }, signal);
}

/** Gone already is as good; the first other refusal is thrown, and everything is tried again. */
async function removeAll(
  { client }: ControllerContext,
  { type, objects }: Remaining,
  signal: AbortSignal,
): Promise<void> {
  const { error } = await slowStart(objects.length, async (index) => {
    const object = objects[index];
    if (object === undefined) return;
    try {
      await client.delete(
        type,
        refOf(object),
        { uid: meta(object).uid, propagationPolicy: 'Background' },
        signal,
      );
    } catch (failure) {
      if (!ApiError.is(failure, 'NotFound') && !ApiError.is(failure, 'Conflict')) throw failure;
    }
  });
  if (error !== undefined) throw error;
}

async function finalize(
  { client }: ControllerContext,
  namespace: Namespace,
  signal: AbortSignal,
): Promise<void> {
  try {
    await client.updateSubresource(resources.namespaces, namespace, 'finalize', signal);
  } catch (error) {
    if (!ApiError.is(error, 'NotFound')) throw error;
  }
}
