import { describe, expect, test } from 'vitest';
import { ApiError } from '#src/api-error.ts';
import type { KubernetesObject } from '#src/client/resources.ts';
import type { FieldValidation } from '#src/codec/decode.ts';
import { customResourceCodec, readFromStore } from '#src/crd/custom-resource-codec.ts';
import { customResourceStrategy } from '#src/crd/custom-resource-strategy.ts';
import type { CustomResourceDefinitionVersion } from '#src/crd/definition.ts';
import { customResourceDefinitionCodec } from '#src/crd/definition-codec.ts';
import { parseJsonPath, selectJsonPath } from '#src/crd/json-path.ts';
import type { JsonSchema } from '#src/crd/json-schema.ts';
import { openApiDefinitions } from '#src/crd/openapi.ts';
import { printerOfVersion } from '#src/crd/printer.ts';
import { customScaleOf, setCustomReplicas } from '#src/crd/scale.ts';
import type { ReadonlyApiObject } from '#src/registry/api-object.ts';
import { NO_REPLICAS } from '#src/server/scale.ts';
import { cronTabs, SCHEMA, texts } from './definitions.ts';

const GVK = { group: 'stable.example.com', version: 'v1', kind: 'CronTab' };
const codec = customResourceCodec(GVK, SCHEMA);
const cronTab = (spec: object, rest: object = {}): KubernetesObject & { spec: object } => ({
  apiVersion: 'stable.example.com/v1',
  kind: 'CronTab',
  metadata: { name: 'my', namespace: 'default' },
  spec: { cronSpec: '* * * * */5', ...spec },
  ...rest,
});

describe('customResourceCodec', () => {
  const decode = (body: object | string, validation: FieldValidation = 'Strict') => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return codec.decode(Buffer.from(text), 'application/json', validation);
  };
  const failure = (run: () => unknown): { code: number; message: string } => {
    try {
      run();
    } catch (error) {
      if (ApiError.is(error)) return { code: error.code, message: error.message };
      throw error;
    }
    throw new Error('nothing was thrown');
  };

  test('fills in defaults', () => {
    expect(decode(cronTab({})).object).toMatchObject({ spec: { image: 'busybox' } });
  });

  const lead = 'CronTab in version "v1" cannot be handled as a CronTab';
  test.each([
    {
      name: 'unknown fields',
      body: cronTab({ extra: 1, also: 2 }),
      message: `${lead}: strict decoding error: unknown field "spec.also", unknown field "spec.extra"`,
    },
    {
      name: 'unknown fields of metadata',
      body: cronTab({}, { metadata: { name: 'x', nme: 'y' } }),
      message: `${lead}: strict decoding error: unknown field "metadata.nme"`,
    },
    {
      name: 'fields that occur twice',
      body: '{"apiVersion":"stable.example.com/v1","kind":"CronTab","spec":{"image":"a","image":"b"}}',
      message: `${lead}: strict decoding error: duplicate field "spec.image"`,
    },
    {
      name: 'labels that are no strings',
      body: cronTab({}, { metadata: { labels: { a: 1 } } }),
      message: `${lead}: json: cannot unmarshal number into Go struct field ObjectMeta.labels of type string`,
    },
    {
      name: 'another version',
      body: { ...cronTab({}), apiVersion: 'stable.example.com/v2' },
      message:
        'the API version in the data (stable.example.com/v2) does not match the expected API version (stable.example.com/v1)',
    },
    {
      name: 'no kind',
      body: '{"spec":{}}',
      message: `${lead}: Object 'Kind' is missing in '{"spec":{}}'`,
    },
    {
      name: 'no object',
      body: '[]',
      message: `the object provided is unrecognized (must be of type CronTab): couldn't get version/kind; json parse error: json: cannot unmarshal array into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" } (5b5d)`,
    },
    {
      name: 'no JSON',
      body: '{',
      message:
        "the object provided is unrecognized (must be of type CronTab): couldn't get version/kind; json parse error: unexpected end of JSON input ({)",
    },
  ])('refuses $name', ({ body, message }) => {
    expect(failure(() => decode(body))).toEqual({ code: 400, message });
  });

  test('refuses another kind as invalid', () => {
    expect(failure(() => decode({ ...cronTab({}), kind: 'Tab' }))).toEqual({
      code: 422,
      message:
        'CronTab.stable.example.com "my" is invalid: kind: Invalid value: "Tab": must be CronTab',
    });
  });

  test('refuses protobuf', () => {
    const run = () =>
      codec.decode(Buffer.from('k8s\0'), 'application/vnd.kubernetes.protobuf', 'Warn');
    expect(failure(run)).toEqual({
      code: 415,
      message:
        'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml',
    });
  });

  test('warns of unknown fields, or says nothing, as it is asked to', () => {
    const body = cronTab({ extra: 1 });
    expect(decode(body, 'Warn').warnings).toEqual(['unknown field "spec.extra"']);
    expect(decode(body, 'Ignore').warnings).toEqual([]);
    expect(decode(body, 'Warn').object).not.toHaveProperty('spec.extra');
  });

  test('a patch that makes an unknown field is invalid', () => {
    const { code, message } = failure(() => codec.check(cronTab({ extra: 1 }), 'Strict'));
    expect(code).toBe(422);
    expect(message).toMatch(
      /patch: Invalid value: .*: strict decoding error: unknown field "spec.extra"$/,
    );
  });

  test('what lies in the store is read by the schema of today', () => {
    const stored = cronTab({ gone: 1 }, { metadata: { name: 'x', labels: 'wrong' } });
    const read = readFromStore(stored as ReadonlyApiObject, SCHEMA);
    expect(read).toEqual({ ...cronTab({ image: 'busybox' }), metadata: { name: 'x' } });
    expect(stored).toHaveProperty('spec.gone');
  });
});

