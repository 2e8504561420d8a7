// Evictions: thresholds, conditions that do not flap, one pod a round, and what the manager does about it, on a clock that stands still.

import { FakeClock, silentLogger } from '@kube-labs/apiserver';
import type { Pod, PodSpec, Toleration } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import { EvictionManager } from '#src/eviction/eviction-manager.ts';
import { NO_PRESSURE, nextPressure, type PressureType } from '#src/eviction/pressure.ts';
import { pressureAdmission } from '#src/eviction/pressure-admission.ts';
import type { Measured } from '#src/eviction/rank.ts';
import { observeSignals } from '#src/eviction/signals.ts';
import {
  type Observation,
  parseAmount,
  parseSignals,
  quantityText,
  type Signal,
  type Threshold,
  thresholdsMet,
  thresholdsOf,
} from '#src/eviction/thresholds.ts';
import { parseKubeletFlags } from '#src/options.ts';
import type { Ending } from '#src/pod/pod-worker.ts';
import { pod } from './objects.ts';

const MIB = 1024 ** 2;

function thresholds(hard: string, soft = '', softGrace = '', reclaim = ''): readonly Threshold[] {
  return thresholdsOf({
    hard: parseSignals(hard, '<', parseAmount),
    soft: parseSignals(soft, '<', parseAmount),
    softGracePeriodMs: parseSignals(softGrace, '=', Number),
    minimumReclaim: parseSignals(reclaim, '=', parseAmount),
  });
}

const seen = (signal: Signal, available: number, capacity = 1_000 * MIB) =>
  new Map<Signal, Observation>([[signal, { available, capacity }]]);

describe('thresholds from flags', () => {
  test('quantities and percentages, hard and soft', () => {
    const flags = ['--kubeconfig=x', '--eviction-hard=memory.available<1Gi,nodefs.available<10%'];
    const soft = [
      '--eviction-soft=memory.available<2Gi',
      '--eviction-soft-grace-period=memory.available=1m30s',
    ];
    expect(parseKubeletFlags([...flags, ...soft]).evictionThresholds).toEqual([
      {
        signal: 'memory.available',
        amount: { kind: 'quantity', value: 2 ** 30 },
        gracePeriodMs: 0,
      },
      { signal: 'nodefs.available', amount: { kind: 'percentage', value: 10 }, gracePeriodMs: 0 },
      {
        signal: 'memory.available',
        amount: { kind: 'quantity', value: 2 ** 31 },
        gracePeriodMs: 90_000,
      },
    ]);
  });
  test('none, when the text is empty or the amount is nothing', () => {
    expect(thresholds('')).toEqual([]);
    expect(thresholds('memory.available<0%')).toEqual([]);
  });
  test.each([
    ['memory<1Gi', 'unsupported eviction signal memory'],
    ['memory.available=1Gi', 'invalid eviction threshold syntax memory.available=1Gi'],
    ['memory.available<1Gi<2Gi', 'invalid eviction threshold syntax'],
    ['memory.available<1Gi,memory.available<2Gi', 'found duplicate eviction threshold'],
    ['memory.available<much', 'quantities must match the regular expression'],
    ['memory.available<-1Gi', 'must be a quantity, or a percentage from 0 to 100, got -1Gi'],
    ['nodefs.available<101%', 'must be a quantity, or a percentage from 0 to 100, got 101%'],
    ['nodefs.available<x%', 'must be a quantity, or a percentage from 0 to 100, got x%'],
  ])('%s is refused', (text, why) => {
    expect(() => thresholds(text)).toThrow(why);
  });
  test('a soft one needs a grace period', () => {
    expect(() => thresholds('', 'memory.available<1Gi')).toThrow(
      'grace period must be specified for the soft eviction threshold memory.available',
    );
  });
});

test('thresholdsMet(): below the amount, of the capacity where it is a percentage, and not at it', () => {
  const disk = thresholds('nodefs.available<10%', '', '', 'nodefs.available=5%');
  const met = (available: number, withReclaim = false) =>
    thresholdsMet(disk, seen('nodefs.available', available * MIB), withReclaim).length === 1;
  expect([met(99), met(100)]).toEqual([true, false]);
  expect([met(149, true), met(150, true)]).toEqual([true, false]);
  expect(thresholdsMet(disk, new Map(), false)).toEqual([]);
});

test.each([
  [0, '0'],
  [1_500, '1500'],
  [94_321 * 1024, '94321Ki'],
  [100 * MIB, '100Mi'],
  [2 ** 30, '1Gi'],
])('quantityText(%d) is %s', (value, want) => {
  expect(quantityText(value)).toBe(want);
});

