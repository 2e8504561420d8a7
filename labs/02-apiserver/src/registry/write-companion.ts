// write-companion: writes that belong to an object's own write, in the same transaction.
//
// The address of a service, the count of a quota: either both are written or neither. A companion says before the transaction what must
// be true and what is written besides; what it holds meanwhile it gives back afterwards, whatever became of it.
//
// Same idea upstream: registry/core/service/storage (transaction.go, alloc.go), which writes one after the other and repairs later.

import type { KubernetesObject } from '../client/resources.ts';
import type { ReadonlyApiObject } from './api-object.ts';
import type { TxnParts } from './storage.ts';

/** What a companion adds to the transaction of an object. */
export interface CompanionParts extends TxnParts {
  /** Called once the transaction is decided, or will not happen: what was held for it is free. */
  readonly release?: () => void;
}

/** Writes that belong to an object's own write, like the allocation of its address. */
export interface WriteCompanion {
  /** May fill in `next`, which is undefined when the object is removed. Called again, as `attempt` 2, when the transaction is lost. */
  prepare(
    next: KubernetesObject | undefined,
    current: ReadonlyApiObject | undefined,
    attempt: number,
  ): Promise<CompanionParts>;
}

export interface Change {
  readonly next: KubernetesObject | undefined;
  readonly current: ReadonlyApiObject | undefined;
  readonly attempt: number;
}

/** Does something with what all companions add, in their order: a later one sees what an earlier one filled in. */
export async function withCompanions<T>(
  companions: readonly WriteCompanion[],
  { next, current, attempt }: Change,
  act: (parts: TxnParts) => Promise<T>,
): Promise<T> {
  const all: CompanionParts[] = [];
  try {
    for (const companion of companions) {
      all.push(await companion.prepare(next, current, attempt));
    }
    const compare = all.flatMap((one) => one.compare);
    return await act({ compare, ops: all.flatMap((one) => one.ops) });
  } finally {
    for (const { release } of all) release?.();
  }
}
