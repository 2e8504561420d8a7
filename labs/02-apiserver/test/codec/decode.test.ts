// Bodies, good and bad, and the exact answer to each.

import { describe, expect, test } from 'vitest';
import { ApiError } from '../../src/api-error.ts';
import { checkObject, decodeObject, decodeOptions } from '../../src/codec/decode.ts';

const pod = { group: '', version: 'v1', kind: 'Pod' };
const deployment = { group: 'apps', version: 'v1', kind: 'Deployment' };
const secret = { group: '', version: 'v1', kind: 'Secret' };
const hpa = { group: 'autoscaling', version: 'v2', kind: 'HorizontalPodAutoscaler' };
const JSON_TYPE = 'application/json';
const YAML = 'application/yaml';
const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const QUANTITY =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const TYPE_META =
  'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';

function bytes(body: unknown): Buffer {
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}

function messageOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (ApiError.is(error)) return `${error.code} ${error.message}`;
    throw error;
  }
  return 'no error';
}

const cannot = (kind: string, version = 'v1'): string =>
  `400 ${kind} in version "${version}" cannot be handled as a ${kind}: `;
const unrecognized = '400 the object provided is unrecognized (must be of type Pod): ';

describe('decodeObject() answers a bad body', () => {
  test.each([
    {
      body: '',
      says: `${unrecognized}couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)`,
    },
    {
      body: '{"a":}',
      says: `${unrecognized}couldn't get version/kind; json parse error: invalid character '}' looking for beginning of value ({"a":})`,
    },
    {
      body: '{"a": 1 "b"}',
      says: `${unrecognized}couldn't get version/kind; json parse error: invalid character '"' after object key:value pair ({"a": 1 "b"})`,
    },
    {
      body: '{a: 1}',
      says: `${unrecognized}couldn't get version/kind; json parse error: invalid character 'a' looking for beginning of object key string ({a: 1})`,
    },
    {
      body: '{"a": tru}',
      says: `${unrecognized}couldn't get version/kind; json parse error: invalid character '}' in literal true (expecting 'e') ({"a": tru})`,
    },
    {
      body: '{"a": "x\ny"}',
      says: `${unrecognized}couldn't get version/kind; json parse error: invalid character '\\n' in string literal ({"a": "x\ny"})`,
    },
    {
      body: '{"a": 1.}',
      says: `${unrecognized}couldn't get version/kind; json parse error: invalid character '}' after decimal point in numeric literal ({"a": 1.})`,
    },
    {
      body: '{} x',
      says: `${unrecognized}couldn't get version/kind; json parse error: invalid character 'x' after top-level value ({} x)`,
    },
    {
      body: `{"a": "${'x'.repeat(40)}`,
      says: `${unrecognized}couldn't get version/kind; json parse error: unexpected end of JSON input ({"a": "${'x'.repeat(23)} ...)`,
    },
    {
      body: '[1]',
      says: `${unrecognized}couldn't get version/kind; json parse error: json: cannot unmarshal array into Go value of type ${TYPE_META} (5b315d)`,
    },
    {
      body: { kind: 1 },
      says: `${unrecognized}couldn't get version/kind; json parse error: json: cannot unmarshal number into Go struct field .kind of type string ({"kind":1})`,
    },
    {
      body: { apiVersion: 'a/b/c' },
      says: `${unrecognized}unexpected GroupVersion string: a/b/c ({"apiVersion":"a/b/c"})`,
    },
    {
      body: 'zzz',
      type: PROTOBUF,
      says: `${unrecognized}provided data does not appear to be a protobuf message, expected prefix [107 56 115 0] (7a7a7a)`,
    },
    {
      body: 'a: b: c',
      type: YAML,
      says: `${unrecognized}error converting YAML to JSON: yaml: line 1: Nested mappings are not allowed in compact mappings (613a20623a2063)`,
    },
    {
      body: { kind: 'Service', apiVersion: 'v1' },
      says: '400 Service in version "v1" cannot be handled as a Pod: converting (v1.Service) to (core.Pod): unknown conversion',
    },
    {
      body: { kind: 'Foo', apiVersion: 'v1' },
      says: '400 Foo in version "v1" cannot be handled as a Pod: no kind "Foo" is registered for version "v1" in scheme "pkg/api/legacyscheme/scheme.go:30"',
    },
    {
      body: { kind: 'HorizontalPodAutoscaler', apiVersion: 'autoscaling/v1' },
      gvk: hpa,
      says: '400 the API version in the data (autoscaling/v1) does not match the expected API version (autoscaling/v2)',
    },
    {
      body: { spec: { replicas: 'three' } },
      gvk: deployment,
      says: `${cannot('Deployment')}json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32`,
    },
    {
      body: { spec: { replicas: 1.5 } },
      gvk: deployment,
      says: `${cannot('Deployment')}json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32`,
    },
    {
      body: { spec: { replicas: 3_000_000_000 } },
      gvk: deployment,
      says: `${cannot('Deployment')}json: cannot unmarshal number 3000000000 into Go struct field DeploymentSpec.spec.replicas of type int32`,
    },
    {
      body: { spec: { containers: 'x' } },
      says: `${cannot('Pod')}json: cannot unmarshal string into Go struct field PodSpec.spec.containers of type []v1.Container`,
    },
    {
      body: { spec: { containers: ['x'] } },
      says: `${cannot('Pod')}json: cannot unmarshal string into Go struct field PodSpec.spec.containers of type v1.Container`,
    },
    {
      body: { spec: { containers: [{ image: 1 }] } },
      says: `${cannot('Pod')}json: cannot unmarshal number into Go struct field Container.spec.containers.image of type string`,
    },
    {
      body: { spec: { restartPolicy: true } },
      says: `${cannot('Pod')}json: cannot unmarshal bool into Go struct field PodSpec.spec.restartPolicy of type v1.RestartPolicy`,
    },
    {
      body: { metadata: { labels: { a: 1 } } },
      says: `${cannot('Pod')}json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string`,
    },
    {
      body: { metadata: { labels: ['a'] } },
      says: `${cannot('Pod')}json: cannot unmarshal array into Go struct field ObjectMeta.metadata.labels of type map[string]string`,
    },
    {
      body: { metadata: { creationTimestamp: 'yesterday' } },
      says: `${cannot('Pod')}parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006"`,
    },
    {
      body: { metadata: { creationTimestamp: '2024-13-01T00:00:00Z' } },
      says: `${cannot('Pod')}parsing time "2024-13-01T00:00:00Z": month out of range`,
    },
    {
      body: { spec: { containers: [{ resources: { limits: { cpu: 'much' } } }] } },
      says: cannot('Pod') + QUANTITY,
    },
    {
      body: { data: { a: '*' } },
      gvk: secret,
      says: `${cannot('Secret')}illegal base64 data at input byte 0`,
    },
    {
      body: { spec: { foo: 1, containers: [{ nope: 1 }] }, bar: 1 },
      says: `${cannot('Pod')}strict decoding error: unknown field "spec.foo", unknown field "spec.containers[0].nope", unknown field "bar"`,
    },
    {
      body: '{"spec":{"replicas":1,"replicas":2}}',
      gvk: deployment,
      says: `${cannot('Deployment')}strict decoding error: duplicate field "spec.replicas"`,
    },
    {
      body: 'spec:\n  replicas: 1\n  replicas: 2\n',
      type: YAML,
      gvk: deployment,
      says: `${cannot('Deployment')}strict decoding error: yaml: unmarshal errors:\n  line 3: key "replicas" already set in map`,
    },
    {
      body: 'x',
      type: 'text/plain',
      says: '415 the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf',
    },
  ])('$body', ({ body, type = JSON_TYPE, gvk = pod, says }) => {
    expect(messageOf(() => decodeObject(bytes(body), type, gvk, 'Strict'))).toBe(says);
  });

  test('that is too deep, not UTF-8, or otherwise strange, without failing itself', () => {
    const bodies = [
      '{"a":'.repeat(20_000),
      '['.repeat(20_000),
      '\ufeff{}',
      '{"__proto__":{"x":1}}',
      'null',
      '"x"',
      '1e400',
    ];
    const raw = [
      ...bodies.map(bytes),
      Buffer.from([0xff, 0xfe, 0x7b]),
      Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
    ];
    for (const body of raw) {
      for (const type of [JSON_TYPE, YAML, PROTOBUF, undefined]) {
        for (const mode of ['Strict', 'Warn', 'Ignore'] as const) {
          try {
            decodeObject(body, type, pod, mode);
          } catch (error) {
            expect(error).toBeInstanceOf(ApiError);
          }
        }
      }
    }
  });
});

