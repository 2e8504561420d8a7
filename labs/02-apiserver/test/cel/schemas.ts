// schemas: short names for the schemas of tests, and a rule tried out on an object of one.

import { compileRules } from '#src/crd/compiled-rules.ts';
import type { JsonSchema } from '#src/crd/json-schema.ts';
import { evaluateRules } from '#src/crd/rule-evaluation.ts';
import { bodyOf } from '#src/strategy/field-error.ts';

export const integer: JsonSchema = { type: 'integer' };
export const number: JsonSchema = { type: 'number' };
export const string: JsonSchema = { type: 'string' };
export const boolean: JsonSchema = { type: 'boolean' };
export const intOrString: JsonSchema = { 'x-kubernetes-int-or-string': true };
export const format = (name: string): JsonSchema => ({ type: 'string', format: name });
export const nullable = (schema: JsonSchema): JsonSchema => ({ ...schema, nullable: true });
export const object = (properties: Readonly<Record<string, JsonSchema>>): JsonSchema => ({
  type: 'object',
  properties,
});
export const map = (values: JsonSchema): JsonSchema => ({
  type: 'object',
  additionalProperties: values,
});
export const list = (items: JsonSchema): JsonSchema => ({ type: 'array', items });
export const listSet = (items: JsonSchema): JsonSchema => ({
  ...list(items),
  'x-kubernetes-list-type': 'set',
});
export const listMap = (keys: readonly string[], items: JsonSchema): JsonSchema => ({
  ...list(items),
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': keys,
});
/** Fields val1, val2, … */
export const schemas = (...all: readonly JsonSchema[]): JsonSchema =>
  object(Object.fromEntries(all.map((schema, index) => [`val${index + 1}`, schema])));
export const values = (...all: readonly unknown[]): Record<string, unknown> =>
  Object.fromEntries(all.map((value, index) => [`val${index + 1}`, value]));

/** A schema, an object of it, and what rules at it say: true, or a part of the complaint. */
export interface Facts {
  readonly name: string;
  readonly schema: JsonSchema;
  readonly value: unknown;
  readonly old?: unknown;
  readonly rules: Readonly<Record<string, true | string>>;
}

export interface Row {
  readonly rule: string;
  readonly facts: Facts;
  readonly want: true | string;
}

export function rowsOf(all: readonly Facts[]): Row[] {
  return all.flatMap((facts) =>
    Object.entries(facts.rules).map(([rule, want]) => ({ rule, facts, want })),
  );
}

/** '' when the rule holds. */
export function complaintOf(rule: string, { schema, value, old }: Facts): string {
  const root = compileRules({ ...schema, 'x-kubernetes-validations': [{ rule }] });
  if (root === undefined) throw new Error('a schema with a rule has a tree');
  return evaluateRules(root, value, old).map(bodyOf).join('\n');
}
