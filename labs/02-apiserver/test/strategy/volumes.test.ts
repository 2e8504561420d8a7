// Persistent volumes, claims, and what drivers and classes say about storage.

import { describe, expect, test } from 'vitest';
import type { KubernetesObject } from '../../src/client/resources.ts';
import { persistentVolumeStrategy } from '../../src/strategy/persistent-volume.ts';
import { create, faults, type Loose, update, updateStatus } from './admit.ts';

const core = (kind: string) => ({ group: '', version: 'v1', kind });
const storage = (kind: string) => ({ group: 'storage.k8s.io', version: 'v1', kind });
const pv = core('PersistentVolume');
const pvc = core('PersistentVolumeClaim');

function volumeOf(spec: Loose = {}): Loose {
  const base = {
    capacity: { storage: '1Gi' },
    accessModes: ['ReadWriteOnce'],
    hostPath: { path: '/data' },
  };
  return { metadata: { name: 'x' }, spec: { ...base, ...spec } };
}

function claimOf(spec: Loose = {}): Loose {
  const base = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
  return { metadata: { name: 'x' }, spec: { ...base, ...spec } };
}

describe('a volume', () => {
  test('gets upstream’s defaults, and is pending', () => {
    expect(create(pv, volumeOf())).toMatchObject({
      spec: {
        persistentVolumeReclaimPolicy: 'Retain',
        volumeMode: 'Filesystem',
        hostPath: { type: '' },
      },
      status: { phase: 'Pending' },
    });
  });

  test.each([
    [{ accessModes: undefined }, 'spec.accessModes: Required value'],
    [
      { accessModes: ['ReadWriteOncePod', 'ReadOnlyMany'] },
      'spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes',
    ],
    [
      { accessModes: ['WriteOnly'] },
      'spec.accessModes: Unsupported value: "WriteOnly": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"',
    ],
    [
      { capacity: { storage: '0' } },
      'spec.capacity[storage]: Invalid value: "0": must be greater than zero',
    ],
    [
      { capacity: { cpu: '1' } },
      'spec.capacity: Unsupported value: {"cpu":"1"}: supported values: "storage"',
    ],
    [{ hostPath: undefined }, 'spec: Required value: must specify a volume type'],
    [
      { nfs: { server: 's', path: '/p' } },
      'spec.nfs: Forbidden: may not specify more than 1 volume type',
    ],
    [
      { hostPath: undefined, local: { path: '/d' } },
      'spec.nodeAffinity: Required value: Local volume requires node affinity',
    ],
    [
      { hostPath: undefined, csi: { driver: '', volumeHandle: '' } },
      '[spec.csi.driver: Required value, spec.csi.volumeHandle: Required value]',
    ],
    [
      { hostPath: { path: '/' }, persistentVolumeReclaimPolicy: 'Recycle' },
      "spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath mount of '/'",
    ],
    [
      { nodeAffinity: {} },
      'spec.nodeAffinity.required: Required value: must specify required node constraints',
    ],
  ])('with %j is refused', (spec, says) => {
    expect(faults(() => create(pv, volumeOf(spec)))).toBe(says);
  });

  test.each([
    [{ persistentVolumeReclaimPolicy: 'Delete' }, ''],
    [{ claimRef: { namespace: 'default', name: 'c' } }, ''],
    [{ capacity: { storage: '2Gi' } }, ''],
    [
      { hostPath: { path: '/other' } },
      'spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation',
    ],
    [{ volumeMode: 'Block' }, 'volumeMode: Invalid value: "Block": field is immutable'],
  ])('changed by %j: %s', (change, says) => {
    const old = create(pv, volumeOf());
    const spec = { ...(old.spec as Loose), ...change };
    expect(faults(() => update(pv, old, { ...old, spec }))).toBe(says);
  });
});

test('a volume says since when its phase is what it is', () => {
  const at = (now: string) => ({ user: { name: 'u', groups: [] }, now });
  const created = structuredClone(volumeOf()) as KubernetesObject;
  persistentVolumeStrategy.prepareForCreate(created, at('t1'));
  expect(created).toMatchObject({ status: { phase: 'Pending', lastPhaseTransitionTime: 't1' } });
  const next = (status: Loose, now: string) => {
    const object = { ...structuredClone(created), status } as KubernetesObject;
    persistentVolumeStrategy.prepareForStatusUpdate?.(object, created, at(now));
    return (object as Loose).status;
  };
  expect(next({ phase: 'Pending' }, 't2')).toMatchObject({ lastPhaseTransitionTime: 't1' });
  expect(next({ phase: 'Bound' }, 't2')).toMatchObject({ lastPhaseTransitionTime: 't2' });
  const said = { phase: 'Bound', lastPhaseTransitionTime: 't3' };
  expect(next(said, 't4')).toMatchObject({ lastPhaseTransitionTime: 't3' });
});

