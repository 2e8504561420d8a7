// Which pod goes first when a node is short of something, and which is over a limit of its own.

import type { Container, Pod, PodSpec } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import { isCritical } from '#src/eviction/critical-pod.ts';
import { evictionMessage } from '#src/eviction/eviction-message.ts';
import { excessOf } from '#src/eviction/local-storage.ts';
import { diskBytesOf, type PodUsage, usageOf } from '#src/eviction/pod-usage.ts';
import { rank, requestOf, totalOf } from '#src/eviction/rank.ts';
import type { Signal } from '#src/eviction/thresholds.ts';
import { container, pod } from './objects.ts';

const MIB = 1024 ** 2;
const NOTHING: PodUsage = { containers: new Map(), volumes: new Map() };

function named(name: string, spec: Partial<PodSpec> = {}): Pod {
  return pod(spec, { metadata: { name, namespace: 'default', uid: name } });
}

function asking(
  amounts: Record<string, string>,
  kind: 'requests' | 'limits' = 'requests',
): Container {
  return container('c', { resources: { [kind]: amounts } });
}

const used = (rest: Partial<PodUsage>): PodUsage => ({ ...NOTHING, ...rest });
const order = (signal: Signal, ...measured: { pod: Pod; usage: PodUsage | undefined }[]) =>
  rank(signal, measured).map(({ pod: { metadata } }) => metadata?.name);

describe('rank() by memory', () => {
  const within = {
    pod: named('within', { containers: [asking({ memory: '900Mi' })], priority: -10 }),
    usage: used({ memoryBytes: 800 * MIB }),
  };
  const above = {
    pod: named('above', { containers: [asking({ memory: '50Mi' })], priority: 100 }),
    usage: used({ memoryBytes: 60 * MIB }),
  };
  const bestEffort = { pod: named('best-effort'), usage: used({ memoryBytes: 5 * MIB }) };
  const large = { pod: named('large'), usage: used({ memoryBytes: 100 * MIB }) };
  const unknown = { pod: named('unknown', { priority: 1_000 }), usage: undefined };

  test('who exceeds their request goes before who does not, whatever the priority', () => {
    expect(order('memory.available', within, above)).toEqual(['above', 'within']);
  });
  test('then the lower priority, then who uses most above their request', () => {
    expect(order('memory.available', above, bestEffort, large)).toEqual([
      ...['large', 'best-effort', 'above'],
    ]);
  });
  test('who was not measured goes first', () => {
    expect(order('memory.available', large, unknown, within)).toEqual([
      'unknown',
      'large',
      'within',
    ]);
  });
});

test('rank() by disk counts writable layers, logs and volumes that end with the pod', () => {
  const volumes = [
    { name: 'scratch', emptyDir: {} },
    { name: 'memory', emptyDir: { medium: 'Memory' } },
    { name: 'host', hostPath: { path: '/data' } },
  ];
  const filled = (name: string, usedBytes: number) =>
    new Map([[name, { name, usedBytes, inodes: 7 }]]);
  const disk = {
    pod: named('disk', { volumes }),
    usage: used({ volumes: filled('scratch', 900) }),
  };
  const ram = { pod: named('ram', { volumes }), usage: used({ volumes: filled('memory', 9_000) }) };
  const host = { pod: named('host', { volumes }), usage: used({ volumes: filled('host', 9_000) }) };
  const layer = {
    pod: named('layer'),
    usage: used({ containers: new Map([['c', { diskBytes: 500 }]]) }),
  };
  expect(order('nodefs.available', ram, host, layer, disk).slice(0, 2)).toEqual(['disk', 'layer']);
  expect(order('nodefs.inodesFree', layer, disk)[0]).toBe('disk');
  expect(diskBytesOf(disk.pod, disk.usage)).toBe(900);
  expect(diskBytesOf(ram.pod, ram.usage)).toBe(0);
});

test('rank() by process ids: priority, then number', () => {
  const few = { pod: named('few', { priority: -1 }), usage: used({ processes: 3 }) };
  const many = { pod: named('many'), usage: used({ processes: 300 }) };
  const some = { pod: named('some'), usage: used({ processes: 30 }) };
  expect(order('pid.available', many, some, few)).toEqual(['few', 'many', 'some']);
});

test("a pod asks for its containers together with its sidecars, or for its largest init container's share", () => {
  const init = { ...asking({ memory: '500Mi' }), name: 'init' };
  const sidecar = { ...asking({ memory: '100Mi' }), name: 'side', restartPolicy: 'Always' };
  const spec = { containers: [asking({ memory: '50Mi' }), asking({ memory: '50Mi' })] };
  expect(requestOf(named('a', spec), 'memory')).toBe(100 * MIB);
  expect(requestOf(named('a', { ...spec, initContainers: [sidecar] }), 'memory')).toBe(200 * MIB);
  expect(requestOf(named('a', { ...spec, initContainers: [init, sidecar] }), 'memory')).toBe(
    500 * MIB,
  );
  expect(totalOf(named('a', spec), 'memory', 'limits')).toBeUndefined();
});

