// QuotaLedger: charges a write to the quotas of its namespace, in the write's own transaction.
//
// What is used is the quota's status. It is written together with the object, under the condition that nobody else charged the quota
// meanwhile, so it is never exceeded, however many servers write at once, and what goes away is given back in the same moment.
//
// Invariants:
//   1. a quota's status.used, once it covers what spec.hard names, is exactly what is in the namespace: every write that changes it
//      changes the quota too, and counting anew compares the quota's revision.
//   2. no object is written past a quota that its writer did not know: the transaction compares that no quota of the namespace is
//      younger than what was looked at.
//   3. writes to one namespace with quotas wait for each other in this server, for else most of them would lose.
//
// Same purpose upstream: apiserver, admission/plugin/resourcequota, which writes the status before the object, and a controller that
// finds out later what was not written after all or has gone.

import { type KeyValue, type Op, prefixEnd } from '@kube-labs/store';
import type { ResourceQuota } from 'kubernetes-types/core/v1';
import { forbidden } from '../../api-error.ts';
import type { KubernetesObject } from '../../client/resources.ts';
import { mutableCopy, type ReadonlyApiObject } from '../../registry/api-object.ts';
import { list } from '../../registry/list.ts';
import { ObjectFilter } from '../../registry/object-filter.ts';
import type { Registry } from '../../registry/registry.ts';
import { collectionPrefix, type ResourceDefinition } from '../../registry/resource-definition.ts';
import type { ResourceTable } from '../../registry/resource-table.ts';
import type { StoredObject } from '../../registry/stored-object.ts';
import type { CompanionParts, WriteCompanion } from '../../registry/write-companion.ts';
import type { Amounts } from '../amounts.ts';
import { chargeQuota, countUsed, type Write } from './charge.ts';
import { kindOfName } from './usage.ts';

const QUOTAS = { group: '', resource: 'resourcequotas' };

interface Seen {
  readonly quotas: readonly StoredObject[];
  readonly revision: number;
}

export class QuotaLedger {
  readonly #table: () => ResourceTable;
  /** Namespaces whose quotas this server wrote: its cache may not know them yet. */
  readonly #written = new Set<string>();
  /** The end of the last write that waits or works, by namespace. */
  readonly #queues = new Map<string, Promise<void>>();

  constructor(table: () => ResourceTable) {
    this.#table = table;
  }

