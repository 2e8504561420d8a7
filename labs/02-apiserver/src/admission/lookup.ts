// lookup: what admission plugins find in the caches of the server: the objects of a namespace, or one by its name.
//
// The cache answers for what it knows. What it does not know may have been made a moment ago, so a single object is then looked up in
// the store.
//
// Same idea upstream: the listers of admission plugins with their live lookups (limitranger, namespace lifecycle).

import type { ReadonlyApiObject } from '../registry/api-object.ts';
import type { Registry } from '../registry/registry.ts';
import { collectionPrefix, objectKey } from '../registry/resource-definition.ts';
import type { ResourceTable } from '../registry/resource-table.ts';

export interface Lookup {
  readonly table: ResourceTable;
}

export async function findObject(
  { definition, storage }: Registry,
  ref: { readonly namespace?: string; readonly name: string },
): Promise<ReadonlyApiObject | undefined> {
  const key = objectKey(definition, ref);
  return (storage.cache.get(key) ?? (await storage.get(key)))?.object;
}

/** All of a namespace, or of the cluster, that the cache knows; waits for one that is not full yet, as at the start of the server. */
export async function cachedObjects(
  { definition, storage }: Registry,
  namespace?: string,
): Promise<readonly ReadonlyApiObject[]> {
  await storage.cache.ready();
  return storage.cache.list(collectionPrefix(definition, namespace)).map(({ object }) => object);
}

export async function labelsOfNamespace(
  { table }: Lookup,
  name: string,
): Promise<Readonly<Record<string, string>> | undefined> {
  const found = await findObject(table.registry('', 'namespaces'), { name });
  return found === undefined ? undefined : (found.metadata.labels ?? {});
}