describe('customResourceStrategy', () => {
  const version: CustomResourceDefinitionVersion = {
    name: 'v1',
    served: true,
    storage: true,
    schema: { openAPIV3Schema: SCHEMA as object },
    subresources: {
      status: {},
      scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' },
    },
  };
  const strategy = customResourceStrategy({ version, namespaced: true });

  test('a client makes no status where the status is a subresource', () => {
    const object = cronTab({}, { status: { replicas: 3 } });
    strategy.prepareForCreate(object);
    expect(object).not.toHaveProperty('status');
    expect(object.metadata?.generation).toBe(1);
  });

  test('a change of the specification is a new generation, a change of labels is not', () => {
    const old = cronTab(
      {},
      { metadata: { name: 'my', namespace: 'default', generation: 4 }, status: { replicas: 1 } },
    );
    const labelled = cronTab(
      {},
      { metadata: { name: 'my', namespace: 'default', labels: { a: 'b' } } },
    );
    strategy.prepareForUpdate(labelled, old);
    expect(labelled.metadata?.generation).toBe(4);
    expect(labelled).toHaveProperty('status', { replicas: 1 });
    const changed = cronTab({ replicas: 2 });
    strategy.prepareForUpdate(changed, old);
    expect(changed.metadata?.generation).toBe(5);
  });

  test('a status update changes the status alone', () => {
    const old = cronTab({}, { metadata: { name: 'my', namespace: 'default', generation: 4 } });
    const next = cronTab(
      { replicas: 9 },
      {
        metadata: { name: 'my', namespace: 'default', labels: { a: 'b' } },
        status: { replicas: 2 },
      },
    );
    strategy.prepareForStatusUpdate?.(next, old);
    expect(next).toEqual({ ...old, status: { replicas: 2 } });
  });

  test("judges by the schema, in kubectl's words", () => {
    const object = cronTab({ cronSpec: '* *', replicas: 'many' });
    expect(texts(strategy.validate(object))).toEqual([
      `spec.cronSpec: Invalid value: "* *": spec.cronSpec in body should match '${SCHEMA.properties?.spec?.properties?.cronSpec?.pattern}'`,
      'spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string"',
      '.spec.replicas: Invalid value: 0: .spec.replicas accessor error: "many" is of the type string, expected int64',
    ]);
  });

  test('an old mistake does not stand in the way of another change', () => {
    const meta = {
      metadata: { name: 'my', namespace: 'default', uid: 'u', creationTimestamp: 't' },
    };
    const old = cronTab({ replicas: 99 }, meta);
    expect(
      texts(strategy.validateUpdate(cronTab({ replicas: 99, image: 'x' }, meta), old)),
    ).toEqual([]);
    expect(texts(strategy.validateUpdate(cronTab({ replicas: 98 }, meta), old))).toEqual([
      'spec.replicas: Invalid value: 98: spec.replicas in body should be less than or equal to 10',
    ]);
  });

  test('embedded resources say what they are', () => {
    const template: JsonSchema = {
      type: 'object',
      'x-kubernetes-embedded-resource': true,
      'x-kubernetes-preserve-unknown-fields': true,
    };
    const schema: JsonSchema = {
      type: 'object',
      properties: { spec: { type: 'object', properties: { template } } },
    };
    const own = customResourceStrategy({
      version: { ...version, schema: { openAPIV3Schema: schema as object }, subresources: {} },
      namespaced: true,
    });
    const object = { ...cronTab({}), spec: { template: { kind: '1', metadata: { name: 'A%' } } } };
    expect(texts(own.validate(object))).toEqual([
      'spec.template.apiVersion: Required value',
      expect.stringContaining(
        'spec.template.kind: Invalid value: "1": may have mixed case, but should otherwise match: a DNS-1035 label',
      ),
      'spec.template.metadata.name: Invalid value: "A%": may not contain \'%\'',
    ]);
  });
});

