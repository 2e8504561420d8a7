// last-applied: the annotation of client-side apply, kept true by server-side apply, so that users of kubectl can change
// from one to the other and back.
//
// Only for the manager `kubectl`, which is what `kubectl apply --server-side` calls itself:
//   - a conflict is none when the field is as the annotation says: the same person applied it, only by other means;
//   - an object that has the annotation gets the applied configuration as its new value.
//
// Same rules upstream: apimachinery, util/managedfields/internal (lastappliedmanager.go, lastappliedupdater.go).

import { difference, EMPTY_SET, type FieldSet, hasPath } from './field-set.ts';
import type { Conflict } from './managers.ts';
import { compareText } from './path-element.ts';
import { asMap, type JsonMap, type TypeStructure } from './type-structure.ts';
import { compareTyped } from './typed-compare.ts';
import { fieldSetOf } from './typed-set.ts';
import { TypedError, validateTyped } from './typed-validate.ts';

export const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
export const KUBECTL = 'kubectl';

/** Of all annotations of an object together. */
const ANNOTATIONS_BYTES_MAX = 256 * 1024;

export function annotationsOf(object: unknown): JsonMap {
  return asMap(asMap(asMap(object).metadata).annotations);
}

/** The conflicts that the annotation does not explain. */
export function unexplainedConflicts(
  conflicts: readonly Conflict[],
  live: unknown,
  kind: { readonly apiVersion: string; readonly structure: TypeStructure },
): readonly Conflict[] {
  const own = fieldsOfAnnotation(live, kind);
  return conflicts.filter(({ path }) => !hasPath(own, path));
}

/** The fields that were applied by the client and are still as they were applied. */
function fieldsOfAnnotation(
  live: unknown,
  { apiVersion, structure }: { readonly apiVersion: string; readonly structure: TypeStructure },
): FieldSet {
  const text = annotationsOf(live)[LAST_APPLIED];
  if (typeof text !== 'string' || text === '') return EMPTY_SET;
  const applied = readConfiguration(text, structure);
  if (applied === undefined || asMap(applied).apiVersion !== apiVersion) return EMPTY_SET;
  const { added, modified, removed } = compareTyped(applied, live, structure);
  const all = fieldSetOf(applied, structure);
  return difference(difference(difference(all, modified), added), removed);
}

function readConfiguration(text: string, structure: TypeStructure): unknown {
  try {
    const value = JSON.parse(text) as unknown;
    validateTyped(value, structure);
    return value;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypedError) return undefined;
    throw error;
  }
}

/** The object with the annotation set to the configuration, if it has one; without it, if that would be too large. */
export function withLastApplied(object: JsonMap, config: JsonMap): JsonMap {
  const annotations = annotationsOf(object);
  const old = annotations[LAST_APPLIED];
  if (typeof old !== 'string' || old === '') return object;
  const { [LAST_APPLIED]: _, ...others } = annotations;
  const next = { ...others, [LAST_APPLIED]: configurationText(config) };
  const fits = sizeOf(next) <= ANNOTATIONS_BYTES_MAX;
  const metadata = { ...asMap(object.metadata), annotations: fits ? next : others };
  return { ...object, metadata };
}

/** As kubectl writes it: keys sorted, one line and its end. */
function configurationText(config: JsonMap): string {
  const metadata = asMap(config.metadata);
  const { [LAST_APPLIED]: _, ...annotations } = asMap(metadata.annotations);
  const { annotations: own, ...rest } = metadata;
  const cleaned =
    own === undefined || Object.keys(annotations).length === 0 ? rest : { ...rest, annotations };
  return `${JSON.stringify(sorted({ ...config, metadata: cleaned }))}\n`;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => compareText(a, b));
  return Object.fromEntries(entries.map(([name, inner]) => [name, sorted(inner)]));
}

function sizeOf(annotations: JsonMap): number {
  return Object.entries(annotations).reduce(
    (sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(String(value)),
    0,
  );
}
