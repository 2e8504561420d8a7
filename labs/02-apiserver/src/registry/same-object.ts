// same-object: whether a write would change anything.
//
// Same rule upstream: apiserver, storage/etcd3/store.go (GuaranteedUpdate compares the bytes) and endpoints/handlers/fieldmanager/equality.go.

import type { ManagedFieldsEntry } from 'kubernetes-types/meta/v1';
import { sameJson } from '../apply/typed-compare.ts';
import type { KubernetesObject } from '../client/resources.ts';
import type { ReadonlyApiObject } from './api-object.ts';

/**
 * A write that changes nothing does not happen: no new revision, no event, as upstream. That somebody said again what they
 * had said, which shows only in the time of their entry in managedFields, is nothing.
 */
export function isSame(next: KubernetesObject, old: ReadonlyApiObject): boolean {
  const [list, oldList] = [next.metadata?.managedFields, old.metadata.managedFields];
  return sameJson(timeless(list), timeless(oldList)) && sameJson(listless(next), listless(old));
}

function timeless(list: readonly ManagedFieldsEntry[] | undefined): object[] | undefined {
  return list?.map(({ time: _, ...entry }) => entry);
}

function listless(object: KubernetesObject | ReadonlyApiObject): object {
  const { managedFields: _, ...metadata } = object.metadata ?? {};
  return { ...object, metadata };
}
