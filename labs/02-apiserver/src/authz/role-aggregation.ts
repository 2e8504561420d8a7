// role-aggregation: keeps the rules of aggregated cluster roles the sum of those that they select.
//
// Whenever a cluster role changes, every aggregated role is computed again; there are few of them. A role may be part of another
// aggregated one (view of edit, edit of admin), which the change of the first makes follow. Roles cannot chase each other for ever:
// each round only takes over what its parts have, and a role is never part of itself.
//
// Upstream has this in the controller manager (pkg/controller/clusterroleaggregation); here it is a post-start hook, because admin, edit
// and view would be empty without it. Both may run beside each other: they come to the same rules.

import type { ClusterRole } from 'kubernetes-types/rbac/v1';
import { ApiError } from '../api-error.ts';
import { SYSTEM_USER } from '../auth/user.ts';
import { sleep } from '../client/clock.ts';
import { matchesSelector } from '../client/selectors.ts';
import { mutableCopy } from '../registry/api-object.ts';
import type { Registry } from '../registry/registry.ts';
import type { HookEnv, PostStartHook } from '../server/post-start-hooks.ts';
import { sameValue } from '../strategy/equality.ts';
import { followCache } from './follow-cache.ts';
import { RBAC_GROUP } from './rbac-index.ts';
import { aggregatedRules } from './reconcile.ts';

const OPTIONS = { user: SYSTEM_USER, dryRun: false, scope: 'object' as const };
const RETRY_DELAY_MS = 1000;

export function roleAggregation(): PostStartHook {
  return {
    name: 'rbac/aggregate-roles',
    start: run,
    // It goes on for ever. Nobody waits for it: the default roles are complete when they are made.
    ready: () => undefined,
  };
}

async function run({ table, log }: HookEnv, signal: AbortSignal): Promise<void> {
  const registry = table.registry(RBAC_GROUP, 'clusterroles');
  const changes = new Signal();
  const follower = { set: () => changes.raise(), delete: () => changes.raise() };
  await followCache(registry.storage.cache, follower, signal);
  const wake = () => changes.raise();
  signal.addEventListener('abort', wake, { once: true });
  while (!signal.aborted) {
    changes.lower();
    try {
      // What a round changes comes back as events, for the roles that it is part of.
      await aggregateAll(registry);
    } catch (error) {
      log.warn('Cannot aggregate cluster roles, it is tried again', { error });
      await sleep(RETRY_DELAY_MS, signal);
      changes.raise();
    }
    await changes.raised();
  }
}

/** Brings every aggregated role up to date with what the cache has. */
async function aggregateAll(registry: Registry): Promise<void> {
  const roles = registry.storage.cache.list().map(({ object }) => object as ClusterRole);
  for (const role of roles) {
    if (role.aggregationRule === undefined) continue;
    const rules = aggregatedRules(role, roles, matchesSelector);
    if (!sameValue(rules, role.rules)) await update(registry, role, rules);
  }
}

async function update(
  registry: Registry,
  role: ClusterRole,
  rules: NonNullable<ClusterRole['rules']>,
): Promise<void> {
  const ref = { name: role.metadata?.name ?? '' };
  try {
    await registry.update(
      ref,
      ({ object }) => Object.assign(mutableCopy(object), { rules: structuredClone(rules) }),
      OPTIONS,
    );
  } catch (error) {
    // It went away meanwhile: its event is on the way.
    if (!ApiError.is(error, 'NotFound')) throw error;
  }
}

/** Something happened, once or many times; one waits for it. */
class Signal {
  #isRaised = false;
  #wake: (() => void) | undefined;

  raise(): void {
    this.#isRaised = true;
    this.#wake?.();
  }

  lower(): void {
    this.#isRaised = false;
  }

  async raised(): Promise<void> {
    if (this.#isRaised) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = undefined;
  }
}