describe('excessOf()', () => {
  const emptyDir = { volumes: [{ name: 'v', emptyDir: { sizeLimit: '1Mi' } }] };
  const volume = (usedBytes: number) =>
    used({ volumes: new Map([['v', { name: 'v', usedBytes, inodes: 1 }]]) });
  const layer = (diskBytes: number) => used({ containers: new Map([['c', { diskBytes }]]) });
  const limited = (limit: string) => ({
    containers: [asking({ 'ephemeral-storage': limit }, 'limits')],
  });
  test.each<{ name: string; spec: Partial<PodSpec>; usage: PodUsage; want: string | undefined }>([
    {
      name: 'an emptyDir over its limit',
      ...{ spec: emptyDir, usage: volume(MIB + 1) },
      want: 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". ',
    },
    { name: 'an emptyDir at its limit', spec: emptyDir, usage: volume(MIB), want: undefined },
    {
      name: 'an emptyDir in memory over its limit',
      spec: { volumes: [{ name: 'v', emptyDir: { sizeLimit: '1Mi', medium: 'Memory' } }] },
      usage: volume(MIB + 1),
      want: 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". ',
    },
    {
      name: 'the pod over the sum of its limits, by a volume',
      spec: { ...limited('1Gi'), volumes: [{ name: 'v', emptyDir: {} }] },
      usage: volume(1024 * MIB + 1),
      want: 'Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. ',
    },
    {
      name: 'a container over its limit, the pod within the sum',
      spec: {
        containers: [
          asking({ 'ephemeral-storage': '1Mi' }, 'limits'),
          { ...asking({ 'ephemeral-storage': '9Mi' }, 'limits'), name: 'd' },
        ],
      },
      usage: layer(2 * MIB),
      want: 'Container c exceeded its local ephemeral storage limit "1Mi". ',
    },
    { name: 'nothing limited', spec: {}, usage: layer(1e15), want: undefined },
    { name: 'nothing measured', spec: limited('1Mi'), usage: NOTHING, want: undefined },
  ])('$name', ({ spec, usage, want }) => {
    expect(excessOf(named('p', spec), usage)?.message).toBe(want);
  });
});

test("evictionMessage() is in upstream's words, with what each container used", () => {
  const threshold = {
    signal: 'memory.available',
    amount: { kind: 'quantity', value: 100 * MIB },
    gracePeriodMs: 0,
  } as const;
  const observations = new Map([[threshold.signal, { capacity: 1e9, available: 90 * MIB }]]);
  const usage = used({ containers: new Map([['c', { memoryBytes: 50 * MIB }]]) });
  expect(evictionMessage(threshold, observations, { pod: named('p'), usage })).toBe(
    'The node was low on resource: memory. Threshold quantity: 100Mi, available: 90Mi. ' +
      'Container c was using 50Mi, request is 0, has larger consumption of memory. ',
  );
  const within = { pod: named('p', { containers: [asking({ memory: '60Mi' })] }), usage };
  expect(evictionMessage(threshold, new Map(), within)).toBe(
    'The node was low on resource: memory. ',
  );
});

test.each<{ name: string; rest: Partial<Pod>; want: boolean }>([
  { name: 'an ordinary pod', rest: {}, want: false },
  {
    name: 'one of the highest class of a user',
    rest: { spec: { containers: [], priority: 1e9 } },
    want: false,
  },
  {
    name: 'one of system-cluster-critical',
    rest: { spec: { containers: [], priority: 2e9 } },
    want: true,
  },
  {
    name: 'a static pod',
    rest: { metadata: { annotations: { 'kubernetes.io/config.source': 'file' } } },
    want: true,
  },
])('isCritical(): $name', ({ rest, want }) => {
  expect(isCritical({ ...pod(), ...rest })).toBe(want);
});

test('usageOf() takes figures that were measured, and leaves out the others', () => {
  const stats = {
    podRef: { uid: 'u', name: 'p', namespace: 'd' },
    startTime: '2015-11-09T10:00:00Z',
    cpu: {},
    memory: { workingSetBytes: 5 },
    process_stats: { process_count: 2 },
    containers: [
      {
        name: 'c',
        startTime: '',
        cpu: {},
        memory: {},
        rootfs: { usedBytes: 3 },
        logs: { usedBytes: 4 },
      },
      { name: 'd', startTime: '', cpu: {}, memory: { workingSetBytes: 1 } },
    ],
  };
  expect(usageOf(stats, [])).toEqual({
    memoryBytes: 5,
    processes: 2,
    containers: new Map([
      ['c', { diskBytes: 7 }],
      ['d', { memoryBytes: 1 }],
    ]),
    volumes: new Map(),
  });
  expect(usageOf(undefined, [])).toEqual(NOTHING);
});
