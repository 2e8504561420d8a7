// eviction: pods/NAME/eviction: a delete that asks first whether the pod may be missed.
//
// A budget's status says how many of its pods may go now; an eviction takes one of these away before it deletes the pod, in a write that
// only one of two evictions can win. The budget's controller, which counts pods, gives it back when the pod is gone and replaced.
//
// Pods that run nothing (pending, finished, on their way out) are nobody's loss, and go without asking. A pod that is not ready may go
// when its budget is met without it, or when the budget says so.
//
// Same idea upstream: registry/core/pod/storage/eviction.go.

import type { Pod } from 'kubernetes-types/core/v1';
import type { Condition, DeleteOptions } from 'kubernetes-types/meta/v1';
import type { Eviction, PodDisruptionBudget } from 'kubernetes-types/policy/v1';
import { ApiError, badRequest, forbidden } from '../api-error.ts';
import { SYSTEM_USER } from '../auth/user.ts';
import type { KubernetesObject } from '../client/resources.ts';
import { matchesSelector } from '../client/selectors.ts';
import { decodeObject } from '../codec/decode.ts';
import { formatTime, mutableCopy } from '../registry/api-object.ts';
import { list } from '../registry/list.ts';
import { ObjectFilter } from '../registry/object-filter.ts';
import type { Registry } from '../registry/registry.ts';
import type { StoredObject } from '../registry/stored-object.ts';
import type { WriteOptions } from '../registry/write-options.ts';
import type { HandlerEnv, StoredContext } from './handler.ts';
import { bodyOf, dryRunOf, fieldValidationOf, refOf, writeOptions } from './request-context.ts';
import { send } from './responses.ts';

const EVICTION = { group: 'policy', version: 'v1', kind: 'Eviction' };
const VIOLATES = "Cannot evict pod as it would violate the pod's disruption budget.";
const TOO_MANY_BUDGETS =
  'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.';
/** More evictions than that are on their way: the controller does not keep up. */
const DISRUPTED_PODS_MAX = 2000;
const BUSY_RETRY_SECONDS = 10;
const ALLOWED = 'DisruptionAllowed';

/** POST pods/NAME/eviction */
export async function evictionSubresource(context: StoredContext, env: HandlerEnv): Promise<void> {
  const { registry, info } = context;
  const { bytes, contentType } = await bodyOf(context);
  const decoded = decodeObject(bytes, contentType, EVICTION, fieldValidationOf(context));
  const eviction = decoded.object as Eviction;
  if (eviction.metadata?.name && eviction.metadata.name !== info.name) {
    throw badRequest('name in URL does not match name in Eviction object');
  }
  const options: DeleteOptions = eviction.deleteOptions ?? {};
  const write = writeOptions(context);
  const dryRun = write.dryRun || dryRunOf(options.dryRun ?? []);
  await admit(context, env, decoded.object, dryRun);

  const { object } = await registry.get(refOf(context));
  const pod = object as Pod;
  if (!goesWithoutAsking(pod)) await askBudget(pod, env, dryRun, context.now());
  if (!dryRun && pod.metadata?.deletionTimestamp === undefined) await markPod(context, write);
  await registry.delete(refOf(context), options, { ...write, dryRun });
  const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' };
  await send(context.request, context.response, { status: 201, body: { ...status, code: 201 } });
}

/** An eviction is made, so admission hears of a CREATE; that a pod is deleted it hears from the registry. */
async function admit(
  { served, info, user }: StoredContext,
  { admission }: HandlerEnv,
  object: KubernetesObject,
  dryRun: boolean,
): Promise<void> {
  const { name = '', namespace } = info;
  const request = {
    operation: 'CREATE' as const,
    definition: served.definition,
    subresource: 'eviction',
    name,
    user,
    dryRun,
    object,
    requestKind: EVICTION,
    ...(namespace === undefined ? {} : { namespace }),
  };
  await admission.mutate(request);
  await admission.validate(request);
}

function goesWithoutAsking({ metadata, status }: Pod): boolean {
  if (metadata?.deletionTimestamp !== undefined) return true;
  return ['Succeeded', 'Failed', 'Pending'].includes(status?.phase ?? '');
}

/** Returns when the pod may go; throws what the client shall hear when it may not. */
async function askBudget(
  pod: Pod,
  { table }: HandlerEnv,
  dryRun: boolean,
  nowMs: number,
): Promise<void> {
  const registry = table.registry('policy', 'poddisruptionbudgets');
  const [budget, ...others] = await budgetsOf(pod, registry);
  if (budget === undefined) return;
  // Upstream's 500 with upstream's words. Nothing in the server is at fault, and no later try will do.
  if (others.length > 0) throw badRequest(TOO_MANY_BUDGETS);
  if (!isReady(pod) && mayGoUnready(budget)) return;
  const { name = '', namespace = '' } = budget.metadata ?? {};
  const change = ({ object }: StoredObject): KubernetesObject =>
    withOneLess(mutableCopy(object) as PodDisruptionBudget, pod.metadata?.name ?? '', nowMs);
  const options = { user: SYSTEM_USER, dryRun, scope: 'status' as const, subresource: 'status' };
  await registry.update({ name, namespace }, change, options);
}