describe('nextPressure()', () => {
  const transitionPeriodMs = 300_000;
  function follow(all: readonly Threshold[]) {
    let state = NO_PRESSURE;
    return (atMs: number, observations: ReadonlyMap<Signal, Observation>) => {
      const step = nextPressure(state, all, { observations, atMs, transitionPeriodMs });
      state = step.state;
      return { conditions: step.conditions, due: step.due.map(({ signal }) => signal) };
    };
  }
  test('a condition stays for the transition period after it was last seen', () => {
    const look = follow(thresholds('memory.available<100Mi'));
    const [low, high] = [seen('memory.available', 1), seen('memory.available', 500 * MIB)];
    expect(look(0, high)).toEqual({ conditions: [], due: [] });
    expect(look(10_000, low)).toEqual({
      conditions: ['MemoryPressure'],
      due: ['memory.available'],
    });
    expect(look(20_000, high)).toEqual({ conditions: ['MemoryPressure'], due: [] });
    expect(look(309_999, high).conditions).toEqual(['MemoryPressure']);
    expect(look(310_000, high).conditions).toEqual([]);
  });
  test('a soft one is due when it was met all through its grace period', () => {
    const look = follow(thresholds('', 'memory.available<300Mi', 'memory.available=90000'));
    const [low, high] = [seen('memory.available', 1), seen('memory.available', 500 * MIB)];
    expect(look(0, low).due).toEqual([]);
    expect(look(50_000, high).due).toEqual([]);
    expect(look(60_000, low).due).toEqual([]);
    expect(look(149_999, low).due).toEqual([]);
    expect(look(150_000, low).due).toEqual(['memory.available']);
  });
  test('what was met is over only with the minimum more', () => {
    const look = follow(thresholds('memory.available<100Mi', '', '', 'memory.available=50Mi'));
    expect(look(0, seen('memory.available', 99 * MIB)).due).toHaveLength(1);
    expect(look(1, seen('memory.available', 120 * MIB)).due).toHaveLength(1);
    expect(look(2, seen('memory.available', 150 * MIB)).due).toHaveLength(0);
    expect(look(3, seen('memory.available', 120 * MIB)).due).toHaveLength(0);
  });
  test('memory first, hard before soft', () => {
    const all = thresholds(
      'pid.available<9,nodefs.available<9,memory.available<9',
      'memory.available<99',
      'memory.available=0',
    );
    const low = new Map(all.map(({ signal }) => [signal, { available: 1, capacity: 10 }]));
    const step = nextPressure(NO_PRESSURE, all, { observations: low, atMs: 0, transitionPeriodMs });
    expect(step.due.map(({ signal, amount }) => `${signal} ${amount.value}`)).toEqual([
      ...['memory.available 9', 'memory.available 99', 'pid.available 9', 'nodefs.available 9'],
    ]);
    expect(step.conditions).toEqual(['MemoryPressure', 'DiskPressure', 'PIDPressure']);
  });
});

function named(name: string, spec: Partial<PodSpec> = {}): Pod {
  return pod(spec, { metadata: { name, namespace: 'default', uid: name } });
}

interface Scene {
  observations: ReadonlyMap<Signal, Observation>;
  pods: Measured[];
}

function setUp(all: readonly Threshold[], scene: Scene, { maxGrace = 0 } = {}) {
  const clock = new FakeClock();
  const ended: { pod: string; ending: Ending; graceSeconds: number }[] = [];
  const told: string[] = [];
  const measured: number[] = [];
  let release = () => {};
  const manager = new EvictionManager({
    ...{ thresholds: all, clock, log: silentLogger },
    transitionPeriodMs: 300_000,
    maxPodGracePeriodSeconds: maxGrace,
    observe: async () => scene.observations,
    activePods: () => scene.pods.map(({ pod: one }) => one),
    async measure(pods) {
      measured.push(pods.length);
      return scene.pods.filter(({ pod: one }) => pods.includes(one));
    },
    async reclaimDisk() {
      told.push('reclaim disk');
      const nodefs = scene.observations.get('nodefs.available');
      if (nodefs?.available === 90) scene.observations = seen('nodefs.available', 1e12);
    },
    end(victim, ending, graceSeconds) {
      const name = victim.metadata?.name ?? '';
      ended.push({ pod: name, ending, graceSeconds });
      scene.pods = scene.pods.filter(({ pod: { metadata } }) => metadata?.name !== name);
      return new Promise((resolve) => {
        release = resolve;
      });
    },
    podEvent: (victim, reason, message) =>
      told.push(`${victim.metadata?.name} ${reason} ${message}`),
    nodeEvent: (reason, message) => told.push(`node ${reason} ${message}`),
    counted: (signal) => told.push(`counted ${signal}`),
  });
  return { manager, clock, ended, told, measured, release: () => release() };
}

