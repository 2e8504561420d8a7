// field-manager: metadata.managedFields through every write: who wrote owns what was written.
//
//   updateManagedFields()   create, update, patch: the list that belongs to the new state
//   applyConfiguration()    server-side apply: the merged object and its list, or a conflict
//
// Pure; time comes in. Objects are never changed. Neither validates nor defaults: the caller does, with the result.
// What a client sends as managedFields counts (kubectl migrates owners that way), unless it cannot be read or the write is
// one of a subresource. An object that has no list gets none by an update: only a create or an apply begins to track.
//
// Same steps upstream: apimachinery, util/managedfields/internal (fieldmanager.go and the managers that it stacks).

import type { ManagedFieldsEntry } from 'kubernetes-types/meta/v1';
import { badRequest } from '../api-error.ts';
import { conflictError } from './conflicts.ts';
import { difference, type FieldSet, recursiveDifference, setOfPaths, union } from './field-set.ts';
import { type FieldsV1, fieldsV1Of } from './fields-v1.ts';
import { KUBECTL, unexplainedConflicts, withLastApplied } from './last-applied.ts';
import {
  capUpdaters,
  decodeManaged,
  encodeManaged,
  identifierOf,
  isReset,
  type Managed,
  type ManagerIdentity,
  managedEntry,
  NOTHING_MANAGED,
  type Operation,
  storedManaged,
} from './managed-fields.ts';
import {
  type Applied,
  applyManagers,
  Changes,
  ConflictError,
  type KindVersions,
  type Managers,
  type OwnedFields,
  reconciledSet,
  updateManagers,
} from './managers.ts';
import { OutlineCache, outlineOf } from './outline.ts';
import { asMap, type JsonMap } from './type-structure.ts';
import { isSame, sameJson } from './typed-compare.ts';
import { TypedError, validateTyped } from './typed-validate.ts';

export interface WriteBy {
  /** ?fieldManager=, or who the client says it is (managerName()). */
  readonly manager: string;
  /** '' for the resource itself. */
  readonly subresource: string;
  /** A time as objects carry it. */
  readonly now: string;
}

/** A kind as field ownership sees it. */
export interface ManagedKind extends KindVersions {
  readonly kind: string;
  /** Its schema may have changed since fields were owned, as that of a custom resource does. */
  readonly changeable: boolean;
  /** An object of the kind before anybody said anything. */
  empty(): JsonMap;
}

export type ManagedFields = ManagedFieldsEntry[] | undefined;

/** What every object has and nobody owns. */
const NOBODYS: FieldSet = setOfPaths([
  ['f:apiVersion'],
  ['f:kind'],
  ['f:metadata'],
  ...[
    'name',
    'namespace',
    'creationTimestamp',
    'selfLink',
    'uid',
    'clusterName',
    'generation',
    'managedFields',
    'resourceVersion',
  ].map((name) => ['f:metadata', `f:${name}`]),
]);

/** Owner of all that an object held before anybody applied to it. */
const BEFORE_FIRST_APPLY = 'before-first-apply';

/** The list of `next`, which replaces `live` (undefined: is created). */
export function updateManagedFields(
  live: JsonMap | undefined,
  next: JsonMap,
  by: WriteBy,
  kind: ManagedKind,
): ManagedFields {
  const liveEntries = entriesOf(live);
  const sent = by.subresource === '' ? entriesOf(next) : undefined;
  const untouched = sent === undefined || sameJson(sent, liveEntries);
  if (untouched && liveEntries === undefined) {
    return live === undefined ? entryOfMaker(next, by, kind) : undefined;
  }
  const states = { live: withoutList(live ?? kind.empty()), next: withoutList(next) };
  const changes = new Changes(states, kind);
  // The common case of an update: nothing that anybody could own changed, so no list has to be read.
  if (live !== undefined && untouched && isSame(changes.own())) return liveEntries;
  const managed = startOf(liveEntries, untouched ? undefined : sent, kind);
  if (live !== undefined && managed.managers.size === 0) return undefined;
  const { managers, times } = tracked(changes, managed, by, kind);
  return encodeManaged(capUpdaters({ managers, times }), managed);
}