describe('a claim', () => {
  test('gets upstream’s defaults, and is pending', () => {
    const dataSource = { kind: 'PersistentVolumeClaim', name: 'other' };
    expect(create(pvc, claimOf({ dataSource }))).toMatchObject({
      spec: { volumeMode: 'Filesystem', dataSource, dataSourceRef: dataSource },
      status: { phase: 'Pending' },
    });
  });

  test.each([
    [
      { accessModes: undefined },
      'spec.accessModes: Required value: at least 1 access mode is required',
    ],
    [{ resources: undefined }, 'spec.resources[storage]: Required value'],
    [
      { resources: { requests: { storage: '-1' } } },
      'spec.resources[storage]: Invalid value: "-1": must be greater than zero',
    ],
    [
      { volumeMode: 'Tape' },
      'spec.volumeMode: Unsupported value: "Tape": supported values: "Block", "Filesystem"',
    ],
    [
      { dataSource: { kind: 'Pod', name: 'p' } },
      '[spec.dataSource: Invalid value: "Pod": must be \'PersistentVolumeClaim\' when referencing the default apiGroup, spec.dataSourceRef: Invalid value: "Pod": must be \'PersistentVolumeClaim\' when referencing the default apiGroup]',
    ],
  ])('with %j is refused', (spec, says) => {
    expect(faults(() => create(pvc, claimOf(spec)))).toBe(says);
  });

  const FIXED =
    'spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';
  const sized = (storage: string) => ({ resources: { requests: { storage } } });

  test.each([
    ['Pending', { volumeName: 'v' }, ''],
    ['Pending', sized('2Gi'), FIXED],
    ['Bound', sized('2Gi'), ''],
    [
      'Bound',
      sized('500Mi'),
      'spec.resources.requests.storage: Forbidden: field can not be less than status.capacity',
    ],
    ['Bound', { accessModes: ['ReadOnlyMany'] }, FIXED],
    // A default class may come late; another one may not.
    ['Bound', { storageClassName: 'fast' }, ''],
    ['Bound', { selector: { matchLabels: { a: 'b' } } }, FIXED],
  ])('that is %s, changed by %j: %s', (phase, change, says) => {
    const made = create(pvc, claimOf());
    const old: Loose = { ...made, status: { phase, capacity: { storage: '1Gi' } } };
    const spec = { ...(old.spec as Loose), ...change };
    expect(faults(() => update(pvc, old, { ...old, spec }))).toBe(says);
  });

  test('has no negative capacity', () => {
    const old = create(pvc, claimOf());
    const says = faults(() => updateStatus(pvc, old, { capacity: { storage: '-1' } }));
    expect(says).toBe(
      'status.capacity[storage]: Invalid value: "-1": must be a valid resource quantity',
    );
  });
});

describe('a storage class', () => {
  const gvk = storage('StorageClass');
  const body = { metadata: { name: 'x' }, provisioner: 'example.com/p' };

  test('gets upstream’s defaults', () => {
    expect(create(gvk, body)).toMatchObject({
      reclaimPolicy: 'Delete',
      volumeBindingMode: 'Immediate',
    });
  });

  test.each([
    [{ provisioner: undefined }, 'provisioner: Required value'],
    [
      { reclaimPolicy: 'Recycle' },
      'reclaimPolicy: Unsupported value: "Recycle": supported values: "Delete", "Retain"',
    ],
    [
      { volumeBindingMode: 'Later' },
      'volumeBindingMode: Unsupported value: "Later": supported values: "Immediate", "WaitForFirstConsumer"',
    ],
  ])('with %j is refused', (change, says) => {
    expect(faults(() => create(gvk, { ...body, ...change }))).toBe(says);
  });

  test.each([
    [{ allowVolumeExpansion: true }, ''],
    [{ parameters: { a: 'b' } }, 'parameters: Forbidden: updates to parameters are forbidden.'],
    [
      { provisioner: 'example.com/q' },
      'provisioner: Forbidden: updates to provisioner are forbidden.',
    ],
    [
      { reclaimPolicy: 'Retain' },
      'reclaimPolicy: Forbidden: updates to reclaimPolicy are forbidden.',
    ],
    [
      { volumeBindingMode: 'WaitForFirstConsumer' },
      'volumeBindingMode: Invalid value: "WaitForFirstConsumer": field is immutable',
    ],
  ])('changed by %j: %s', (change, says) => {
    const old = create(gvk, body);
    expect(faults(() => update(gvk, old, { ...old, ...change }))).toBe(says);
  });
});

