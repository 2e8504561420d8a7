// build-resources: the table of the resources that the server offers, each with its registry, storage and watch cache.
//
// All registries share one admission chain. It may look into the table (namespaces, say), so it is made with the table at hand.
//
// Same idea upstream: controlplane/apiserver/server.go, which makes a storage for every resource from one RESTOptionsGetter.

import type { KeyValueStore, Logger } from '@kube-labs/store';
import type { AdmissionChain } from '../admission/admission.ts';
import type { Clock } from '../client/clock.ts';
import type { Transformer } from '../encryption/transformer.ts';
import { EventLease } from './event-lease.ts';
import { migrateKeysUntilDone } from './key-migration.ts';
import { Registry } from './registry.ts';
import type { ResourceDefinition } from './resource-definition.ts';
import { ResourceTable } from './resource-table.ts';
import { RESOURCES } from './resources.ts';
import { Storage } from './storage.ts';
import { WatchCache } from './watch-cache.ts';
import type { WriteCompanion } from './write-companion.ts';

export interface ResourceDeps {
  readonly store: KeyValueStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly admission: (table: ResourceTable) => AdmissionChain;
  /** Default: all that this server knows. */
  readonly definitions?: readonly ResourceDefinition[];
  /** Writes that belong to the objects' own: the addresses of services, the counts of quota. */
  readonly companionsOf?: (definition: ResourceDefinition) => readonly WriteCompanion[];
  /** Instead of the declared time to live of those resources that have one. */
  readonly eventTtlSeconds?: number;
  /** Encryption at rest, a resource. */
  readonly transformerOf?: (definition: ResourceDefinition) => Transformer | undefined;
}

export function buildResourceTable(deps: ResourceDeps): ResourceTable {
  let admission: AdmissionChain | undefined;
  return new ResourceTable({
    definitions: deps.definitions ?? RESOURCES,
    createRegistry: (definition, table) => {
      admission ??= deps.admission(table);
      return createRegistry(definition, admission, deps);
    },
    beforeStart: (signal) => migrateKeysUntilDone(deps.store, deps.log, signal),
  });
}

function createRegistry(
  definition: ResourceDefinition,
  admission: AdmissionChain,
  { store, clock, log, companionsOf, eventTtlSeconds, transformerOf }: ResourceDeps,
): Registry {
  const { storagePrefix: prefix, ttlSeconds, readStored } = definition;
  const transformer = transformerOf?.(definition);
  const cache = new WatchCache({ store, prefix, log, clock, transformer, readStored });
  const lease =
    ttlSeconds === undefined
      ? undefined
      : new EventLease(store, eventTtlSeconds ?? ttlSeconds, clock);
  const storage = new Storage(store, cache, { lease, transformer, readStored });
  const companions = companionsOf?.(definition) ?? [];
  return new Registry({ definition, storage, admission, clock, companions });
}
