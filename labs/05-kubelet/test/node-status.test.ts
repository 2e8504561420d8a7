// What a node says of itself: its capacity and what of it is for pods, its limits where it is a container, and what of its status is news.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { NodeStatus } from 'kubernetes-types/core/v1';
import { describe, expect, test, vi } from 'vitest';
import { parseAmount, parseSignals, thresholdsOf } from '#src/eviction/thresholds.ts';
import { allocatableOf, capacityOf, limitedMachine } from '#src/node/allocatable.ts';
import { type ContainerLimits, readContainerLimits } from '#src/node/container-limits.ts';
import { isSameStatus } from '#src/node/node-agent.ts';
import { parseKubeletFlags } from '#src/options.ts';

const GIB = 2 ** 30;

test('another image is news, also when there are as many as before; a heartbeat is none', () => {
  const status = (name: string, lastHeartbeatTime = 'then'): NodeStatus => ({
    images: [{ names: [name], sizeBytes: 1 }],
    conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime }],
  });
  expect(isSameStatus(status('a'), status('a', 'now'))).toBe(true);
  expect(isSameStatus(status('a'), status('b'))).toBe(false);
});

describe('what is there for pods', () => {
  const machine = { cpus: 4, memoryBytes: 8 * GIB, diskBytes: 100 * GIB };
  const hard = thresholdsOf({
    hard: parseSignals('memory.available<100Mi,nodefs.available<10%', '<', parseAmount),
    soft: parseSignals('memory.available<5Gi', '<', parseAmount),
    softGracePeriodMs: parseSignals('memory.available=1000', '=', Number),
    minimumReclaim: new Map(),
  });
  const none = { kubeReserved: {}, systemReserved: {}, thresholds: [] };

  test('capacity is all of it', () => {
    expect(capacityOf(machine, 110)).toEqual({
      ...{ cpu: '4', memory: '8388608Ki', pods: '110', 'ephemeral-storage': '104857600Ki' },
    });
    expect(allocatableOf(machine, 110, none)).toEqual(capacityOf(machine, 110));
  });
  test('without what is reserved, and without the hard thresholds', () => {
    const reservations = {
      kubeReserved: { cpu: '100m', memory: '1Gi' },
      systemReserved: { cpu: '0.4', 'ephemeral-storage': '10Gi' },
      thresholds: hard,
    };
    expect(allocatableOf(machine, 110, reservations)).toEqual({
      cpu: '3500m',
      memory: `${7 * 1024 * 1024 - 100 * 1024}Ki`,
      pods: '110',
      'ephemeral-storage': `${80 * 1024 * 1024}Ki`,
    });
  });
  test('never below nothing', () => {
    const reservations = { ...none, kubeReserved: { cpu: '9', memory: '9Gi' } };
    expect(allocatableOf(machine, 110, reservations)).toMatchObject({ cpu: '0', memory: '0Ki' });
  });
  test('of a node that is a container with limits, those', () => {
    const small = limitedMachine(machine, { cpus: 1.5, memoryBytes: GIB });
    expect(capacityOf(small, 10)).toMatchObject({ cpu: '1500m', memory: '1048576Ki' });
    expect(limitedMachine(machine, { cpus: 64, memoryBytes: 64 * GIB })).toEqual(machine);
    expect(limitedMachine(machine, {})).toEqual(machine);
  });
});

describe('readContainerLimits()', () => {
  const id = 'c0ffee';
  test.each<{ name: string; files: Record<string, string>; want: ContainerLimits }>([
    {
      name: 'cgroup v1, as the machine shows it',
      files: {
        [`memory/docker/${id}/memory.limit_in_bytes`]: '2147483648\n',
        'memory/memory.limit_in_bytes': '9223372036854771712\n',
        [`cpu/docker/${id}/cpu.cfs_quota_us`]: '150000\n',
        [`cpu/docker/${id}/cpu.cfs_period_us`]: '100000\n',
      },
      want: { memoryBytes: 2 * GIB, cpus: 1.5 },
    },
    {
      name: 'cgroup v1 without limits',
      files: {
        [`memory/docker/${id}/memory.limit_in_bytes`]: '9223372036854771712\n',
        [`cpu/docker/${id}/cpu.cfs_quota_us`]: '-1\n',
        [`cpu/docker/${id}/cpu.cfs_period_us`]: '100000\n',
      },
      want: {},
    },
    {
      name: 'cgroup v2, of systemd',
      files: {
        [`system.slice/docker-${id}.scope/memory.max`]: '1073741824\n',
        [`system.slice/docker-${id}.scope/cpu.max`]: '50000 100000\n',
      },
      want: { memoryBytes: GIB, cpus: 0.5 },
    },
    {
      name: "cgroup v2, of the container's own view, without limits",
      files: { 'memory.max': 'max\n', 'cpu.max': 'max 100000\n' },
      want: {},
    },
    { name: 'nothing there', files: {}, want: {} },
  ])('$name', async ({ files, want }) => {
    const root = await mkdtemp(join(tmpdir(), 'kube-labs-cgroup-'));
    try {
      for (const [path, text] of Object.entries(files)) {
        await mkdir(dirname(join(root, path)), { recursive: true });
        await writeFile(join(root, path), text);
      }
      expect(await readContainerLimits(root, id)).toEqual(want);
    } finally {
      await rm(root, { recursive: true });
    }
  });
});

describe('flags of the node', () => {
  const parse = (...flags: string[]) => parseKubeletFlags(['--kubeconfig=x', ...flags]);
  test('taints, reservations, registration', () => {
    expect(parse('--register-with-taints=a=b:NoSchedule,c:NoExecute').registerWithTaints).toEqual([
      { key: 'a', value: 'b', effect: 'NoSchedule' },
      { key: 'c', effect: 'NoExecute' },
    ]);
    expect(parse('--kube-reserved=cpu=100m,memory=1Gi').kubeReserved).toEqual({
      ...{ cpu: '100m', memory: '1Gi' },
    });
    expect(parse('--register-node=false').registerNode).toBe(false);
    expect(parse().registerNode).toBe(true);
  });
  test.each([
    '--register-with-taints=a=b',
    '--register-with-taints=a=b:Never',
    '--kube-reserved=pods=1',
    '--system-reserved=memory=lots',
    '--register-node=perhaps',
    '--eviction-hard=memory.available<x',
    '--authorization-mode=RBAC',
    '--read-only-port=10255',
    '--eviction-soft=memory.available<1Gi',
    '--shutdown-grace-period-critical-pods=10s',
  ])('%s is refused', (flag) => {
    const out = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const exit = vi.spyOn(process, 'exit').mockImplementation(() => {
      throw new Error('exit');
    });
    try {
      expect(() => parse(flag)).toThrow('exit');
      expect(String(out.mock.calls[0]?.[0])).toContain(flag.split('=')[0]);
    } finally {
      exit.mockRestore();
      out.mockRestore();
    }
  });
});
