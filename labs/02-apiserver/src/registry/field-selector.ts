// field-selector: `status.phase=Running,spec.nodeName!=node-1`, the selector over fields.
//
// Unlike labels, only the few fields that a resource declares can be asked for; everything else is an error that names the
// label, so that a typing mistake does not select everything. Commas, equal signs and backslashes in values are escaped.
//
// Same rule upstream: apimachinery, pkg/fields (ParseSelector) and each resource's field label conversion.

import { badRequest } from '../api-error.ts';
import type { ReadonlyApiObject } from './api-object.ts';
import type { ResourceDefinition } from './resource-definition.ts';

export interface FieldRequirement {
  readonly field: string;
  readonly equal: boolean;
  readonly value: string;
}

const TERM = /^(.+?)(==|!=|=)(.*)$/s;

/** Throws a BadRequest for what is no selector, and for fields that the resource cannot select by. */
export function parseFieldSelector(
  text: string,
  definition: ResourceDefinition,
): readonly FieldRequirement[] {
  const requirements = readFieldSelector(text);
  const unknown = requirements.find(({ field }) => !isSelectable(field, definition));
  if (unknown !== undefined) throw badRequest(`field label not supported: ${unknown.field}`);
  return requirements;
}

/** The same for any fields: authorization looks at a selector before anybody knows the resource. */
export function readFieldSelector(text: string): readonly FieldRequirement[] {
  return splitTerms(text).map((term) => {
    const match = TERM.exec(term);
    if (match?.[1] === undefined || match[3] === undefined) {
      throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`);
    }
    return {
      field: match[1],
      equal: match[2] !== '!=',
      value: unescaped(match[3]),
    };
  });
}

export function matchesFields(
  requirements: readonly FieldRequirement[],
  object: ReadonlyApiObject,
  definition: ResourceDefinition,
): boolean {
  return requirements.every(({ field, equal, value }) => {
    return (readField(field, object, definition) === value) === equal;
  });
}

function isSelectable(
  field: string,
  { selectableFields, namespaced }: ResourceDefinition,
): boolean {
  if (field === 'metadata.name') return true;
  if (field === 'metadata.namespace') return namespaced;
  return Object.hasOwn(selectableFields, field);
}

/** What an object has in a field that its resource can be selected by. */
export function readField(
  field: string,
  object: ReadonlyApiObject,
  definition: ResourceDefinition,
): string {
  if (field === 'metadata.name') return object.metadata.name ?? '';
  if (field === 'metadata.namespace') return object.metadata.namespace ?? '';
  return definition.selectableFields[field]?.(object) ?? '';
}

/** Splits at commas that are not escaped. */
function splitTerms(text: string): readonly string[] {
  return text.match(/(?:\\.?|[^,\\])+/gs) ?? [];
}

/** The value as it is meant. A bare comma is not there any more: it ended the term. */
function unescaped(value: string): string {
  return value.replace(/=|\\(.?)/gsu, (sequence, character: string | undefined) => {
    const why = 'invalid field selector:';
    // Upstream names the character by its number.
    if (character === undefined) throw badRequest(`${why} unescaped character in value: 61`);
    if (['\\', ',', '='].includes(character)) return character;
    throw badRequest(`${why} invalid escape sequence: ${sequence}`);
  });
}