describe('customResourceDefinitionCodec', () => {
  test('drops keywords that no schema has, also where a schema stands beside other things', () => {
    const definition = cronTabs(({ spec }) => {
      const schema = {
        type: 'object',
        properties: { l: { type: 'array', items: { type: 'string', colour: 'red' } } },
      };
      Object.assign(spec.versions[0] ?? {}, { schema: { openAPIV3Schema: schema } });
    });
    const bytes = Buffer.from(JSON.stringify(definition));
    const { object } = customResourceDefinitionCodec.decode(bytes, 'application/json', 'Strict');
    expect(object).toHaveProperty('spec.versions.0.schema.openAPIV3Schema.properties.l.items', {
      type: 'string',
    });
  });

  test("a keyword of the wrong type there is the client's fault", () => {
    const definition = cronTabs(({ spec }) => {
      const schema = {
        type: 'object',
        properties: { l: { type: 'array', items: { minLength: 'x' } } },
      };
      Object.assign(spec.versions[0] ?? {}, { schema: { openAPIV3Schema: schema } });
    });
    const bytes = Buffer.from(JSON.stringify(definition));
    expect(() => customResourceDefinitionCodec.decode(bytes, 'application/json', 'Warn')).toThrow(
      /CustomResourceDefinition in version "v1" cannot be handled as a CustomResourceDefinition: json: cannot unmarshal string into Go struct field JSONSchemaProps\.minLength of type int64/,
    );
  });
});

describe('JSONPath', () => {
  const object = {
    metadata: { labels: { 'app.kubernetes.io/name': 'web' } },
    status: {
      conditions: [
        { type: 'Ready', status: 'True', n: 1 },
        { type: 'Synced', status: 'False', n: 2 },
      ],
    },
    list: ['a', 'b', 'c'],
  };
  test.each([
    ['.metadata.labels.app\\.kubernetes\\.io/name', ['web']],
    ["['metadata'].labels['app.kubernetes.io/name']", ['web']],
    ['.status.conditions[?(@.type=="Ready")].status', ['True']],
    [".status.conditions[?(@.type == 'Synced')].status", ['False']],
    ['.status.conditions[?(@.n>1)].type', ['Synced']],
    ['.status.conditions[?(@.n)].type', ['Ready', 'Synced']],
    ['.status.conditions[*].type', ['Ready', 'Synced']],
    ['..type', ['Ready', 'Synced']],
    ['.list[-1]', ['c']],
    ['.list[0:2]', ['a', 'b']],
    ['.list[7]', []],
    ['.nope.deeper', []],
    ['.constructor', []],
  ])('%s', (path, want) => {
    expect(selectJsonPath(object, parseJsonPath(path))).toEqual(want);
  });

  test.each(['.a[', '.a[?(', '.a b', 'a'])('%s is none', (path) => {
    expect(() => parseJsonPath(path)).toThrow('unrecognized column definition');
  });
});