describe('decodeObject() gives the object as Go would write it', () => {
  test.each([
    {
      name: 'kind and apiVersion may be missing',
      body: {},
      want: { spec: {}, metadata: {}, status: {} },
    },
    {
      name: 'null is absence',
      body: { metadata: { name: 'a', labels: null, creationTimestamp: null }, spec: null },
      want: { metadata: { name: 'a' }, spec: {}, status: {} },
    },
    {
      name: 'empty maps, lists and strings are absence',
      body: {
        metadata: { labels: {} },
        spec: { containers: [], volumes: [], nodeName: '', hostNetwork: false },
      },
      want: { metadata: {}, spec: { containers: [] }, status: {} },
    },
    {
      name: 'zero behind a pointer is a value',
      body: { spec: { terminationGracePeriodSeconds: 0, automountServiceAccountToken: false } },
      want: {
        metadata: {},
        spec: { terminationGracePeriodSeconds: 0, automountServiceAccountToken: false },
        status: {},
      },
    },
    {
      name: 'an empty struct behind a pointer is a value',
      body: { spec: { volumes: [{ name: 'v', emptyDir: {} }] } },
      want: { metadata: {}, spec: { volumes: [{ name: 'v', emptyDir: {} }] }, status: {} },
    },
    {
      name: 'quantities and times are canonical',
      body: {
        metadata: { creationTimestamp: '2024-05-01T12:00:00+02:00' },
        spec: { overhead: { cpu: 0.5, memory: '1024Mi' } },
      },
      want: {
        metadata: { creationTimestamp: '2024-05-01T10:00:00Z' },
        spec: { overhead: { cpu: '500m', memory: '1Gi' } },
        status: {},
      },
    },
  ])('$name', ({ body, want }) => {
    const { object } = decodeObject(bytes(body), JSON_TYPE, pod, 'Strict');
    expect(object).toEqual({ kind: 'Pod', apiVersion: 'v1', ...want });
  });

  test('unknown fields never get through, whatever the mode', () => {
    const body = bytes({ spec: { foo: 1 }, bar: 2 });
    const want = { kind: 'Pod', apiVersion: 'v1', metadata: {}, spec: {}, status: {} };
    expect(decodeObject(body, JSON_TYPE, pod, 'Ignore')).toEqual({ object: want, warnings: [] });
    expect(decodeObject(body, JSON_TYPE, pod, 'Warn')).toEqual({
      object: want,
      warnings: ['unknown field "spec.foo"', 'unknown field "bar"'],
    });
  });

  test('YAML gives what JSON gives', () => {
    const text =
      'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - name: c\n    image: "1"\n';
    expect(decodeObject(bytes(text), YAML, pod, 'Strict').object).toMatchObject({
      metadata: { name: 'a' },
      spec: { containers: [{ name: 'c', image: '1' }] },
    });
  });
});

