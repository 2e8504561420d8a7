import { describe, expect, test } from 'vitest';
import type { JsonSchema } from '#src/crd/json-schema.ts';
import { errorsOf, withSchema } from './definitions.ts';

const AT = 'spec.versions[0].schema.openAPIV3Schema';
/** A field `spec.x` of the given schema. */
const field = (x: JsonSchema): JsonSchema => ({
  type: 'object',
  properties: { spec: { type: 'object', properties: { x } } },
});
const X = `${AT}.properties[spec].properties[x]`;

describe('the schema of a CustomResourceDefinition', () => {
  test.each<{ name: string; schema: JsonSchema; want: string[] }>([
    {
      name: 'needs a type at the root',
      schema: { properties: {} },
      want: [`${AT}.type: Required value: must not be empty at the root`],
    },
    {
      name: 'describes an object',
      schema: { type: 'string' },
      want: [`${AT}.type: Invalid value: "string": must be object at the root`],
    },
    {
      name: 'needs a type for each field',
      schema: field({}),
      want: [`${X}.type: Required value: must not be empty for specified object fields`],
    },
    {
      name: 'needs a type for items',
      schema: field({ type: 'array', items: {} }),
      want: [`${X}.items.type: Required value: must not be empty for specified array items`],
    },
    {
      name: 'needs items for a list',
      schema: field({ type: 'array' }),
      want: [`${X}.items: Required value: must be specified`],
    },
    {
      name: 'takes fields of any content',
      schema: field({ 'x-kubernetes-preserve-unknown-fields': true }),
      want: [],
    },
    {
      name: 'takes numbers that may be strings',
      schema: field({
        'x-kubernetes-int-or-string': true,
        anyOf: [{ type: 'integer' }, { type: 'string' }],
      }),
      want: [],
    },
    {
      name: 'takes them also inside allOf',
      schema: field({
        'x-kubernetes-int-or-string': true,
        allOf: [{ anyOf: [{ type: 'integer' }, { type: 'string' }] }, { pattern: '^a' }],
      }),
      want: [],
    },
    {
      name: 'has no types in alternatives',
      schema: field({ type: 'string', anyOf: [{ type: 'string' }] }),
      want: [`${X}.anyOf[0].type: Forbidden: must be empty to be structural`],
    },
    {
      name: 'has no defaults, descriptions and extensions in alternatives',
      schema: field({
        type: 'object',
        allOf: [
          {
            default: {},
            description: 'd',
            nullable: true,
            'x-kubernetes-preserve-unknown-fields': true,
          },
        ],
      }),
      want: [
        `${X}.allOf[0].default: Forbidden: must be undefined to be structural`,
        `${X}.allOf[0].description: Forbidden: must be empty to be structural`,
        `${X}.allOf[0].nullable: Forbidden: must be false to be structural`,
        `${X}.allOf[0].x-kubernetes-preserve-unknown-fields: Forbidden: must be false to be structural`,
      ],
    },
    {
      name: 'describes outside what alternatives mention',
      schema: {
        type: 'object',
        properties: { a: { type: 'string' } },
        oneOf: [{ required: ['a'], properties: { b: { minLength: 1 } } }],
      },
      want: [
        `${AT}.properties[b]: Required value: because it is defined in ${AT}.oneOf[0].properties[b]`,
      ],
    },
    {
      name: 'leaves metadata alone',
      schema: {
        type: 'object',
        properties: { metadata: { type: 'object', properties: { labels: { type: 'object' } } } },
      },
      want: [
        `${AT}.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified`,
      ],
    },
    {
      name: 'may restrict names',
      schema: {
        type: 'object',
        properties: {
          metadata: { type: 'object', properties: { name: { type: 'string', maxLength: 5 } } },
        },
      },
      want: [],
    },
    {
      name: 'has no map at the root',
      schema: { type: 'object', additionalProperties: { type: 'string' } },
      want: [`${AT}.additionalProperties: Forbidden: must not be used at the root`],
    },
    {
      name: 'has no map beside properties',
      schema: field({
        type: 'object',
        properties: { a: { type: 'string' } },
        additionalProperties: { type: 'string' },
      }),
      want: [
        `${X}.additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive`,
      ],
    },
    {
      name: 'has no quadratic checks',
      schema: field({ type: 'array', uniqueItems: true, items: { type: 'string' } }),
      want: [
        `${X}.uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic`,
      ],
    },
    {
      name: 'has no references',
      schema: field({ type: 'string', $ref: '#/x' }),
      want: [`${X}.$ref: Forbidden: $ref is not supported`],
    },
    {
      name: 'knows six types',
      schema: field({ type: 'text' }),
      want: [
        `${X}.type: Unsupported value: "text": supported values: "array", "boolean", "integer", "number", "object", "string"`,
      ],
    },
    {
      name: 'has patterns that are regular expressions',
      schema: field({ type: 'string', pattern: '(' }),
      want: [
        expect.stringContaining(
          `${X}.pattern: Invalid value: "(": must be a valid regular expression, but isn't: error parsing regexp: `,
        ) as unknown as string,
      ],
    },
    {
      name: 'has defaults that fit',
      schema: field({
        type: 'object',
        default: { a: 1, b: 2 },
        properties: { a: { type: 'string' } },
      }),
      want: [
        `${X}.default: Invalid value: {"a":1,"b":2}: must not have unknown fields`,
        `${X}.default.a: Invalid value: "integer": a in body must be of type string: "integer"`,
      ],
    },
    {
      name: 'has no default for kind',
      schema: { type: 'object', properties: { kind: { type: 'string', default: 'X' } } },
      want: [`${AT}.properties[kind].default: Forbidden: must not be set in top-level kind`],
    },
    {
      name: 'embeds objects',
      schema: field({ type: 'object', 'x-kubernetes-embedded-resource': true }),
      want: [
        `${X}.properties: Required value: must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields`,
      ],
    },
    {
      name: 'has keys for list-maps',
      schema: field({ type: 'array', 'x-kubernetes-list-type': 'map', items: { type: 'object' } }),
      want: [
        `${X}.x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map`,
      ],
    },
    {
      name: 'has keys that every item has',
      schema: field({
        type: 'array',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['k', 'z'],
        items: { type: 'object', properties: { k: { type: 'string' } } },
      }),
      want: [
        `${X}.x-kubernetes-list-map-keys: Invalid value: ["k","z"]: entries must all be names of item properties`,
        `${X}.items.properties[k].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property`,
      ],
    },
    {
      name: 'has sets of atoms',
      schema: field({ type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'object' } }),
      want: [
        `${X}.items.x-kubernetes-map-type: Invalid value: "null": must be atomic as item of a list with x-kubernetes-list-type=set`,
      ],
    },
    {
      name: 'has list types for lists',
      schema: field({ type: 'string', 'x-kubernetes-list-type': 'set' }),
      want: [
        `${X}.type: Invalid value: "string": must be array if x-kubernetes-list-type is specified`,
      ],
    },
    {
      name: 'has rules that say something',
      schema: field({ type: 'object', 'x-kubernetes-validations': [{ rule: ' ' }] }),
      want: [`${X}.x-kubernetes-validations[0].rule: Required value: rule is not specified`],
    },
    {
      name: 'may have rules',
      schema: field({
        type: 'object',
        properties: { a: { type: 'integer' }, b: { type: 'integer' } },
        'x-kubernetes-validations': [{ rule: 'self.a < self.b', message: 'a < b' }],
      }),
      want: [],
    },
  ])('$name', ({ schema, want }) => {
    expect(errorsOf(withSchema(schema))).toEqual(want);
  });

  test('with a status of its own has only what the status can be judged by alone at the root', () => {
    const definition = withSchema({ type: 'object', allOf: [{ required: ['spec'] }] });
    Object.assign(definition.spec.versions[0] ?? {}, { subresources: { status: {} } });
    expect(errorsOf(definition)).toEqual([
      expect.stringMatching(
        /openAPIV3Schema: Invalid value: .*: only \[Description Type .* XValidations\] fields are allowed at the root of the schema if the status subresource is enabled$/,
      ),
    ]);
  });
});
