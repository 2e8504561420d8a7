// field-ownership: metadata.managedFields in the requests that write: who the writer is, what the kind is made of, and the list that comes out.
//
// Ownership is worked out in the version that the client speaks, before admission: what plugins and strategies fill in afterwards belongs
// to nobody, as upstream. A kind's structure is put together once for each resource and subresource; resources that are declared anew
// (custom ones) are other Served objects, so nothing has to be forgotten by hand.
//
// Same idea upstream: apiserver, endpoints/installer.go (the scope's FieldManager) and endpoints/handlers (create.go, update.go, patch.go).

import { ApiError } from '../api-error.ts';
import {
  type AppliedConfiguration,
  applyConfiguration,
  type ManagedFields,
  type ManagedKind,
  updateManagedFields,
  type WriteBy,
} from '../apply/field-manager.ts';
import { builtInShape, managedKind, type VersionShape } from '../apply/managed-kind.ts';
import { badCharacterOf, MANAGER_LENGTH_MAX, managerName } from '../apply/manager-name.ts';
import { resetFields } from '../apply/reset-fields.ts';
import { type MergeSchema, structureOfSchema } from '../apply/schema-structure.ts';
import type { JsonMap } from '../apply/type-structure.ts';
import type { KubernetesObject } from '../client/resources.ts';
import { APPLY_PATCH } from '../patch/apply-patch.ts';
import { formatTime, metadataOf, type ReadonlyApiObject } from '../registry/api-object.ts';
import type { Served } from '../registry/served.ts';
import {
  forbiddenField,
  invalid,
  invalidValue,
  required,
  tooLong,
} from '../strategy/field-error.ts';
import type { StoredContext } from './handler.ts';

const META = { group: 'meta.k8s.io', version: 'v1' };

/** Sets the list of `next`, an object as it is to be stored, which replaces `live` (undefined: is created). */
export function own(
  context: StoredContext,
  live: ReadonlyApiObject | undefined,
  next: KubernetesObject,
): KubernetesObject {
  const { served } = context;
  const before = live === undefined ? undefined : (served.shown(live) as unknown as JsonMap);
  const after = served.shown(next as ReadonlyApiObject) as unknown as JsonMap;
  const kind = managedKindOf(served, context.info.subresource ?? '');
  return withManagedFields(next, updateManagedFields(before, after, writerOf(context), kind));
}

/** What a configuration makes of the current object, in the version of the request. Throws what the applier shall hear. */
export function applied(
  context: StoredContext,
  live: ReadonlyApiObject | undefined,
  config: JsonMap,
): AppliedConfiguration {
  const { served, info, query } = context;
  const before = live === undefined ? undefined : (served.shown(live) as unknown as JsonMap);
  const by = { ...writerOf(context), force: isForced(query) };
  return applyConfiguration(before, config, by, managedKindOf(served, info.subresource ?? ''));
}

export function withManagedFields(
  object: KubernetesObject,
  managedFields: ManagedFields,
): KubernetesObject {
  const metadata = metadataOf(object);
  if (managedFields === undefined) delete metadata.managedFields;
  else metadata.managedFields = managedFields;
  return object;
}

export function writerOf({ query, request, info, now }: StoredContext): WriteBy {
  return {
    manager: managerName(query.get('fieldManager'), request.headers['user-agent']),
    subresource: info.subresource ?? '',
    now: formatTime(now()),
  };
}

/** Refuses what a write may not say of its manager. Call it before anything is read or written. */
export function checkManager({ query, verb }: StoredContext, patchType: string): void {
  const manager = query.get('fieldManager') ?? '';
  const isApply = patchType === APPLY_PATCH;
  const errors = [];
  if (isApply && manager === '')
    errors.push(required('fieldManager', 'is required for apply patch'));
  if (verb === 'patch' && !isApply && (query.get('force') ?? '') !== '') {
    errors.push(forbiddenField('force', 'may not be specified for non-apply patch'));
  }
  if (Buffer.byteLength(manager) > MANAGER_LENGTH_MAX) {
    errors.push(tooLong('fieldManager', MANAGER_LENGTH_MAX));
  }
  const bad = badCharacterOf(manager);
  if (bad !== undefined) {
    const why = `invalid character ${bad.name} (at position ${bad.position})`;
    errors.push(invalidValue('fieldManager', manager, why));
  }
  if (errors.length > 0) throw invalid({ ...META, kind: optionsKindOf(verb) }, '', errors);
}

function optionsKindOf(verb: string): string {
  return verb === 'patch' ? 'PatchOptions' : verb === 'create' ? 'CreateOptions' : 'UpdateOptions';
}

function isForced(query: URLSearchParams): boolean {
  const text = query.get('force') ?? '';
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text)) return true;
  if (['', '0', 'f', 'F', 'FALSE', 'false', 'False'].includes(text)) return false;
  const why = `strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`;
  throw new ApiError('BadRequest', why);
}

const kinds = new WeakMap<Served, Map<string, ManagedKind>>();
const shapes = new WeakMap<Served, VersionShape>();

function managedKindOf(served: Served, subresource: string): ManagedKind {
  const known = kinds.get(served) ?? new Map<string, ManagedKind>();
  kinds.set(served, known);
  const kind = known.get(subresource) ?? makeKind(served, subresource);
  known.set(subresource, kind);
  return kind;
}

function makeKind(served: Served, subresource: string): ManagedKind {
  const { definition, codec } = served;
  const hasStatus = definition.subresources.some(({ name }) => name === 'status');
  return managedKind({
    ...definition,
    ignored: resetFields(definition, { subresource, hasStatus }),
    changeable: codec.structure?.kind !== 'go',
    shape: (apiVersion) => {
      const version = served.sibling(apiVersion);
      return version === undefined ? undefined : shapeOf(version);
    },
    convert: (object, from, to) => convert(served, object, { from, to }),
  });
}

function shapeOf(served: Served): VersionShape {
  let shape = shapes.get(served);
  if (shape === undefined) {
    shape = makeShape(served);
    shapes.set(served, shape);
  }
  return shape;
}

function makeShape({ codec, definition }: Served): VersionShape {
  const { structure } = codec;
  if (structure?.kind === 'go') {
    const builtIn = builtInShape(definition);
    if (builtIn !== undefined) return builtIn;
  }
  const schema = structure?.kind === 'structural' ? (structure.schema as MergeSchema) : undefined;
  return { structure: structureOfSchema(schema), empty: {} };
}

/** An object in another version that the resource is served in. */
function convert(
  served: Served,
  object: JsonMap,
  { from, to }: { readonly from: string; readonly to: string },
): JsonMap {
  const [source, target] = [served.sibling(from), served.sibling(to)];
  if (source === undefined || target === undefined) return object;
  const stored = source.asStored(object as unknown as KubernetesObject);
  return target.shown(stored as ReadonlyApiObject) as unknown as JsonMap;
}