const using = (name: string, memoryBytes: number, spec: Partial<PodSpec> = {}): Measured => ({
  pod: named(name, spec),
  usage: { memoryBytes, containers: new Map([['c', { memoryBytes }]]), volumes: new Map() },
});

describe('EvictionManager', () => {
  test('ends one pod a round, at once, and says why in the words of upstream', async () => {
    const scene = {
      observations: seen('memory.available', 90 * MIB),
      pods: [
        using('small', 10 * MIB),
        using('large', 50 * MIB),
        using('vital', 900 * MIB, { priority: 2e9 }),
      ],
    };
    const { manager, ended, told } = setUp(thresholds('memory.available<100Mi'), scene);
    const changes: (readonly PressureType[])[] = [];
    manager.onChange(() => changes.push(manager.conditions()));
    await manager.synchronize();
    const message =
      'The node was low on resource: memory. Threshold quantity: 100Mi, available: 90Mi. ' +
      'Container c was using 50Mi, request is 0, has larger consumption of memory. ';
    const condition = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'TerminationByKubelet',
      message,
    };
    expect(ended).toEqual([
      {
        pod: 'large',
        graceSeconds: 1,
        ending: { why: 'evicted', reason: 'Evicted', message, condition },
      },
    ]);
    expect(told).toEqual([
      'node EvictionThresholdMet Attempting to reclaim memory',
      'counted memory.available',
      `large Evicted ${message}`,
    ]);
    await manager.synchronize();
    await manager.synchronize();
    expect(ended.map(({ pod: name }) => name)).toEqual(['large', 'small']);
    expect(changes).toEqual([['MemoryPressure']]);
  });

  test('a soft one lets the pod end in peace, but not for longer than the node allows', async () => {
    const scene = {
      observations: seen('memory.available', 200 * MIB),
      pods: [
        using('patient', 3, { terminationGracePeriodSeconds: 600 }),
        using('quick', 2, { terminationGracePeriodSeconds: 5 }),
      ],
    };
    const soft = thresholds('', 'memory.available<300Mi', 'memory.available=60000');
    const { manager, clock, ended } = setUp(soft, scene, { maxGrace: 120 });
    expect(await manager.synchronize()).toEqual([]);
    clock.advance(60_000);
    await manager.synchronize();
    await manager.synchronize();
    expect(ended.map(({ pod: name, graceSeconds }) => [name, graceSeconds])).toEqual([
      ['patient', 120],
      ['quick', 5],
    ]);
  });

  test('of disk, it first frees what nobody needs, and leaves pods alone when that is enough', async () => {
    const scene = { observations: seen('nodefs.available', 90), pods: [using('a', 1)] };
    const { manager, ended, told } = setUp(thresholds('nodefs.available<100Mi'), scene);
    await manager.synchronize();
    expect(ended).toEqual([]);
    expect(told).toEqual([
      'node EvictionThresholdMet Attempting to reclaim ephemeral-storage',
      'reclaim disk',
    ]);
    expect(manager.conditions()).toEqual(['DiskPressure']);
    scene.observations = seen('nodefs.available', 80);
    await manager.synchronize();
    expect(ended).toHaveLength(1);
  });

  test('who is over a limit of their own goes, also when nothing is scarce; a critical one stays', async () => {
    const volumes = [{ name: 'v', emptyDir: { sizeLimit: '1Mi' } }];
    const usage = {
      containers: new Map(),
      volumes: new Map([['v', { name: 'v', usedBytes: 2 * MIB, inodes: 1 }]]),
    };
    const scene = {
      observations: new Map(),
      pods: [
        { pod: named('greedy', { volumes }), usage },
        { pod: named('vital', { volumes, priority: 2e9 }), usage },
      ],
    };
    const { manager, ended, told } = setUp([], scene);
    await manager.synchronize();
    const message = 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". ';
    expect(ended).toEqual([
      { pod: 'greedy', graceSeconds: 1, ending: { why: 'evicted', reason: 'Evicted', message } },
    ]);
    expect(told).toEqual(['counted emptydirfs.limit', `greedy Evicted ${message}`]);
  });

  test('measures nobody who has no limit, while nothing is scarce', async () => {
    const volumes = [{ name: 'v', emptyDir: { sizeLimit: '1Mi' } }];
    const limits = { 'ephemeral-storage': '1Mi' };
    const scene = {
      observations: new Map(),
      pods: [
        using('plain', 1),
        using('bounded', 1, { volumes }),
        using('limited', 1, { containers: [{ name: 'c', resources: { limits } }] }),
      ],
    };
    const { manager, measured } = setUp(thresholds('memory.available<100Mi'), scene);
    await manager.synchronize();
    scene.pods = scene.pods.slice(0, 1);
    await manager.synchronize();
    expect(measured).toEqual([2]);
  });

  test('looks every ten seconds, and again as soon as what it ended is gone', async () => {
    const scene = {
      observations: new Map(),
      pods: [using('a', 1), using('b', 2)],
    };
    const all = thresholds('memory.available<100Mi');
    const { manager, clock, ended, release } = setUp(all, scene);
    const stop = new AbortController();
    const running = manager.run(stop.signal);
    const settle = () => new Promise((resolve) => setImmediate(resolve));
    await settle();
    scene.observations = seen('memory.available', 1);
    clock.advance(9_999);
    await settle();
    expect(ended).toHaveLength(0);
    clock.advance(1);
    await settle();
    expect(ended).toHaveLength(1);
    clock.advance(29_999);
    await settle();
    expect(ended).toHaveLength(1);
    release();
    await settle();
    expect(ended).toHaveLength(2);
    stop.abort();
    await running;
  });
});