async function budgetsOf(
  pod: Pod,
  { definition, storage }: Registry,
): Promise<PodDisruptionBudget[]> {
  const { namespace, labels = {} } = pod.metadata ?? {};
  const filter = new ObjectFilter(definition, namespace === undefined ? {} : { namespace });
  const { items } = await list(storage, filter, {});
  return items
    .map(({ object }) => object as PodDisruptionBudget)
    .filter(({ spec }) => spec?.selector !== undefined && matchesSelector(spec.selector, labels));
}

function isReady({ status }: Pod): boolean {
  return (status?.conditions ?? []).some(
    (condition) => condition.type === 'Ready' && condition.status === 'True',
  );
}

function mayGoUnready({ spec, status }: PodDisruptionBudget): boolean {
  if (spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true;
  const { currentHealthy = 0, desiredHealthy = 0 } = status ?? {};
  return desiredHealthy > 0 && currentHealthy >= desiredHealthy;
}

/** Exported for its table of cases: the budget with this pod counted as gone. */
export function withOneLess(
  budget: PodDisruptionBudget,
  podName: string,
  nowMs: number,
): KubernetesObject {
  const { metadata, status } = budget;
  const name = metadata?.name ?? '';
  const allowed = status?.disruptionsAllowed ?? 0;
  const observed = status?.observedGeneration ?? 0;
  if (observed < (metadata?.generation ?? 0)) {
    const why = `The disruption budget ${name} is still being processed by the server.`;
    throw violates(why, BUSY_RETRY_SECONDS);
  }
  const at = { group: 'policy', resource: 'poddisruptionbudget' };
  if (allowed < 0) throw forbidden(at, name, 'pdb disruptions allowed is negative');
  if (Object.keys(status?.disruptedPods ?? {}).length > DISRUPTED_PODS_MAX) {
    const why = 'DisruptedPods map too big - too many evictions not confirmed by PDB controller';
    throw forbidden(at, name, why);
  }
  if (allowed === 0) throw violates(reasonOf(budget));
  const now = formatTime(nowMs);
  const conditions =
    allowed > 1
      ? status?.conditions
      : withCondition(status?.conditions ?? [], {
          type: ALLOWED,
          status: 'False',
          reason: 'InsufficientPods',
          message: '',
          lastTransitionTime: now,
          observedGeneration: observed,
        });
  return {
    ...budget,
    status: {
      ...status,
      disruptionsAllowed: allowed - 1,
      disruptedPods: { ...status?.disruptedPods, [podName]: now },
      ...(conditions === undefined ? {} : { conditions }),
    },
  } as KubernetesObject;
}

function reasonOf({ metadata, status }: PodDisruptionBudget): string {
  const name = metadata?.name ?? '';
  const failed = (status?.conditions ?? []).find(
    ({ type, reason }) => type === ALLOWED && reason === 'SyncFailed',
  );
  if (failed !== undefined) {
    return `The disruption budget ${name} does not allow evicting pods currently because it failed sync: ${failed.message}`;
  }
  const { desiredHealthy = 0, currentHealthy = 0 } = status ?? {};
  return `The disruption budget ${name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`;
}

function violates(message: string, retryAfterSeconds?: number): ApiError {
  return new ApiError('TooManyRequests', VIOLATES, {
    details: {
      causes: [{ reason: 'DisruptionBudget', message }],
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    },
  });
}

/** The time of a condition is that of its last turn. */
function withCondition(conditions: readonly Condition[], next: Condition): Condition[] {
  const before = conditions.find(({ type }) => type === next.type);
  const same = before !== undefined && before.status === next.status;
  const kept = same ? { ...next, lastTransitionTime: before.lastTransitionTime } : next;
  return [...conditions.filter(({ type }) => type !== next.type), kept];
}

/** Controllers tell a pod that was asked to go from one that failed by this condition. */
async function markPod(context: StoredContext, options: WriteOptions): Promise<void> {
  const change = ({ object }: StoredObject): KubernetesObject => {
    const pod = mutableCopy(object) as Pod;
    const condition = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'EvictionByEvictionAPI',
      message: 'Eviction API: evicting',
      lastTransitionTime: formatTime(context.now()),
      lastProbeTime: null,
    };
    const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== condition.type);
    return {
      ...pod,
      status: { ...pod.status, conditions: [...others, condition] },
    } as KubernetesObject;
  };
  const { user } = options;
  await context.registry.update(refOf(context), change, { user, dryRun: false, scope: 'raw' });
}