test('checkObject() blames the patch', () => {
  const message = messageOf(() => checkObject({ spec: { foo: 1 } }, deployment, 'Strict'));
  expect(message).toBe(
    '422  "" is invalid: patch: Invalid value: "{\\"spec\\":{\\"foo\\":1}}": strict decoding error: unknown field "spec.foo"',
  );
});

describe('decodeOptions()', () => {
  test.each([
    { body: '', kind: 'DeleteOptions', want: {} },
    {
      body: { propagationPolicy: 'Background', gracePeriodSeconds: 0 },
      kind: 'DeleteOptions',
      want: { propagationPolicy: 'Background', gracePeriodSeconds: 0 },
    },
    {
      body: { kind: 'Eviction', apiVersion: 'policy/v1', metadata: { name: 'p' }, unknown: 1 },
      kind: 'Eviction',
      want: { kind: 'Eviction', apiVersion: 'policy/v1', metadata: { name: 'p' } },
    },
    {
      body: { spec: { replicas: 0 } },
      kind: 'Scale',
      want: { metadata: {}, spec: {}, status: { replicas: 0 } },
    },
  ])('$kind $body', ({ body, kind, want }) => {
    expect(decodeOptions(bytes(body), JSON_TYPE, kind)).toEqual(want);
  });

  test('refuses another kind', () => {
    const body = bytes({ kind: 'Pod', apiVersion: 'v1' });
    expect(messageOf(() => decodeOptions(body, JSON_TYPE, 'DeleteOptions'))).toMatch(/^400 /);
  });
});