describe('pressureAdmission()', () => {
  const asks = { containers: [{ name: 'c', resources: { requests: { memory: '1Mi' } } }] };
  const bears = (rest: Toleration) => ({ tolerations: [rest] });
  const memory = { key: 'node.kubernetes.io/memory-pressure', operator: 'Exists' };
  const [MEMORY, DISK] = [['MemoryPressure'], ['DiskPressure']] as const;
  test.each<{
    name: string;
    conditions: readonly PressureType[];
    spec: Partial<PodSpec>;
    want?: string;
  }>([
    { name: 'no pressure', conditions: [], spec: {} },
    { name: 'best effort, memory', conditions: MEMORY, spec: {}, want: '[MemoryPressure]' },
    { name: 'burstable, memory', conditions: MEMORY, spec: asks },
    { name: 'best effort that bears it, memory', conditions: MEMORY, spec: bears(memory) },
    {
      name: 'best effort that bears all, memory',
      conditions: MEMORY,
      spec: bears({ operator: 'Exists' }),
    },
    {
      name: 'best effort that bears another effect, memory',
      conditions: MEMORY,
      spec: bears({ ...memory, effect: 'NoExecute' }),
      want: '[MemoryPressure]',
    },
    { name: 'burstable, disk', conditions: DISK, spec: asks, want: '[DiskPressure]' },
    { name: 'critical, disk', conditions: DISK, spec: { priority: 2e9 } },
    {
      name: 'burstable, memory and process ids',
      conditions: ['MemoryPressure', 'PIDPressure'],
      spec: asks,
      want: '[MemoryPressure PIDPressure]',
    },
  ])('$name', ({ conditions, spec, want }) => {
    const result = pressureAdmission(() => conditions).admit(named('p', spec), []);
    const message = `The node had condition: ${want}. `;
    expect(result).toEqual(
      want === undefined ? { admitted: true } : { admitted: false, reason: 'Evicted', message },
    );
  });
});

test('observeSignals() reads this machine; what cannot be read is left out', async () => {
  const sources = {
    rootDirectory: '/tmp',
    imageDirectory: '/none',
    podMemoryBytes: async () => 30 * MIB,
  };
  const machine = await observeSignals({ ...sources, memoryLimitBytes: undefined });
  expect([...machine.keys()]).toEqual(
    expect.arrayContaining(['memory.available', 'nodefs.available', 'pid.available']),
  );
  expect(machine.has('imagefs.available')).toBe(false);
  for (const { capacity, available } of machine.values()) {
    expect(available).toBeGreaterThan(0);
    expect(available).toBeLessThanOrEqual(capacity);
  }
  const limited = await observeSignals({ ...sources, memoryLimitBytes: 50 * MIB });
  expect(limited.get('memory.available')).toEqual({ capacity: 50 * MIB, available: 20 * MIB });
});
