// reconcileKeys: the frame of a small controller inside the server: caches say which keys to look at, one piece of work at a time.
//
// A source tells for an object that came, changed or went which keys that concerns. A key carries no data: whoever works on it looks at the
// current state, so that it is safe to run any number of times, and beside other servers on the same store. What fails is tried again later.
//
// Same idea upstream: client-go's informers before a work queue (sample-controller).

import { ApiError } from '../api-error.ts';
import { followCache } from '../authz/follow-cache.ts';
import type { ObjectRef } from '../client/resources.ts';
import { WorkQueue } from '../client/work-queue.ts';
import type { ReadonlyApiObject } from '../registry/api-object.ts';
import type { Registry } from '../registry/registry.ts';
import type { HookEnv } from '../server/post-start-hooks.ts';

export interface KeySource {
  readonly registry: Registry;
  /** For an object that is there. */
  keysOf?(object: ReadonlyApiObject): readonly string[];
  /** For one that is there no more. */
  keysOfGone?(object: ReadonlyApiObject): readonly string[];
}

export interface KeyReconciler {
  readonly name: string;
  readonly sources: readonly KeySource[];
  reconcile(key: string): Promise<void>;
}

const DELAYS = { baseDelayMs: 50, maxDelayMs: 60_000 };

/** Until the signal aborts. */
export async function reconcileKeys(
  { clock, log }: Pick<HookEnv, 'clock' | 'log'>,
  { name, sources, reconcile }: KeyReconciler,
  signal: AbortSignal,
): Promise<void> {
  const queue = new WorkQueue({ name, clock, ...DELAYS });
  const add = (keys: readonly string[] = []): void => {
    for (const key of keys) queue.add(key);
  };
  for (const { registry, keysOf, keysOfGone } of sources) {
    const follower = {
      set: (object: ReadonlyApiObject) => add(keysOf?.(object)),
      delete: (object: ReadonlyApiObject) => add(keysOfGone?.(object)),
    };
    followCache(registry.storage.cache, follower, signal).catch((error: unknown) => {
      if (!signal.aborted) log.warn('Cannot follow a resource', { name, error });
    });
  }
  await queue.run({ workers: 1, log }, (key) => reconcile(key), signal);
}

/** Today's state from the store itself, which may be ahead of the caches. */
export async function readToday(
  registry: Registry,
  ref: ObjectRef,
): Promise<ReadonlyApiObject | undefined> {
  try {
    return (await registry.get(ref)).object;
  } catch (error) {
    if (ApiError.is(error, 'NotFound')) return undefined;
    throw error;
  }
}

/** For writes that another may have made unnecessary: what is there then is looked at anyway. */
export async function unlessTooLate(write: Promise<unknown>): Promise<void> {
  try {
    await write;
  } catch (error) {
    const isLate = (['NotFound', 'Conflict', 'AlreadyExists'] as const).some((reason) =>
      ApiError.is(error, reason),
    );
    if (!isLate) throw error;
  }
}
