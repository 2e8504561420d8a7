// Namespace: empties a namespace that was deleted, then lets it go.
//
//   emptyNamespace()   find and delete everything, of whatever resources discovery shows (namespace-contents.ts)
//   plan()             what to say in the status, and whether the finalizer `kubernetes` may go
//   reconcile()        empty → plan → write the status → finalize, or look again later
//
// Pods keep their grace; whatever has finalizers is waited for. Nothing new can appear, as the API server refuses to create in a namespace
// that is going. A group that discovery knows nothing of may have objects there: so the namespace stays until it answers again, or
// somebody takes its registration away.
//
// Upstream: kubernetes, pkg/controller/namespace.

import { ApiError, keyOf, resources } from '@kube-labs/apiserver';
import type { Namespace, NamespaceCondition } from 'kubernetes-types/core/v1';
import {
  type Controller,
  type ControllerContext,
  newQueue,
  queueController,
} from './controller.ts';
import { isBeingDeleted, meta, sameData } from './meta.ts';
import { conditionsOf, type Findings } from './namespace-conditions.ts';
import { emptyNamespace } from './namespace-contents.ts';

const NAME = 'namespace-controller';
const FINALIZER = 'kubernetes';
/** Pods need their grace: look again soon, and at once when one goes. */
const RETRY_MS = 1_000;
/** As long as somebody else's server is away, nobody needs to wait longer than this for us. */
const FAILURE_RETRY_MAX_MS = 60_000;

export interface NamespacePlan {
  readonly conditions: readonly NamespaceCondition[];
  /** finalize: nothing is left. wait: something goes by itself. fail: something could not be found or deleted. */
  readonly next: 'finalize' | 'wait' | 'fail';
}

export function plan(namespace: Namespace, findings: Findings, nowMs: number): NamespacePlan {
  const conditions = conditionsOf(namespace, findings, nowMs);
  const { discovery, contentErrors, remaining } = findings;
  if (discovery !== undefined || contentErrors.length > 0) return { conditions, next: 'fail' };
  return { conditions, next: remaining.length > 0 ? 'wait' : 'finalize' };
}

/** Nothing to do for one that lives, nor for one that only others hold. */
export function isOurs(namespace: Namespace): boolean {
  return isBeingDeleted(namespace) && (namespace.spec?.finalizers ?? []).includes(FINALIZER);
}

export function namespaceController(context: ControllerContext): Controller {
  const { client, clock } = context;
  const namespaces = context.informers.of(resources.namespaces);
  const pods = context.informers.of(resources.pods);
  const queue = newQueue(context, NAME, { maxDelayMs: FAILURE_RETRY_MAX_MS });
  const enqueue = (namespace: Namespace) => {
    if (isOurs(namespace)) queue.add(keyOf(namespace));
  };
  namespaces.addHandler({ onAdd: enqueue, onUpdate: (_before, namespace) => enqueue(namespace) });
  pods.addHandler({
    onDelete(pod) {
      const namespace = namespaces.get(meta(pod).namespace);
      if (namespace !== undefined) enqueue(namespace);
    },
  });
  return queueController(context, {
    name: NAME,
    queue,
    informers: [namespaces, pods],
    workers: context.options.concurrentSyncs.namespace,
    async reconcile(name, signal) {
      const namespace = namespaces.get(name);
      if (namespace === undefined || !isOurs(namespace)) return;
      const findings = await emptyNamespace({ client, nowMs: () => clock.now() }, name, signal);
      const { conditions, next } = plan(namespace, findings, clock.now());
      const described = await describe(context, namespace, conditions, signal);
      switch (next) {
        case 'finalize':
          await finalize(context, described, signal);
          return;
        case 'wait':
          queue.addAfter(name, RETRY_MS);
          return;
        case 'fail':
          throw new Error(`Cannot empty namespace ${name}: ${reasonsOf(findings)}`);
        default:
          next satisfies never;
      }
    },
  });
}

function reasonsOf({ discovery, contentErrors }: Findings): string {
  return [...(discovery === undefined ? [] : [discovery.message]), ...contentErrors].join(', ');
}

async function describe(
  { client }: ControllerContext,
  namespace: Namespace,
  conditions: readonly NamespaceCondition[],
  signal: AbortSignal,
): Promise<Namespace> {
  if (sameData(namespace.status?.conditions, conditions)) return namespace;
  const status = { ...namespace.status, conditions: [...conditions] };
  return await client.updateStatus(resources.namespaces, { ...namespace, status }, signal);
}

async function finalize(
  { client }: ControllerContext,
  namespace: Namespace,
  signal: AbortSignal,
): Promise<void> {
  const others = (namespace.spec?.finalizers ?? []).filter((name) => name !== FINALIZER);
  const finalized = { ...namespace, spec: { ...namespace.spec, finalizers: others } };
  try {
    await client.updateSubresource(resources.namespaces, finalized, 'finalize', signal);
  } catch (error) {
    if (!ApiError.is(error, 'NotFound')) throw error;
  }
}
