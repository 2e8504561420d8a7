// The smaller kinds: secrets, config maps, namespaces, nodes, leases, events, endpoints, endpoint slices, and unknown ones.

import { describe, expect, test } from 'vitest';
import {
  bodyOf,
  invalidValue,
  notSupported,
  required,
  tooLong,
} from '../../src/strategy/field-error.ts';
import { complaint, create, type Loose, strategyOf, update } from './admit.ts';

const core = (kind: string) => ({ group: '', version: 'v1', kind });
const secret = core('Secret');
const configMap = core('ConfigMap');
const namespace = core('Namespace');
const node = core('Node');
const slice = { group: 'discovery.k8s.io', version: 'v1', kind: 'EndpointSlice' };
const lease = { group: 'coordination.k8s.io', version: 'v1', kind: 'Lease' };
const named = (rest: Loose = {}): Loose => ({ metadata: { name: 'x' }, ...rest });
const base64 = (bytes: number): string => Buffer.alloc(bytes, 1).toString('base64');

describe('bodyOf()', () => {
  test.each([
    [required('a'), 'Required value'],
    [required('a', 'because'), 'Required value: because'],
    [invalidValue('a', 'x"y', 'no'), 'Invalid value: "x\\"y": no'],
    [invalidValue('a', 3, 'no'), 'Invalid value: 3: no'],
    [invalidValue('a', undefined, 'no'), 'Invalid value: "null": no'],
    [invalidValue('a', { b: 1, a: [true] }, 'no'), 'Invalid value: {"a":[true],"b":1}: no'],
    [notSupported('a', 'x', ['b', 'c']), 'Unsupported value: "x": supported values: "b", "c"'],
    [tooLong('a', 63), 'Too long: may not be more than 63 bytes'],
  ])('%j', (error, want) => {
    expect(bodyOf(error)).toBe(want);
  });
});

test('stringData of a secret becomes data', () => {
  const object = create(secret, named({ stringData: { a: 'b' }, data: { a: 'eA==', c: 'eA==' } }));
  expect(object).toEqual({
    kind: 'Secret',
    apiVersion: 'v1',
    metadata: { name: 'x', namespace: 'default' },
    type: 'Opaque',
    data: { a: 'Yg==', c: 'eA==' },
  });
});

test('a namespace gets its finalizer, its label, its phase, and keeps its spec on updates', () => {
  const object = create(namespace, named());
  expect(object).toEqual({
    kind: 'Namespace',
    apiVersion: 'v1',
    metadata: { name: 'x', labels: { 'kubernetes.io/metadata.name': 'x' } },
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  });
  expect(update(namespace, object, named({ spec: { finalizers: [] } })).spec).toEqual(object.spec);
});

test('a node may come with its status', () => {
  const status = { capacity: { cpu: '4' } };
  expect(create(node, named({ status })).status).toMatchObject(status);
});

describe('an object is refused', () => {
  const NO_KEY =
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
  test.each([
    {
      gvk: secret,
      body: named({ data: { 'a b': '' } }),
      says: `Secret "x" is invalid: data[a b]: Invalid value: "a b": ${NO_KEY}`,
    },
    {
      gvk: secret,
      body: named({ data: { a: base64(1024 * 1024 + 1) } }),
      says: 'Secret "x" is invalid: data: Too long: may not be more than 1048576 bytes',
    },
    {
      gvk: secret,
      body: named({ type: 'kubernetes.io/tls', data: { 'tls.crt': '' } }),
      says: 'Secret "x" is invalid: data[tls.key]: Required value',
    },
    {
      gvk: configMap,
      body: named({ data: { a: '1' }, binaryData: { a: '' } }),
      says: 'ConfigMap "x" is invalid: data[a]: Invalid value: "a": duplicate of key present in binaryData',
    },
    {
      gvk: configMap,
      body: named({ data: { a: 'x'.repeat(1024 * 1024 + 1) } }),
      says: 'ConfigMap "x" is invalid: : Too long: may not be more than 1048576 bytes',
    },
    {
      gvk: namespace,
      body: { metadata: { name: 'a.b' } },
      says: 'Namespace "a.b" is invalid: metadata.name: Invalid value: "a.b": must not contain dots',
    },
    {
      gvk: node,
      body: named({ spec: { taints: [{ key: 'a', effect: 'Never' }] } }),
      says: 'Node "x" is invalid: spec.taints[0].effect: Unsupported value: "Never": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
    },
    {
      gvk: lease,
      body: named({ spec: { leaseDurationSeconds: 0 } }),
      says: 'Lease.coordination.k8s.io "x" is invalid: spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0',
    },
    {
      gvk: core('Event'),
      body: named({ involvedObject: { namespace: 'other' } }),
      says: 'Event "x" is invalid: involvedObject.namespace: Invalid value: "other": does not match event.namespace',
    },
    {
      gvk: core('Endpoints'),
      body: named({ subsets: [{ addresses: [{ ip: '127.0.0.1' }], ports: [{ port: 1 }] }] }),
      says: 'Endpoints "x" is invalid: subsets[0].addresses[0].ip: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
    },
    {
      gvk: slice,
      body: named({ addressType: 'IPv4', endpoints: [{ addresses: [] }] }),
      says: 'EndpointSlice.discovery.k8s.io "x" is invalid: endpoints[0].addresses: Required value: must contain at least 1 address',
    },
    {
      gvk: slice,
      body: named({ endpoints: [] }),
      says: 'EndpointSlice.discovery.k8s.io "x" is invalid: addressType: Required value',
    },
    {
      gvk: configMap,
      body: { metadata: { name: 'x', annotations: { a: 'x'.repeat(256 * 1024) } } },
      says: 'ConfigMap "x" is invalid: metadata.annotations: Too long: may not be more than 262144 bytes',
    },
    {
      gvk: configMap,
      body: { metadata: { name: 'x', finalizers: ['no/such/thing'] } },
      says: /metadata\.finalizers: Invalid value: "no\/such\/thing": a qualified name must consist of/,
    },
    {
      gvk: configMap,
      body: {
        metadata: { name: 'x', ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'p' }] },
      },
      says: 'ConfigMap "x" is invalid: metadata.ownerReferences.uid: Invalid value: "": must not be empty',
    },
    { gvk: configMap, body: { metadata: { generateName: 'x-', name: 'x-abcde' } }, says: '' },
  ])('$says', ({ gvk, body, says }) => {
    const message = complaint(() => create(gvk, body));
    if (typeof says === 'string') expect(message).toBe(says);
    else expect(message).toMatch(says);
  });
});

