// define: the words in which the declarations of resources are written.
//
// define() fills in what most resources have in common; fields(), zeroField() and status() are the parts that come again and again.
// What is special to a resource stands in its group's file and nowhere else.

import type { Printer } from '../../printers/table.ts';
import { builtInScale, scaleHandler } from '../../server/scale.ts';
import { statusSubresource } from '../../server/subresources.ts';
import { generalStrategy } from '../../strategy/general.ts';
import type { ReadonlyApiObject } from '../api-object.ts';
import {
  ALL_VERBS,
  type ResourceDefinition,
  type SubresourceDefinition,
  type Verb,
} from '../resource-definition.ts';

const WINDOW_VERBS: readonly Verb[] = ['get', 'patch', 'update'];

/** A printer knows the objects of its own kind only, whose schema was checked when they were written. */
export type ResourceParts = Omit<Partial<ResourceDefinition>, 'printer'> & {
  readonly printer?: object;
};

/** Kind, plural name, and what differs from the common case: a namespaced kind of the core group with all verbs. */
export function define(
  kind: string,
  resource: string,
  rest: ResourceParts = {},
): ResourceDefinition {
  const { namespaced = true, subresources = [], printer, ...others } = rest;
  const hasStatus = subresources.some(({ name }) => name === 'status');
  return {
    group: '',
    version: 'v1',
    kind,
    resource,
    singular: kind.toLowerCase(),
    namespaced,
    shortNames: [],
    categories: [],
    verbs: ALL_VERBS,
    subresources,
    selectableFields: {},
    createOnUpdate: false,
    unconditionalUpdate: true,
    storagePrefix: `/registry/${resource}/`,
    strategy: others.storedAs?.definition.strategy ?? generalStrategy({ namespaced, hasStatus }),
    ...(printer === undefined ? {} : { printer: printer as Printer }),
    ...others,
  };
}

/** The status subresource of a kind. */
export function status(kind: string): SubresourceDefinition {
  return { name: 'status', kind, verbs: WINDOW_VERBS, handle: statusSubresource };
}

/** The number of replicas, for every kind that has one. */
export const SCALE: SubresourceDefinition = {
  name: 'scale',
  kind: 'Scale',
  group: 'autoscaling',
  version: 'v1',
  verbs: WINDOW_VERBS,
  handle: scaleHandler(builtInScale),
};

/** A selectable field read by its path; what is not there selects as the empty string. */
export function field(path: string): (object: ReadonlyApiObject) => string {
  const parts = path.split('.');
  return (object) => {
    let value: unknown = object;
    for (const part of parts) value = (value as Record<string, unknown> | undefined)?.[part];
    return value === undefined || value === null ? '' : String(value);
  };
}

export function fields(...paths: string[]): ResourceDefinition['selectableFields'] {
  return Object.fromEntries(paths.map((path) => [path, field(path)]));
}

/** Fields whose absence means zero or false select as upstream's zero values. */
export function zeroField(path: string, zero: string): ResourceDefinition['selectableFields'] {
  const read = field(path);
  return { [path]: (object) => read(object) || zero };
}
