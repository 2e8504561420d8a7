// reset-fields: the fields that a write of a resource or subresource cannot change, so that nobody comes to own them by it.
//
// The main resource leaves the status alone, its status the spec; a few resources keep more to themselves.
//
// Same facts upstream: GetResetFields() of the strategies in pkg/registry.

import { EMPTY_SET, type FieldSet, setOfPaths } from './field-set.ts';

const STATUS = setOfPaths([['f:status']]);
const SPEC = setOfPaths([['f:spec']]);
const ALL_BUT_SPEC = setOfPaths([['f:status'], ['f:metadata']]);

/** By group and resource, of the status subresource, where it is more than the spec. */
const STATUS_RESETS: Readonly<Record<string, FieldSet>> = {
  '/pods': setOfPaths([
    ['f:spec'],
    ['f:metadata', 'f:deletionTimestamp'],
    ['f:metadata', 'f:ownerReferences'],
  ]),
  'apps/deployments': setOfPaths([['f:spec'], ['f:metadata', 'f:labels']]),
  'apiextensions.k8s.io/customresourcedefinitions': setOfPaths([['f:metadata'], ['f:spec']]),
};

export function resetFields(
  { group, resource }: { readonly group: string; readonly resource: string },
  { subresource, hasStatus }: { readonly subresource: string; readonly hasStatus: boolean },
): FieldSet {
  const key = `${group}/${resource}`;
  if (subresource === 'status') {
    return Object.hasOwn(STATUS_RESETS, key) ? (STATUS_RESETS[key] ?? SPEC) : SPEC;
  }
  if (subresource === 'resize') return ALL_BUT_SPEC;
  return subresource === '' && hasStatus ? STATUS : EMPTY_SET;
}