describe('an update is refused', () => {
  test.each([
    {
      gvk: secret,
      old: named({ immutable: true, data: { a: 'eA==' } }),
      body: named({ immutable: true, data: { a: 'eQ==' } }),
      says: 'Secret "x" is invalid: data: Forbidden: field is immutable when `immutable` is set',
    },
    {
      gvk: secret,
      old: named(),
      body: named({ type: 'example.com/other' }),
      says: 'Secret "x" is invalid: type: Invalid value: "example.com/other": field is immutable',
    },
    {
      gvk: configMap,
      old: named({ immutable: true }),
      body: named(),
      says: 'ConfigMap "x" is invalid: immutable: Forbidden: field is immutable when `immutable` is set',
    },
    {
      gvk: node,
      old: named({ spec: { podCIDR: '10.1.0.0/24' } }),
      body: named({ spec: { podCIDR: '10.2.0.0/24' } }),
      says: 'Node "x" is invalid: spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid',
    },
    {
      gvk: slice,
      old: named({ addressType: 'IPv4', endpoints: [] }),
      body: named({ addressType: 'IPv6', endpoints: [] }),
      says: 'EndpointSlice.discovery.k8s.io "x" is invalid: addressType: Invalid value: "IPv6": field is immutable',
    },
    {
      gvk: configMap,
      old: named(),
      body: { metadata: { name: 'y' } },
      says: 'ConfigMap "y" is invalid: metadata.name: Invalid value: "y": field is immutable',
    },
  ])('$says', ({ gvk, old, body, says }) => {
    expect(complaint(() => update(gvk, create(gvk, old), body))).toBe(says);
  });

  test('that adds a finalizer to an object on its way out', () => {
    const old = create(configMap, named());
    const leaving = {
      ...old,
      metadata: { ...(old.metadata as Loose), deletionTimestamp: '2024-01-01T00:00:00Z' },
    };
    const body = { metadata: { name: 'x', finalizers: ['a/b'] } };
    expect(complaint(() => update(configMap, leaving, body))).toBe(
      'ConfigMap "x" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"a/b"}',
    );
  });
});

test('a status update changes the status alone', () => {
  const gvk = core('Node');
  const old = create(gvk, named({ spec: { unschedulable: true } }));
  const next: Loose = { ...structuredClone(old), spec: {}, status: { phase: 'Running' } };
  strategyOf(gvk).prepareForStatusUpdate?.(next, old);
  expect(next).toMatchObject({ spec: { unschedulable: true }, status: { phase: 'Running' } });
});

test('a kind without a strategy of its own has its metadata checked, and its status kept', () => {
  const gvk = { group: 'networking.k8s.io', version: 'v1', kind: 'ServiceCIDR' };
  const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: null }];
  const object = create(gvk, named({ spec: { cidrs: [] }, status: { conditions } }));
  expect(object.status).toEqual({});
  expect(complaint(() => create(gvk, { metadata: { name: 'a/b' } }))).toBe(
    'ServiceCIDR.networking.k8s.io "a/b" is invalid: metadata.name: Invalid value: "a/b": may not contain \'/\'',
  );
  expect(() =>
    strategyOf({ group: 'no.such', version: 'v9', kind: 'Thing' }).validate({}),
  ).not.toThrow();
});