test('printerOfVersion() prints what fits the type of its column, and nothing else', () => {
  const column = (type: string, jsonPath: string, rest = {}) => ({
    name: jsonPath,
    type,
    jsonPath,
    ...rest,
  });
  const printer = printerOfVersion({
    name: 'v1',
    served: true,
    storage: true,
    additionalPrinterColumns: [
      column('string', '.spec.cronSpec'),
      column('integer', '.spec.replicas', { priority: 1, description: 'how many' }),
      column('integer', '.spec.cronSpec'),
      column('string', '.spec.list'),
      column('boolean', '.spec.on'),
      column('number', '.spec.ratio'),
      column('date', '.metadata.creationTimestamp'),
      column('date', '.spec.cronSpec'),
      column('string', '.spec.nope'),
    ],
  });
  const object = cronTab(
    { replicas: 3, list: ['a'], on: false, ratio: 0.5 },
    { metadata: { name: 'my', creationTimestamp: '2024-05-01T10:00:00Z' } },
  );
  const row = printer.row(object as ReadonlyApiObject, Date.parse('2024-05-01T10:05:00Z'));
  expect(row).toEqual(['my', '* * * * */5', 3, null, '["a"]', false, 0.5, '5m', '<invalid>', null]);
  expect(printer.columns[1]).toMatchObject({
    description: 'Custom resource definition column (in JSONPath format): .spec.cronSpec',
  });
  expect(printer.columns[2]).toMatchObject({ priority: 1, description: 'how many' });
});

test('printerOfVersion() shows the age when no column is declared', () => {
  const printer = printerOfVersion({ name: 'v1', served: true, storage: true });
  expect(printer.columns.map(({ name, type }) => [name, type])).toEqual([
    ['Name', undefined],
    ['Age', 'date'],
  ]);
});

describe('scale', () => {
  const paths = {
    specReplicasPath: '.spec.size',
    statusReplicasPath: '.status.now',
    labelSelectorPath: '.status.selector',
  };
  test('reads where the definition says', () => {
    const object = { ...cronTab({ size: 3 }), status: { now: 2, selector: 'a=b' } };
    expect(customScaleOf(object as unknown as ReadonlyApiObject, paths)).toEqual({
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      metadata: { name: 'my', namespace: 'default' },
      spec: { replicas: 3 },
      status: { replicas: 2, selector: 'a=b' },
    });
    const { spec } = customScaleOf(cronTab({}) as ReadonlyApiObject, paths);
    expect(spec?.replicas).toBe(NO_REPLICAS);
  });

  test('writes there too, and makes what is missing on the way', () => {
    const object = { metadata: {} };
    setCustomReplicas(object, { ...paths, specReplicasPath: '.spec.pool.size' }, 4);
    expect(object).toEqual({ metadata: {}, spec: { pool: { size: 4 } } });
  });
});

describe('openApiDefinitions()', () => {
  const custom = { ...GVK, listKind: 'CronTabList', plural: 'crontabs' };
  test('names the kind as Java would, and gives it what every resource has', () => {
    const definitions = openApiDefinitions(custom, SCHEMA, 'v3');
    expect(Object.keys(definitions)).toEqual([
      'com.example.stable.v1.CronTab',
      'com.example.stable.v1.CronTabList',
    ]);
    expect(definitions['com.example.stable.v1.CronTab']).toMatchObject({
      type: 'object',
      properties: {
        apiVersion: { type: 'string' },
        metadata: {
          allOf: [{ $ref: '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' }],
        },
        spec: { required: ['cronSpec'] },
      },
      'x-kubernetes-group-version-kind': [GVK],
    });
  });

  test('v2 leaves open what it cannot say', () => {
    const schema: JsonSchema = {
      type: 'object',
      properties: {
        maybe: { type: 'string', nullable: true, description: 'd' },
        either: { type: 'object', oneOf: [{ required: ['a'] }] },
        port: {
          'x-kubernetes-int-or-string': true,
          anyOf: [{ type: 'integer' }, { type: 'string' }],
        },
      },
    };
    const { properties } = openApiDefinitions(custom, schema, 'v2')[
      'com.example.stable.v1.CronTab'
    ] as {
      properties: Record<string, object>;
    };
    expect(properties.maybe).toEqual({ description: 'd' });
    expect(properties.either).toEqual({ type: 'object' });
    expect(properties.port).toEqual({ 'x-kubernetes-int-or-string': true });
  });
});
