// managed-fields: metadata.managedFields read and written: one entry for each manager, operation, version and subresource.
//
// An entry that nobody changed is passed on as it is, with its time; only what changed is written anew. Entries stand in
// upstream's order: applies before updates, then by time and name. Updaters beyond the tenth are put together, the oldest
// first, so that an object with many writers does not grow for ever.
//
// Same format upstream: apimachinery, util/managedfields/internal (managedfields.go, capmanagers.go).

import type { ManagedFieldsEntry } from 'kubernetes-types/meta/v1';
import { EMPTY_SET, type FieldSet, union } from './field-set.ts';
import { type FieldsV1, fieldsV1Of, setOfFieldsV1 } from './fields-v1.ts';
import type { Managers, OwnedFields } from './managers.ts';
import { compareText, PathElementError } from './path-element.ts';

export type Operation = 'Apply' | 'Update';

/** What tells a manager from another. Of appliers the version is no part: there is one entry, whatever it last applied. */
export interface ManagerIdentity {
  readonly manager: string;
  readonly operation: Operation;
  readonly apiVersion: string;
  readonly subresource: string;
}

/** Managers with the time of their last change, and their entries as they stood in the object. */
export interface Managed {
  readonly managers: Managers;
  readonly times: ReadonlyMap<string, string>;
  readonly entries: ReadonlyMap<string, ManagedFieldsEntry>;
}

export const NOTHING_MANAGED: Managed = {
  managers: new Map(),
  times: new Map(),
  entries: new Map(),
};

const UPDATERS_MAX = 10;
const OLD_UPDATES = 'ancient-changes';

/** Upstream's identifier: sorting by it gives upstream's order of conflicts. */
export function identifierOf({
  manager,
  operation,
  apiVersion,
  subresource,
}: ManagerIdentity): string {
  return JSON.stringify({
    ...(manager === '' ? {} : { manager }),
    operation,
    ...(operation === 'Apply' || apiVersion === '' ? {} : { apiVersion }),
    ...(subresource === '' ? {} : { subresource }),
  });
}

export function identityOf(identifier: string): ManagerIdentity {
  const found = JSON.parse(identifier) as Partial<ManagerIdentity>;
  const { manager = '', operation = 'Update', apiVersion = '', subresource = '' } = found;
  return { manager, operation, apiVersion, subresource };
}

/** As they lie in the store, where only this file wrote them: their sets are made when somebody looks. */
export function storedManaged(entries: readonly ManagedFieldsEntry[]): Managed {
  const managers = new Map<string, OwnedFields>();
  const times = new Map<string, string>();
  const raw = new Map<string, ManagedFieldsEntry>();
  for (const entry of entries) {
    const owned = new StoredFields(entry);
    const { manager = '', subresource = '' } = entry;
    const operation = owned.applied ? 'Apply' : 'Update';
    const id = identifierOf({ manager, operation, apiVersion: owned.apiVersion, subresource });
    managers.set(id, owned);
    if (entry.time) times.set(id, entry.time);
    raw.set(id, entry);
  }
  return { managers, times, entries: raw };
}

class StoredFields implements OwnedFields {
  readonly apiVersion: string;
  readonly applied: boolean;
  readonly #fields: unknown;
  #set: FieldSet | undefined;

  constructor({ apiVersion = '', operation, fieldsV1 }: ManagedFieldsEntry) {
    this.apiVersion = apiVersion;
    this.applied = operation === 'Apply';
    this.#fields = fieldsV1;
  }

  get set(): FieldSet {
    this.#set ??= readSet(this.#fields ?? {}) ?? EMPTY_SET;
    return this.#set;
  }

  mayOwn(fields: FieldSet): boolean {
    return this.#set !== undefined || meets(this.#fields, fields);
  }

