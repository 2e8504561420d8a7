// A node that goes down: ordinary pods end first, critical ones last, each in its time, and nobody new is taken.

import { FakeClock, silentLogger } from '@kube-labs/apiserver';
import type { Pod, PodSpec } from 'kubernetes-types/core/v1';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { parseKubeletFlags } from '#src/options.ts';
import type { Ending } from '#src/pod/pod-worker.ts';
import { powerSignal, ShutdownManager } from '#src/shutdown/shutdown-manager.ts';
import { kubectl } from './kubectl.ts';
import { KubeletProcess } from './kubelet-process.ts';
import { FOREVER, Lab, script } from './lab.ts';
import { pod, statusOf } from './objects.ts';

const PERIODS = { gracePeriodMs: 30_000, criticalPodsMs: 10_000 };

function named(name: string, spec: Partial<PodSpec> = {}): Pod {
  return pod(spec, { metadata: { name, namespace: 'default', uid: name } });
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

function setUp(pods: readonly Pod[]) {
  const clock = new FakeClock();
  const ended: { pod: string; ending: Ending; graceSeconds: number }[] = [];
  const told: string[] = [];
  const times: Record<string, number> = {};
  const releases = new Map<string, () => void>();
  const manager = new ShutdownManager({
    ...{ periods: PERIODS, clock, log: silentLogger },
    activePods: () => pods,
    end(victim, ending, graceSeconds) {
      const name = victim.metadata?.name ?? '';
      ended.push({ pod: name, ending, graceSeconds });
      return new Promise((resolve) => releases.set(name, resolve));
    },
    nodeEvent: (reason, message) => told.push(`${reason} ${message}`),
    times: {
      start: { set: (start) => void Object.assign(times, { start }) },
      end: { set: (end) => void Object.assign(times, { end }) },
    },
  });
  const names = () => ended.map(({ pod: name }) => name);
  return {
    manager,
    clock,
    ended,
    told,
    times,
    names,
    release: (name: string) => releases.get(name)?.(),
  };
}

describe('ShutdownManager', () => {
  const pods = [named('web'), named('db'), named('dns', { priority: 2e9 })];

  test('ends the critical pods when the others are gone, with the reason of upstream', async () => {
    const { manager, ended, told, times, names, release } = setUp(pods);
    let changes = 0;
    manager.onChange(() => {
      // Who is told asks at once.
      expect(manager.shuttingDown()).toBe(true);
      changes += 1;
    });
    expect(manager.admit()).toEqual({ admitted: true });
    const done = manager.shutDown();
    expect(manager.shutDown()).toBe(done);
    expect(manager.admit()).toEqual({
      admitted: false,
      reason: 'NodeShutdown',
      message: 'Pod was rejected as the node is shutting down.',
    });
    await settle();
    expect(names()).toEqual(['web', 'db']);
    release('web');
    await settle();
    expect(names()).toHaveLength(2);
    release('db');
    await settle();
    expect(names()).toEqual(['web', 'db', 'dns']);
    release('dns');
    await done;
    expect(ended[0]).toEqual({
      pod: 'web',
      graceSeconds: 20,
      ending: {
        why: 'shutdown',
        reason: 'Terminated',
        message: 'Pod was terminated in response to imminent node shutdown.',
        condition: {
          type: 'DisruptionTarget',
          status: 'True',
          reason: 'TerminationByKubelet',
          message: 'Pod was terminated in response to imminent node shutdown.',
        },
      },
    });
    expect(told).toEqual(['NodeShutdown Shutdown manager detected shutdown event']);
    expect(changes).toBe(1);
    expect(times.end).toBe(times.start);
  });

  test('a pod that does not end in time is left behind', async () => {
    const { manager, clock, times, names } = setUp(pods);
    const done = manager.shutDown();
    await settle();
    clock.advance(19_999);
    await settle();
    expect(names()).toHaveLength(2);
    clock.advance(1);
    await settle();
    expect(names()).toHaveLength(3);
    clock.advance(10_000);
    await done;
    expect((times.end ?? 0) - (times.start ?? 0)).toBe(30);
  });
});

test('SIGPWR is the trigger of a process, until it is no longer listened to', () => {
  const tell = vi.fn();
  const before = process.listenerCount('SIGPWR');
  const forget = powerSignal.onShutdown(tell);
  process.emit('SIGPWR');
  forget();
  expect(tell).toHaveBeenCalledTimes(1);
  expect(process.listenerCount('SIGPWR')).toBe(before);
});

test('flags: off by default', () => {
  const parse = (...flags: string[]) => parseKubeletFlags(['--kubeconfig=x', ...flags]).shutdown;
  const [all, critical] = [
    '--shutdown-grace-period=30s',
    '--shutdown-grace-period-critical-pods=10s',
  ];
  expect(parse()).toBeUndefined();
  expect(parse(all, critical)).toEqual(PERIODS);
});

test('real containers end in order, their pods have failed with the reason, the node is not ready and takes nobody', async () => {
  await using lab = await Lab.start({ number: 237 });
  // Each takes a second to end after it is told to.
  const slow = `trap 'sleep 1; exit 0' TERM; ${FOREVER}`;
  await Promise.all([
    lab.createPod('web', { containers: [script('web', slow)], terminationGracePeriodSeconds: 30 }),
    lab.createPod('dns', {
      containers: [script('dns', slow)],
      priorityClassName: 'system-cluster-critical',
    }),
  ]);
  await Promise.all([lab.running('web'), lab.running('dns')]);
  await lab.stopKubelet();
  const config = await lab.kubeconfig();
  const periods = ['--shutdown-grace-period=12s', '--shutdown-grace-period-critical-pods=5s'];
  const kubelet = new KubeletProcess(lab, config, ...periods);
  onTestFinished(async () => void (await kubelet.end('SIGKILL')));
  await kubelet.isReady();
  kubelet.send('SIGPWR');
  await kubelet.says('Shutdown manager completed processing shutdown event');
  const ended = await Promise.all(
    ['web', 'dns'].map((name) => lab.podWhen(name, ({ status }) => status?.phase === 'Failed')),
  );
  for (const { status } of ended) {
    expect(status).toMatchObject({
      reason: 'Terminated',
      message: 'Pod was terminated in response to imminent node shutdown.',
    });
    expect(status?.conditions).toContainEqual(
      expect.objectContaining({ type: 'DisruptionTarget', reason: 'TerminationByKubelet' }),
    );
  }
  const [web, dns] = ended.map(
    (one, index) => statusOf(one, ['web', 'dns'][index] ?? '')?.state?.terminated,
  );
  expect(web).toMatchObject({ exitCode: 0, reason: 'Completed' });
  // The critical one was told to end when the other had ended: a second later at least.
  expect(
    Date.parse(dns?.finishedAt ?? '') - Date.parse(web?.finishedAt ?? ''),
  ).toBeGreaterThanOrEqual(1_000);
  await lab.createPod('late', { containers: [script('c', FOREVER)] });
  const late = await lab.podWhen('late', ({ status }) => status?.phase === 'Failed');
  expect(late.status).toMatchObject({
    reason: 'NodeShutdown',
    message: 'Pod was rejected: Pod was rejected as the node is shutting down.',
  });
  const ready = '-o=jsonpath={.status.conditions[?(@.type=="Ready")].message}';
  await lab.until('the node says so', async () => {
    return (await kubectl(lab, 'get', 'node', 'node-1', ready)).stdout === 'node is shutting down';
  });
  expect((await kubectl(lab, 'describe', 'pod', 'web')).stdout).toMatch(
    /Status: +Failed\nReason: +Terminated\nMessage: +Pod was terminated in response/,
  );
  expect(await kubelet.end('SIGTERM')).toBe(0);
  // What is deleted now needs one that confirms it.
  await lab.startKubelet();
});