describe('a volume attachment', () => {
  const gvk = storage('VolumeAttachment');
  const spec = { attacher: 'a.example.com', nodeName: 'n', source: { persistentVolumeName: 'v' } };
  const body = { metadata: { name: 'x' }, spec };

  test.each([
    [{}, ''],
    [
      { source: {} },
      'spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName',
    ],
    [
      { source: { persistentVolumeName: '' } },
      'spec.source.persistentVolumeName: Required value: must specify non empty persistentVolumeName',
    ],
    [{ attacher: '' }, 'spec.attacher: Required value'],
  ])('with %j: %s', (change, says) => {
    expect(faults(() => create(gvk, { ...body, spec: { ...spec, ...change } }))).toBe(says);
  });

  test('never changes its spec', () => {
    const old = create(gvk, body);
    expect(old.status).toEqual({ attached: false });
    const next = { ...body, spec: { ...spec, nodeName: 'm' } };
    expect(faults(() => update(gvk, old, next))).toMatch(
      /^spec: Invalid value: .*: field is immutable$/,
    );
  });
});

describe('a storage driver', () => {
  const driver = storage('CSIDriver');
  const node = storage('CSINode');
  const capacity = storage('CSIStorageCapacity');

  test('gets upstream’s defaults', () => {
    expect(create(driver, { metadata: { name: 'x' }, spec: {} }).spec).toEqual({
      attachRequired: true,
      podInfoOnMount: false,
      storageCapacity: false,
      fsGroupPolicy: 'ReadWriteOnceWithFSType',
      volumeLifecycleModes: ['Persistent'],
      requiresRepublish: false,
      seLinuxMount: false,
    });
  });

  test('keeps what its nodes rely on', () => {
    const old = create(driver, { metadata: { name: 'x' }, spec: {} });
    const changed = { ...old, spec: { ...(old.spec as Loose), attachRequired: false } };
    expect(faults(() => update(driver, old, changed))).toBe(
      'spec.attachedRequired: Invalid value: false: field is immutable',
    );
  });

  test.each([
    [
      { fsGroupPolicy: 'Any' },
      'spec.fsGroupPolicy: Unsupported value: "Any": supported values: "File", "None", "ReadWriteOnceWithFSType"',
    ],
    [
      { tokenRequests: [{ audience: 'a', expirationSeconds: 1 }] },
      'spec.tokenRequests[0].expirationSeconds: Invalid value: 1: may not specify a duration less than 10 minutes',
    ],
    [
      { tokenRequests: [{ audience: 'a' }, { audience: 'a' }] },
      'spec.tokenRequests[1].audience: Duplicate value: "a"',
    ],
  ])('with %j is refused', (spec, says) => {
    expect(faults(() => create(driver, { metadata: { name: 'x' }, spec }))).toBe(says);
  });

  test('has one entry a node, which stays as it is', () => {
    const one = { name: 'd', nodeID: 'n' };
    const body = (drivers: Loose[]) => ({ metadata: { name: 'x' }, spec: { drivers } });
    expect(faults(() => create(node, body([one, one])))).toBe(
      'spec.drivers[1].name: Duplicate value: "d"',
    );
    expect(faults(() => create(node, body([{ name: 'd', nodeID: '' }])))).toBe(
      'spec.drivers[0].nodeID: Required value',
    );
    const old = create(node, body([one]));
    expect(faults(() => update(node, old, body([{ ...one, nodeID: 'm' }])))).toMatch(
      /^spec\.drivers: Invalid value: .*: field is immutable$/,
    );
    expect(faults(() => update(node, old, body([])))).toBe('');
  });

  test('says how much room there is, not less than none', () => {
    const body = { metadata: { name: 'x' }, storageClassName: 'c', capacity: '-1' };
    expect(faults(() => create(capacity, body))).toBe(
      'capacity: Invalid value: "-1": must be greater than or equal to 0',
    );
  });
});