/** Fields of new objects, by kind. Shared and never changed. */
const newFields = new WeakMap<ManagedKind, OutlineCache<FieldsV1>>();

/** Who makes an object owns what is in it: that follows from its outline. */
function entryOfMaker(next: JsonMap, by: WriteBy, kind: ManagedKind): ManagedFields {
  const { apiVersion } = kind;
  const structure = kind.structure(apiVersion);
  if (structure === undefined) return undefined;
  const cache = newFields.get(kind) ?? new OutlineCache<FieldsV1>();
  newFields.set(kind, cache);
  const live = kind.empty();
  const fields = cache.get(outlineOf(live, next, structure), () => {
    const changes = new Changes({ live, next }, kind);
    const { own } = updateManagers(changes, NOTHING_MANAGED.managers, by.manager);
    return fieldsV1Of(trackedOf(own, kind));
  });
  if (Object.keys(fields).length === 0) return undefined;
  return [managedEntry(identityBy(by, 'Update', kind), fields, by.now)];
}

function startOf(live: ManagedFields, sent: ManagedFields, kind: ManagedKind): Managed {
  if (isReset(sent)) return NOTHING_MANAGED;
  const own = sent === undefined ? undefined : decodeManaged(sent);
  return own !== undefined && own.managers.size > 0 ? own : managedOf(live, kind);
}

function managedOf(entries: ManagedFields, kind: ManagedKind): Managed {
  if (entries === undefined) return NOTHING_MANAGED;
  const managed = storedManaged(entries);
  if (!kind.changeable) return managed;
  const managers = new Map(managed.managers);
  const unchanged = new Map(managed.entries);
  for (const [id, { apiVersion, applied, set: before }] of managed.managers) {
    const set = reconciledSet(before, kind.structure(apiVersion));
    if (set === before) continue;
    managers.set(id, { apiVersion, applied, set });
    unchanged.delete(id);
  }
  return { managers, times: managed.times, entries: unchanged };
}

function tracked(
  changes: Changes,
  before: Managed,
  by: WriteBy,
  kind: ManagedKind,
): Pick<Managed, 'managers' | 'times'> {
  const id = idOf(by, 'Update', kind);
  const { managers, own } = updateManagers(changes, before.managers, id);
  const set = trackedOf(own, kind);
  if (set.size === 0) return { managers, times: before.times };
  return {
    managers: new Map(managers).set(id, withFields(managers.get(id), set, kind)),
    times: new Map(before.times).set(id, by.now),
  };
}

/** Of what a writer changed, what somebody can own. */
function trackedOf(own: FieldSet, kind: ManagedKind): FieldSet {
  return difference(recursiveDifference(own, kind.ignored(kind.apiVersion)), NOBODYS);
}

function withFields(
  previous: OwnedFields | undefined,
  set: FieldSet,
  { apiVersion }: ManagedKind,
): OwnedFields {
  if (previous === undefined) return { apiVersion, set, applied: false };
  if (previous.owns?.(set) === true) return previous;
  return { apiVersion, set: union(set, previous.set), applied: false };
}

function idOf(by: WriteBy, operation: Operation, kind: ManagedKind): string {
  return identifierOf(identityBy(by, operation, kind));
}

function identityBy(
  { manager, subresource }: WriteBy,
  operation: Operation,
  { apiVersion }: ManagedKind,
): ManagerIdentity {
  return { manager: manager || 'unknown', operation, apiVersion, subresource };
}

export interface AppliedConfiguration {
  /** With everything but its managedFields; not checked, not defaulted. */
  readonly object: JsonMap;
  readonly managedFields: ManagedFields;
}

