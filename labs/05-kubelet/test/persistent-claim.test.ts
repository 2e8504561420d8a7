// Persistent volumes: claims that are bound, not yet, or not to each other; nodes they are not for; places on the machine.

import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {
  NodeSelectorTerm,
  PersistentVolume,
  PersistentVolumeClaim,
  PersistentVolumeSpec,
  PodSpec,
  Volume,
} from 'kubernetes-types/core/v1';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  boundVolumeOf,
  type ClaimReader,
  checkNodeAffinity,
} from '#src/volume/persistent-claim.ts';
import { PersistentVolumes } from '#src/volume/persistent-volume.ts';
import { VolumeError } from '#src/volume/volume-error.ts';
import { container, pod } from './objects.ts';

const DATA: Volume = { name: 'data', persistentVolumeClaim: { claimName: 'claim' } };
const mounted = container('c', { volumeMounts: [{ name: 'data', mountPath: '/data' }] });
const device = container('c', { volumeDevices: [{ name: 'data', devicePath: '/dev/x' }] });

function claim(rest: Partial<PersistentVolumeClaim> = {}): PersistentVolumeClaim {
  return {
    metadata: { name: 'claim', namespace: 'default', uid: 'c1' },
    spec: { volumeName: 'pv' },
    status: { phase: 'Bound' },
    ...rest,
  };
}

function persistentVolume(spec: Partial<PersistentVolumeSpec> = {}): PersistentVolume {
  return { metadata: { name: 'pv' }, spec: { claimRef: { uid: 'c1' }, ...spec } };
}

function readerOf(found: PersistentVolumeClaim, volume: PersistentVolume | undefined) {
  const asked: string[] = [];
  const reader: ClaimReader = {
    claim: async (namespace, name) => {
      asked.push(`${namespace}/${name}`);
      if (name !== found.metadata?.name) {
        throw new Error(`persistentvolumeclaims "${name}" not found`);
      }
      return found;
    },
    volume: async (name) => {
      asked.push(name);
      if (volume === undefined) throw new Error(`persistentvolumes "${name}" not found`);
      return volume;
    },
  };
  return { reader, asked };
}

describe('boundVolumeOf()', () => {
  const processing = 'error processing PVC default/claim: ';
  const reference = { apiVersion: 'v1', kind: 'Pod', name: 'web', uid: 'u1', controller: true };
  const owned = { name: 'web-data', namespace: 'default', uid: 'c1', ownerReferences: [reference] };
  const ephemeral: Volume = { name: 'data', ephemeral: {} };

  test.each<{
    name: string;
    claim?: PersistentVolumeClaim;
    volume?: PersistentVolume | 'none';
    source?: Volume;
    spec?: Partial<PodSpec>;
    want: string | true;
  }>([
    { name: 'both mean each other', want: true },
    {
      name: 'no claim',
      source: { name: 'data', persistentVolumeClaim: { claimName: 'other' } },
      want: 'error processing PVC default/other: failed to fetch PVC from API server: persistentvolumeclaims "other" not found',
    },
    {
      name: 'a claim that waits',
      claim: claim({ status: { phase: 'Pending' } }),
      want: `${processing}PVC is not bound`,
    },
    {
      name: 'a claim that goes',
      claim: claim({ metadata: { name: 'claim', deletionTimestamp: '2015-11-09T10:00:00Z' } }),
      want: `${processing}PVC is being deleted`,
    },
    {
      name: 'a claim that names nothing',
      claim: claim({ spec: {} }),
      want: `${processing}PVC has empty pvc.Spec.VolumeName`,
    },
    {
      name: 'no volume',
      volume: 'none',
      want: `${processing}failed to fetch PV pv from API server: persistentvolumes "pv" not found`,
    },
    {
      name: 'a volume that knows of nobody',
      volume: { metadata: { name: 'pv' }, spec: {} },
      want: `${processing}found PV object pv but it has a nil pv.Spec.ClaimRef indicating it is not yet bound to the claim`,
    },
    {
      name: 'a volume of an older claim',
      volume: persistentVolume({ claimRef: { uid: 'c0' } }),
      want: `${processing}found PV object pv but its pv.Spec.ClaimRef.UID c0 does not point to claim.UID c1`,
    },
    {
      name: 'a block volume that is mounted',
      volume: persistentVolume({ volumeMode: 'Block' }),
      want: 'volume data has volumeMode Block, but is specified in volumeMounts',
    },
    {
      name: 'a file system as a device',
      spec: { containers: [device] },
      want: 'volume data has volumeMode Filesystem, but is specified in volumeDevices',
    },
    {
      name: 'a block volume as a device',
      volume: persistentVolume({ volumeMode: 'Block' }),
      spec: { containers: [device] },
      want: 'volume data has volumeMode Block: containers of this node get no block devices',
    },
    {
      name: 'the pod’s own claim',
      source: ephemeral,
      claim: claim({ metadata: owned }),
      want: true,
    },
    {
      name: 'a claim that only looks like the pod’s own',
      source: ephemeral,
      claim: claim({ metadata: { ...owned, ownerReferences: [] } }),
      want: 'error processing PVC default/web-data: PVC default/web-data was not created for pod default/web (pod is not owner)',
    },
  ])('$name', async (row) => {
    const { claim: found = claim(), volume = persistentVolume(), source = DATA, want } = row;
    const { reader } = readerOf(found, volume === 'none' ? undefined : volume);
    const subject = pod({ containers: [mounted], ...row.spec });
    const answer = boundVolumeOf(subject, source, reader);
    if (want === true) {
      expect(await answer).toEqual({ volume, readOnly: false });
      return;
    }
    const error: unknown = await answer.catch((error: unknown) => error);
    expect(error).toBeInstanceOf(VolumeError);
    expect((error as Error).message).toBe(
      `Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[], failed to process volumes=[data]: ${want}`,
    );
  });
});

