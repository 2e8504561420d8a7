// bootstrap-roles: the post-start hook that makes the default roles and bindings, or adds what is missing in them.
//
// Several servers may do so at once on one store: whoever comes second finds the object there and compares. What the
// administrator protected (autoupdate=false) is left alone, and the log says what it lacks.
//
// Same idea upstream: pkg/registry/rbac/rest/storage_rbac.go (rbac/bootstrap-roles).

import type { ClusterRole, Role } from 'kubernetes-types/rbac/v1';
import { ApiError } from '../api-error.ts';
import { SYSTEM_USER } from '../auth/user.ts';
import { sleep } from '../client/clock.ts';
import type { ObjectRef } from '../client/resources.ts';
import { matchesSelector } from '../client/selectors.ts';
import { mutableCopy } from '../registry/api-object.ts';
import type { Registry } from '../registry/registry.ts';
import { objectKey } from '../registry/resource-definition.ts';
import type { PostStartHook } from '../server/post-start-hooks.ts';
import type { ServerEnv } from '../server/server-env.ts';
import { DEFAULT_POLICY, type DefaultPolicy } from './rbac-data/default-policy.ts';
import { RBAC_GROUP } from './rbac-index.ts';
import {
  type AnyBinding,
  type AnyRole,
  type BindingPlan,
  planBinding,
  planRole,
  withAggregatedRules,
} from './reconcile.ts';

const OPTIONS = { user: SYSTEM_USER, dryRun: false };
const ATTEMPTS_MAX = 3;
const CACHE_CHECK_MS = 5;
/** Writes under way at once: a store syncs several for the price of one. */
const WRITES_AT_ONCE = 32;

type Plan<T> = (existing: T | undefined, expected: T) => BindingPlan<T>;
type Env = Pick<ServerEnv, 'log' | 'table'>;

export function bootstrapRoles(policy: DefaultPolicy = DEFAULT_POLICY): PostStartHook {
  return {
    name: 'rbac/bootstrap-roles',
    async start(env, signal) {
      await ensurePolicy(env, policy);
      // The server is ready when the authorizers know them, and those read the caches.
      while (!signal.aborted && !isCached(env, policy)) await sleep(CACHE_CHECK_MS, signal);
    },
  };
}

function isCached({ table }: Env, policy: DefaultPolicy): boolean {
  return Object.entries(policy).every(([name, objects]: [string, readonly AnyRole[]]) => {
    const { definition, storage } = table.registry(RBAC_GROUP, name.toLowerCase());
    return objects.every(
      (object) => storage.cache.get(objectKey(definition, refOf(object))) !== undefined,
    );
  });
}

/** Safe to run at any time, by any number of servers. */
export async function ensurePolicy(env: Env, policy: DefaultPolicy): Promise<void> {
  const registry = (resource: string) => env.table.registry(RBAC_GROUP, resource);
  const { clusterRoles, clusterRoleBindings, roles, roleBindings } = policy;
  const complete = withAggregatedRules(clusterRoles, matchesSelector);
  await ensureAll<ClusterRole>(env, registry('clusterroles'), complete, planRole);
  await ensureAll(env, registry('clusterrolebindings'), clusterRoleBindings, planBinding);
  await ensureAll<Role>(env, registry('roles'), roles, planRole);
  await ensureAll(env, registry('rolebindings'), roleBindings, planBinding);
}

async function ensureAll<T extends AnyRole | AnyBinding>(
  env: Env,
  registry: Registry,
  wanted: readonly T[],
  plan: Plan<T>,
): Promise<void> {
  const waiting = [...wanted];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      await ensure(env, registry, next, plan);
    }
  };
  await Promise.all(Array.from({ length: WRITES_AT_ONCE }, worker));
}

async function ensure<T extends AnyRole | AnyBinding>(
  { log }: Env,
  registry: Registry,
  expected: T,
  plan: Plan<T>,
): Promise<void> {
  const ref = refOf(expected);
  const what = `${registry.definition.resource} ${ref.namespace ?? ''}/${ref.name}`;
  for (let attempt = 1; ; attempt += 1) {
    const next = plan(await current<T>(registry, ref), expected);
    try {
      if (next.kind === 'protected') log.warn(`Default ${what} is protected and not complete`);
      else await carryOut(registry, ref, next);
      return;
    } catch (error) {
      // Another server was quicker; look again.
      const raced = ['AlreadyExists', 'Conflict', 'NotFound'] as const;
      const again = raced.some((reason) => ApiError.is(error, reason));
      if (!again || attempt >= ATTEMPTS_MAX) throw error;
    }
  }
}

async function carryOut<T extends AnyRole | AnyBinding>(
  registry: Registry,
  ref: ObjectRef,
  plan: Exclude<BindingPlan<T>, { kind: 'protected' }>,
): Promise<void> {
  switch (plan.kind) {
    case 'none':
      return;
    case 'create':
      await registry.create(structuredClone(plan.object), ref.namespace, OPTIONS);
      return;
    case 'update':
      // The plan carries the resourceVersion that it saw, so a change made meanwhile is a conflict.
      await registry.update(ref, () => structuredClone(plan.object), {
        ...OPTIONS,
        scope: 'object',
      });
      return;
    case 'recreate':
      await registry.delete(ref, {}, OPTIONS);
      await registry.create(structuredClone(plan.object), ref.namespace, OPTIONS);
      return;
    default:
      plan satisfies never;
  }
}

async function current<T>(registry: Registry, ref: ObjectRef): Promise<T | undefined> {
  try {
    const { object } = await registry.get(ref);
    return mutableCopy(object) as T;
  } catch (error) {
    if (ApiError.is(error, 'NotFound')) return undefined;
    throw error;
  }
}

function refOf({ metadata }: AnyRole | AnyBinding): ObjectRef {
  const { name = '', namespace } = metadata ?? {};
  return namespace === undefined ? { name } : { name, namespace };
}