/** Throws ApiError: BadRequest when the configuration does not fit, Conflict when fields of others would change. */
export function applyConfiguration(
  live: JsonMap | undefined,
  config: JsonMap,
  by: WriteBy & { readonly force: boolean },
  kind: ManagedKind,
): AppliedConfiguration {
  checkConfiguration(config, kind);
  const before = withoutList(live ?? kind.empty());
  const managed = managedBefore(live, before, by, kind);
  const id = idOf(by, 'Apply', kind);
  const merged = applyOnce(before, config, { managed, id, by }, kind);
  const changed = merged.object !== undefined;
  const times = changed ? new Map(managed.times).set(id, by.now) : managed.times;
  const object = asMap(changed ? merged.object : before);
  return {
    object: by.manager === KUBECTL ? withLastApplied(object, config) : object,
    managedFields: encodeManaged({ managers: stripped(merged.managers, id), times }, managed),
  };
}

/** Objects of before server-side apply have no owners: all that they hold gets one now. */
function managedBefore(
  live: JsonMap | undefined,
  before: JsonMap,
  by: WriteBy,
  kind: ManagedKind,
): Managed {
  const managed = managedOf(entriesOf(live), kind);
  if (live === undefined || managed.managers.size > 0) return managed;
  const changes = new Changes({ live: kind.empty(), next: before }, kind);
  const first = { ...by, manager: BEFORE_FIRST_APPLY };
  return { ...NOTHING_MANAGED, ...tracked(changes, NOTHING_MANAGED, first, kind) };
}

interface Applying {
  readonly managed: Managed;
  readonly id: string;
  readonly by: WriteBy & { readonly force: boolean };
}

function applyOnce(
  live: JsonMap,
  config: JsonMap,
  { managed, id, by }: Applying,
  kind: ManagedKind,
): Applied {
  const apply = (force: boolean): Applied =>
    applyManagers({ live, config }, { managers: managed.managers, manager: id, force }, kind);
  try {
    return apply(by.force);
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
    const structure = kind.structure(kind.apiVersion);
    if (by.manager !== KUBECTL || structure === undefined) throw conflictError(error.conflicts);
    const { apiVersion } = kind;
    const left = unexplainedConflicts(error.conflicts, live, { apiVersion, structure });
    if (left.length > 0) throw conflictError(left);
    return apply(true);
  }
}

function stripped(managers: Managers, id: string): Managers {
  const owned = managers.get(id);
  if (owned === undefined) return managers;
  const result = new Map(managers);
  const set = difference(owned.set, NOBODYS);
  if (set.size === 0) result.delete(id);
  else result.set(id, { ...owned, set });
  return result;
}

/** Throws BadRequest for what is no configuration of the kind. */
export function checkConfiguration(config: JsonMap, kind: ManagedKind): void {
  const gvk = printKind(config.apiVersion, config.kind);
  if (gvk !== printKind(kind.apiVersion, kind.kind)) {
    throw badRequest(`invalid object type: ${gvk}`);
  }
  const { name, namespace, managedFields } = asMap(config.metadata);
  if (managedFields !== undefined && managedFields !== null) {
    throw badRequest('metadata.managedFields must be nil');
  }
  const structure = kind.structure(kind.apiVersion);
  try {
    if (structure !== undefined) validateTyped(config, structure);
  } catch (error) {
    if (!(error instanceof TypedError)) throw error;
    const where = `${textOf(namespace)}/${textOf(name)}; ${gvk}`;
    throw badRequest(`failed to create typed patch object (${where}): ${error.message}`, error);
  }
}

/** `apps/v1, Kind=Deployment`, `/v1, Kind=Pod`. */
function printKind(apiVersion: unknown, kind: unknown): string {
  const text = textOf(apiVersion);
  return `${text.includes('/') ? '' : '/'}${text}, Kind=${textOf(kind)}`;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function entriesOf(object: JsonMap | undefined): ManagedFields {
  const entries = asMap(object?.metadata).managedFields;
  return Array.isArray(entries) ? (entries as ManagedFieldsEntry[]) : undefined;
}

function withoutList(object: JsonMap): JsonMap {
  const metadata = asMap(object.metadata);
  if (metadata.managedFields === undefined) return object;
  const { managedFields: _, ...rest } = metadata;
  return { ...object, metadata: rest };
}
