// quota controller: counts what is there when a quota is new or limits something else, and everything again now and then.
//
// The ledger keeps a quota right from then on. Counting again is for what no ledger saw: objects that went away by themselves, or that a
// server without the plugin wrote.
//
// Same purpose upstream: pkg/controller/resourcequota, which is part of the controller manager there. Here it is the server's own, so that
// `used` is there whoever runs beside it.

import type { ResourceQuota } from 'kubernetes-types/core/v1';
import { ApiError } from '../../api-error.ts';
import { SYSTEM_USER } from '../../auth/user.ts';
import { sleep } from '../../client/clock.ts';
import type { Registry } from '../../registry/registry.ts';
import type { StoredObject } from '../../registry/stored-object.ts';
import type { HookEnv, PostStartHook } from '../../server/post-start-hooks.ts';
import { isCounted, type QuotaLedger, withStatus } from './ledger.ts';

const RESYNC_MS = 5 * 60_000;
/** After a failure. */
const RETRY_MS = 1000;
const OPTIONS = {
  user: SYSTEM_USER,
  dryRun: false,
  scope: 'status',
  subresource: 'status',
} as const;

export function quotaController(ledger: QuotaLedger): PostStartHook {
  return {
    name: 'quota-usage',
    start: (env, signal) => run(ledger, env, signal),
    // Nobody has to wait: what is not counted yet is counted by the first write that needs it.
    ready() {},
  };
}

async function run(ledger: QuotaLedger, env: HookEnv, signal: AbortSignal): Promise<void> {
  const registry = env.table.registry('', 'resourcequotas');
  while (!signal.aborted) {
    try {
      await follow(ledger, registry, env, signal);
    } catch (error) {
      if (signal.aborted) return;
      env.log.warn('Cannot count what quotas limit, it is tried again', { error });
      await sleep(RETRY_MS, signal, env.clock);
    }
  }
}

/** Until the cache loses track of the store. */
async function follow(
  ledger: QuotaLedger,
  registry: Registry,
  { clock }: HookEnv,
  signal: AbortSignal,
): Promise<void> {
  const { cache } = registry.storage;
  await cache.ready();
  const pending = new Map<string, ResourceQuota>();
  let wake = new AbortController();
  let hasEnded = false;
  const unsubscribe = cache.subscribe(cache.revision, {
    onEvent({ type, current: { key, object } }) {
      const quota = object as unknown as ResourceQuota;
      if (type === 'DELETED' || isCounted(quota)) pending.delete(key);
      else pending.set(key, quota);
      if (pending.size > 0) wake.abort();
    },
    onEnd() {
      hasEnded = true;
      wake.abort();
    },
  });
  let dueMs = clock.now();
  try {
    while (!signal.aborted && !hasEnded) {
      if (clock.now() >= dueMs) {
        for (const { key, object } of cache.list()) pending.set(key, object as ResourceQuota);
        dueMs = clock.now() + RESYNC_MS;
      }
      wake = new AbortController();
      for (const [key, quota] of pending) {
        pending.delete(key);
        await recount(ledger, registry, quota);
      }
      await sleep(dueMs - clock.now(), AbortSignal.any([signal, wake.signal]), clock);
    }
  } finally {
    unsubscribe();
  }
}

async function recount(
  ledger: QuotaLedger,
  registry: Registry,
  quota: ResourceQuota,
): Promise<void> {
  const { name = '', namespace = '' } = quota.metadata ?? {};
  const change = async ({ object }: StoredObject) => {
    const current = object as unknown as ResourceQuota;
    return withStatus(current, await ledger.count(current));
  };
  try {
    await registry.update({ name, namespace }, change, OPTIONS);
  } catch (error) {
    if (!ApiError.is(error, 'NotFound')) throw error;
  }
}