  owns(fields: FieldSet): boolean {
    return covers(this.#fields, fields);
  }
}

/** Whether a member of the set is in the written fields, or on the way to one; both are canonical. */
function meets(fields: unknown, set: FieldSet): boolean {
  for (const [element, node] of set) {
    const below = (fields as Readonly<Record<string, unknown>> | undefined)?.[element];
    if (below === undefined) continue;
    if (node.member || meets(below, node.children)) return true;
  }
  return false;
}

/** Whether every member of the set is in the written fields. */
function covers(fields: unknown, set: FieldSet): boolean {
  for (const [element, node] of set) {
    const below = (fields as Readonly<Record<string, object>> | undefined)?.[element];
    if (below === undefined) return false;
    if (node.member && !('.' in below) && Object.keys(below).length > 0) return false;
    if (!covers(below, node.children)) return false;
  }
  return true;
}

/** What a client sent; undefined when an entry is not as entries have to be. */
export function decodeManaged(entries: readonly ManagedFieldsEntry[]): Managed | undefined {
  const managers = new Map<string, OwnedFields>();
  const times = new Map<string, string>();
  for (const entry of entries) {
    const { operation, apiVersion = '', fieldsType, manager = '', subresource = '' } = entry;
    if (operation !== 'Apply' && operation !== 'Update') return undefined;
    if (apiVersion === '' || fieldsType !== 'FieldsV1') return undefined;
    const set = readSet(entry.fieldsV1 ?? {});
    if (set === undefined) return undefined;
    const id = identifierOf({ manager, operation, apiVersion, subresource });
    managers.set(id, { apiVersion, set, applied: operation === 'Apply' });
    if (entry.time) times.set(id, entry.time);
  }
  // What a client wrote is written anew: its path elements may be spelled otherwise.
  return { ...NOTHING_MANAGED, managers, times };
}

/** What makes a list unreadable, in upstream's words; undefined when nothing does. */
export function problemOfManaged(entries: readonly ManagedFieldsEntry[]): string | undefined {
  for (const [index, entry] of entries.entries()) {
    const { operation, apiVersion = '', fieldsType = '', fieldsV1 = {} } = entry;
    if (operation !== 'Apply' && operation !== 'Update')
      return 'operation must be `Apply` or `Update`';
    if (apiVersion === '') return 'apiVersion must not be empty';
    if (fieldsType === '') return `missing fieldsType in managed fields entry ${index}`;
    if (fieldsType !== 'FieldsV1') {
      return `invalid fieldsType ${JSON.stringify(fieldsType)} in managed fields entry ${index}`;
    }
    if (readSet(fieldsV1) === undefined) {
      return `error decoding versioned set from managed fields entry ${index}`;
    }
  }
  return undefined;
}

function readSet(fields: unknown): FieldSet | undefined {
  try {
    return setOfFieldsV1(fields);
  } catch (error) {
    if (error instanceof PathElementError) return undefined;
    throw error;
  }
}

/** Undefined: there are none, and the object has no such field. `before` lends the entries that stayed the same. */
export function encodeManaged(
  { managers, times }: Pick<Managed, 'managers' | 'times'>,
  before: Managed,
): ManagedFieldsEntry[] | undefined {
  const encoded = [...managers].map(([id, owned]) => {
    const old = before.entries.get(id);
    const time = times.get(id);
    if (old === undefined || before.managers.get(id) !== owned) return encodeEntry(id, owned, time);
    if (time === old.time) return old;
    if (old.time === undefined || time === undefined) return encodeEntry(id, owned, time);
    return { ...old, time };
  });
  return encoded.length === 0 ? undefined : encoded.sort(compareEntries);
}

function encodeEntry(id: string, owned: OwnedFields, time: string | undefined): ManagedFieldsEntry {
  const { apiVersion, applied, set } = owned;
  const identity = identityOf(id);
  const operation = applied ? 'Apply' : identity.operation;
  return managedEntry({ ...identity, operation, apiVersion }, fieldsV1Of(set), time);
}

/** Fields in the order in which Go writes them. */
export function managedEntry(
  { manager, operation, apiVersion, subresource }: ManagerIdentity,
  fieldsV1: FieldsV1,
  time: string | undefined,
): ManagedFieldsEntry {
  return {
    ...(manager === '' ? {} : { manager }),
    operation,
    apiVersion,
    ...(time === undefined ? {} : { time }),
    fieldsType: 'FieldsV1',
    fieldsV1,
    ...(subresource === '' ? {} : { subresource }),
  };
}

function compareEntries(a: ManagedFieldsEntry, b: ManagedFieldsEntry): number {
  return (
    compareText(a.operation ?? '', b.operation ?? '') ||
    secondsOf(a.time) - secondsOf(b.time) ||
    compareText(a.manager ?? '', b.manager ?? '') ||
    compareText(a.apiVersion ?? '', b.apiVersion ?? '') ||
    compareText(a.subresource ?? '', b.subresource ?? '')
  );
}

function secondsOf(time: string | undefined): number {
  const milliseconds = Date.parse(time ?? '');
  return Number.isNaN(milliseconds) ? 0 : Math.floor(milliseconds / 1000);
}

/** No more than ten updaters: the oldest of the same version become one entry, `ancient-changes`. */
export function capUpdaters({ managers, times }: Pick<Managed, 'managers' | 'times'>): {
  managers: Managers;
  times: ReadonlyMap<string, string>;
} {
  const updaters = [...managers].filter(([, { applied }]) => !applied).map(([id]) => id);
  if (updaters.length <= UPDATERS_MAX) return { managers, times };
  updaters.sort((a, b) => secondsOf(times.get(a)) - secondsOf(times.get(b)) || compareText(a, b));
  const left = new Map(managers);
  const newTimes = new Map(times);
  const firstOfVersion = new Map<string, string>();
  let count = updaters.length;
  for (const id of updaters) {
    if (count <= UPDATERS_MAX) break;
    const owned = left.get(id);
    if (owned === undefined) continue;
    const first = firstOfVersion.get(owned.apiVersion);
    if (first === undefined) {
      firstOfVersion.set(owned.apiVersion, id);
      continue;
    }
    mergeInto(left, { first, id, owned });
    const bucket = bucketOf(owned.apiVersion);
    const time = times.get(id);
    if (time !== undefined) newTimes.set(bucket, time);
    count -= 1;
  }
  return { managers: left, times: newTimes };
}

function mergeInto(
  managers: Map<string, OwnedFields>,
  { first, id, owned }: { first: string; id: string; owned: OwnedFields },
): void {
  const bucket = bucketOf(owned.apiVersion);
  const oldest = managers.get(bucket) ?? managers.get(first);
  if (!managers.has(bucket)) managers.delete(first);
  managers.delete(id);
  const { apiVersion, applied } = owned;
  managers.set(bucket, {
    apiVersion,
    applied,
    set: oldest === undefined ? owned.set : union(owned.set, oldest.set),
  });
}

function bucketOf(apiVersion: string): string {
  return identifierOf({ manager: OLD_UPDATES, operation: 'Update', apiVersion, subresource: '' });
}

/** A client resets the list by an empty one, or by one empty entry. */
export function isReset(entries: readonly ManagedFieldsEntry[] | undefined | null): boolean {
  if (entries === undefined || entries === null) return false;
  const [only] = entries;
  if (only === undefined) return true;
  return (
    entries.length === 1 &&
    Object.values(only).every((value) => value === undefined || value === '')
  );
}