  /** Undefined for what no quota counts. */
  companionOf(definition: ResourceDefinition): WriteCompanion | undefined {
    if (!definition.namespaced || definition.resource === 'events') return undefined;
    return {
      prepare: (next, current, attempt) =>
        this.#prepare(
          { definition, next: next as ReadonlyApiObject | undefined, current },
          attempt,
        ),
    };
  }

  async #prepare(write: Write, attempt: number): Promise<CompanionParts> {
    const namespace = (write.next ?? write.current)?.metadata.namespace ?? '';
    if (isQuota(write.definition)) this.#written.add(namespace);
    const cached = this.#cached(namespace);
    const isFree =
      cached !== undefined && cached.quotas.length === 0 && !this.#written.has(namespace);
    // Most namespaces have no quotas, and nobody waits for anybody. When that was wrong the transaction is lost, and the store knows.
    if (isFree && attempt === 1) return this.#guard(namespace, cached.revision);
    if (isFree) {
      const { quotas, revision } = await this.#read(namespace);
      if (quotas.length === 0) return this.#guard(namespace, revision);
    }
    const release = await this.#enter(namespace);
    try {
      const parts = await this.#charge(namespace, write);
      return { ...parts, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  async #charge(namespace: string, write: Write): Promise<CompanionParts> {
    const seen = await this.#read(namespace);
    if (seen.quotas.length === 0 && !isQuota(write.definition)) this.#written.delete(namespace);
    const own = isQuota(write.definition)
      ? (write.next ?? write.current)?.metadata.name
      : undefined;
    const compare = [...this.#guard(namespace, seen.revision).compare];
    const ops: Op[] = [];
    for (const stored of seen.quotas) {
      // A quota does not charge its own write: its key is written already.
      if (stored.object.metadata.name === own) continue;
      const op = await this.#chargeOne(stored, write);
      if (op === undefined) continue;
      compare.push({ key: stored.key, target: 'mod', result: '=', value: stored.revision });
      ops.push(op);
    }
    return { compare, ops };
  }

  async #chargeOne(stored: StoredObject, write: Write): Promise<Op | undefined> {
    const quota = stored.object as unknown as ResourceQuota;
    const used = isCounted(quota) ? quota.status?.used : await this.count(quota);
    const charge = chargeQuota(quota, write, (used ?? {}) as Amounts);
    if (charge.kind === 'none') return undefined;
    if (charge.kind === 'refused') {
      const { definition, next } = write;
      throw forbidden(definition, next?.metadata.name ?? '', charge.why);
    }
    const { storage } = this.#quotas();
    return storage.put(stored.key, withStatus(quota, charge.used));
  }

  /** From what the store holds now. */
  async count(quota: ResourceQuota): Promise<Amounts> {
    const namespace = quota.metadata?.namespace ?? '';
    const names = new Map<string, { group: string; resource: string }>();
    for (const name of Object.keys(quota.spec?.hard ?? {})) {
      const kind = kindOfName(name);
      if (kind !== undefined) names.set(`${kind.resource}.${kind.group}`, kind);
    }
    const found = await Promise.all(
      [...names.values()].map(async ({ group, resource }) => {
        const registry = this.#find(group, resource);
        if (registry === undefined || !registry.definition.namespaced) return [];
        const { definition, storage } = registry;
        const { items } = await list(storage, new ObjectFilter(definition, { namespace }), {});
        return items.map(({ object }) => ({ definition, object }));
      }),
    );
    return countUsed(quota, found.flat());
  }

  /** Nothing in the table has to be what somebody's quota names. */
  #find(group: string, resource: string): Registry | undefined {
    for (const { registry } of this.#table().all()) {
      const { definition } = registry ?? {};
      if (definition?.group === group && definition.resource === resource) return registry;
    }
    return undefined;
  }

  #quotas(): Registry {
    return this.#table().registry(QUOTAS.group, QUOTAS.resource);
  }

  /** Undefined while the cache is not full. */
  #cached(namespace: string): Seen | undefined {
    const { definition, storage } = this.#quotas();
    if (!storage.cache.isReady) return undefined;
    const quotas = storage.cache.list(collectionPrefix(definition, namespace));
    return { quotas, revision: storage.cache.revision };
  }

  async #read(namespace: string): Promise<Seen> {
    const { definition, storage } = this.#quotas();
    const prefix = collectionPrefix(definition, namespace);
    const { kvs, revision } = await storage.store.range({
      key: prefix,
      rangeEnd: prefixEnd(prefix),
    });
    return { quotas: kvs.map((kv: KeyValue) => storage.decode(kv)), revision };
  }

  /** Holds when no quota of the namespace was written after `revision`. */
  #guard(namespace: string, revision: number): CompanionParts {
    const key = collectionPrefix(this.#quotas().definition, namespace);
    const rangeEnd = prefixEnd(key);
    return {
      compare: [{ key, rangeEnd, target: 'mod', result: '<', value: revision + 1 }],
      ops: [],
    };
  }

  /** Resolves when those who came before are done; the caller must call what it gets. */
  async #enter(namespace: string): Promise<() => void> {
    const before = this.#queues.get(namespace);
    let leave = (): void => {};
    const mine = new Promise<void>((resolve) => {
      leave = resolve;
    });
    const all = (before ?? Promise.resolve()).then(() => mine);
    this.#queues.set(namespace, all);
    await before;
    return () => {
      leave();
      if (this.#queues.get(namespace) === all) this.#queues.delete(namespace);
    };
  }
}

function isQuota({ group, resource }: ResourceDefinition): boolean {
  return group === QUOTAS.group && resource === QUOTAS.resource;
}

/** The status says how much is used of everything that the spec limits. */
export function isCounted({ spec, status }: ResourceQuota): boolean {
  const [hard, limited, used] = [spec?.hard ?? {}, status?.hard ?? {}, status?.used ?? {}];
  const names = Object.keys(hard);
  return (
    names.length === Object.keys(limited).length &&
    names.every((name) => limited[name] === hard[name] && used[name] !== undefined)
  );
}

export function withStatus(quota: ResourceQuota, used: Amounts): KubernetesObject {
  const next = mutableCopy(quota as unknown as ReadonlyApiObject) as ResourceQuota;
  next.status = { hard: { ...quota.spec?.hard }, used: { ...used } };
  return next as KubernetesObject;
}