describe('checkNodeAffinity()', () => {
  const node = { metadata: { name: 'node-1', labels: { zone: 'a', disk: 'ssd' } } };
  const label = (key: string, ...values: string[]) => ({ key, operator: 'In', values });
  test.each<{ name: string; terms: NodeSelectorTerm[]; want: boolean }>([
    { name: 'a label', terms: [{ matchExpressions: [label('zone', 'b', 'a')] }], want: true },
    {
      name: 'one label of two',
      terms: [{ matchExpressions: [label('zone', 'a'), label('disk', 'hdd')] }],
      want: false,
    },
    {
      name: 'one term of two',
      terms: [
        { matchExpressions: [label('zone', 'b')] },
        { matchExpressions: [label('disk', 'ssd')] },
      ],
      want: true,
    },
    { name: 'the name', terms: [{ matchFields: [label('metadata.name', 'node-1')] }], want: true },
    { name: 'another name', terms: [{ matchFields: [label('metadata.name', 'b')] }], want: false },
    { name: 'nothing asked', terms: [{}], want: false },
    { name: 'no terms', terms: [], want: false },
  ])('$name: $want', ({ terms, want }) => {
    const required = { nodeSelectorTerms: terms };
    const check = () => checkNodeAffinity(persistentVolume({ nodeAffinity: { required } }), node);
    if (want) expect(check).not.toThrow();
    else {
      expect(check).toThrow(
        'MountVolume.NodeAffinity check failed for volume "pv" : no matching NodeSelectorTerms',
      );
    }
  });

  test('a volume that says nothing is for every node', () => {
    expect(() => checkNodeAffinity(persistentVolume(), node)).not.toThrow();
  });
});

describe('PersistentVolumes', () => {
  async function setUp(spec: Partial<PersistentVolumeSpec>) {
    const root = await mkdtemp(join(tmpdir(), 'kubelet-claim-'));
    onTestFinished(() => rm(root, { recursive: true, force: true }));
    const { reader, asked } = readerOf(claim(), persistentVolume(spec));
    const node = () => undefined;
    return { root, asked, volumes: new PersistentVolumes({ reader, hostRoot: root, node }) };
  }
  const subject = pod({ containers: [mounted], securityContext: { fsGroup: 7 } });

  test('a local volume is as it is, and becomes the group’s', async () => {
    const { root, volumes } = await setUp({ local: { path: '/disk' } });
    await mkdir(join(root, 'disk'));
    await writeFile(join(root, 'disk/file'), '');
    const place = await volumes.setUp(subject, DATA);
    expect(place).toEqual({ hostPath: '/disk', root, readOnly: false });
    expect((await stat(join(root, 'disk/file'))).gid).toBe(7);
  });

  test('a hostPath is made, and stays root’s', async () => {
    const { root, volumes } = await setUp({
      hostPath: { path: '/made', type: 'DirectoryOrCreate' },
    });
    await volumes.setUp(subject, DATA);
    expect((await stat(join(root, 'made'))).gid).toBe(0);
  });

  test('what a pod has got it keeps, until it is gone', async () => {
    const { root, asked, volumes } = await setUp({ local: { path: '/disk' } });
    await mkdir(join(root, 'disk'));
    const readOnly = {
      name: 'data',
      persistentVolumeClaim: { claimName: 'claim', readOnly: true },
    };
    expect((await volumes.setUp(subject, readOnly)).readOnly).toBe(true);
    await volumes.setUp(subject, readOnly);
    expect(asked).toEqual(['default/claim', 'pv']);
    volumes.forget('u1');
    await volumes.setUp(subject, readOnly);
    expect(asked).toHaveLength(4);
  });

  test.each<{ name: string; spec: Partial<PersistentVolumeSpec>; want: string }>([
    {
      name: 'a local directory that is not there',
      spec: { local: { path: '/none' } },
      want: 'MountVolume.NewMounter initialization failed for volume "pv" : path "/none" does not exist',
    },
    {
      name: 'a hostPath of another type',
      spec: { hostPath: { path: '/none', type: 'Directory' } },
      want: 'MountVolume.SetUp failed for volume "pv" : hostPath type check failed: /none is not a directory',
    },
    {
      name: 'a kind that needs a driver',
      spec: { nfs: { server: 's', path: '/' } },
      want: 'Unable to attach or mount volumes: failed to get Plugin from volumeSpec for volume "pv" err=no volume plugin matched',
    },
  ])('$name is told of', async ({ spec, want }) => {
    const { volumes } = await setUp(spec);
    await expect(volumes.setUp(subject, DATA)).rejects.toThrow(new VolumeError(want));
  });
});
