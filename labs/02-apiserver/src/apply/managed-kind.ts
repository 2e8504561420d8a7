// managed-kind: a resource as field ownership sees it, put together from its definition and what its versions are.
//
// One for each resource and subresource, made once and kept: the structures behind it are what makes ownership cheap.

import { definitionOfKind } from '../schema/catalog.ts';
import { emptyObject } from './empty-object.ts';
import type { ManagedKind } from './field-manager.ts';
import type { FieldSet } from './field-set.ts';
import { structureOfDefinition } from './kind-structure.ts';
import type { JsonMap, TypeStructure } from './type-structure.ts';

export interface KindName {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** How objects of a kind look in one version. */
export interface VersionShape {
  readonly structure: TypeStructure;
  /** An object before anybody said anything. */
  readonly empty: JsonMap;
}

export interface ManagedKindParts extends KindName {
  readonly ignored: FieldSet;
  /** Custom resources: their schema may change under what is owned. */
  readonly changeable?: boolean;
  /** Undefined: no such version. */
  shape(apiVersion: string): VersionShape | undefined;
  /** Only asked when a kind has several versions. */
  convert?(object: JsonMap, from: string, to: string): JsonMap;
}

export function managedKind(parts: ManagedKindParts): ManagedKind {
  const { kind, ignored, convert, changeable = false } = parts;
  return {
    kind,
    changeable,
    apiVersion: apiVersionOf(parts),
    structure: (apiVersion) => parts.shape(apiVersion)?.structure,
    convert: (object, from, to) =>
      convert === undefined ? object : convert(object as JsonMap, from, to),
    ignored: () => ignored,
    empty: () => parts.shape(apiVersionOf(parts))?.empty ?? {},
  };
}

/** The shape of a kind of the catalog; undefined when the catalog does not have it. */
export function builtInShape(kind: KindName): VersionShape | undefined {
  const definition = definitionOfKind(kind);
  if (definition === undefined) return undefined;
  return { structure: structureOfDefinition(definition), empty: emptyObject(definition) };
}

/** A kind of the catalog that is served in one version. */
export function builtInKind(kind: KindName, ignored: FieldSet): ManagedKind {
  const shape = builtInShape(kind);
  const own = apiVersionOf(kind);
  return managedKind({
    ...kind,
    ignored,
    shape: (apiVersion) => (apiVersion === own ? shape : undefined),
  });
}

export function apiVersionOf({ group, version }: KindName): string {
  return group === '' ? version : `${group}/${version}`;
}
