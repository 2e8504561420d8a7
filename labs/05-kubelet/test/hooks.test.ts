// Hooks and grace periods through the syncer, on a fake engine and a fake clock.

import { FakeClock, silentLogger } from '@kube-labs/apiserver';
import type { Pod, PodStatus } from 'kubernetes-types/core/v1';
import { describe, expect, test, vi } from 'vitest';
import { StatusTeller, type TellerDeps } from '#src/pod/status-teller.ts';
import { WaitingReasons } from '#src/pod/waiting-reasons.ts';
import type { RuntimePod } from '#src/runtime/runtime.ts';
import {
  container,
  IDENTITY,
  pod as podOf,
  RUNNING,
  record,
  runtimePod,
  statusOf,
} from './objects.ts';
import { DELETED, hang, never, setUp } from './syncer-setup.ts';

type Setup = Awaited<ReturnType<typeof setUp>>;

/** Writes down with how much time each container is stopped. */
function stops({ runtime }: Setup): readonly string[] {
  const seen: string[] = [];
  const stop = runtime.stopContainer.bind(runtime);
  const stopContainer = async (id: string, graceMs: number) => {
    seen.push(`${id} ${graceMs}`);
    await stop(id);
  };
  Object.assign(runtime, { stopContainer });
  return seen;
}

const sleep = (seconds: number) => ({ sleep: { seconds } });

describe('a sleep hook', () => {
  test('after the start keeps the pod waiting, and the container running', async () => {
    const lab = await setUp();
    const pod = podOf({ containers: [container('c', { lifecycle: { postStart: sleep(5) } })] });
    let done = false;
    const syncing = lab.syncer.syncPod(pod, never).then(() => {
      done = true;
    });
    await vi.waitFor(() => expect(lab.clock.pendingTimers).toBe(1));
    lab.clock.advance(4_999);
    expect([lab.runtime.calls.at(-1), done]).toEqual(['start c', false]);
    lab.clock.advance(1);
    await syncing;
    expect(lab.status()?.state?.running).toBeDefined();
    expect(lab.told.at(-1)).toBe('Started Started container c');
  });

  test('before the end takes its time from the grace period', async () => {
    const lab = await setUp();
    const pod = podOf({ containers: [container('c', { lifecycle: { preStop: sleep(12) } })] });
    await lab.syncer.syncPod(pod, never);
    const seen = stops(lab);
    const ended = lab.syncer.syncTerminating(
      { identity: IDENTITY, pod },
      { graceSeconds: 30, ending: DELETED },
      never,
    );
    // The hook's own, and the end of the grace period.
    await vi.waitFor(() => expect(lab.clock.pendingTimers).toBe(2));
    lab.clock.advance(12_000);
    await ended;
    expect(seen).toEqual(['container-2 18000']);
    expect(lab.told).not.toContain('FailedPreStopHook PreStopHook failed');
    expect(lab.clock.pendingTimers).toBe(0);
  });

  test('that is longer than the grace period ends with it; the process still gets two seconds', async () => {
    const lab = await setUp();
    const pod = podOf({ containers: [container('c', { lifecycle: { preStop: sleep(99) } })] });
    await lab.syncer.syncPod(pod, never);
    const seen = stops(lab);
    const ended = lab.syncer.syncTerminating(
      { identity: IDENTITY, pod },
      { graceSeconds: 10, ending: DELETED },
      never,
    );
    await vi.waitFor(() => expect(lab.clock.pendingTimers).toBe(2));
    lab.clock.advance(10_000);
    await ended;
    expect(seen).toEqual(['container-2 2000']);
  });
});

test.each([
  { name: 'its own grace period', own: { terminationGracePeriodSeconds: 4 }, want: 4_000 },
  { name: 'at least two seconds', own: { terminationGracePeriodSeconds: 1 }, want: 2_000 },
  { name: 'its pod’s grace period', own: {}, want: 20_000 },
])('what fails a probe is stopped with $name', async ({ own, want }) => {
  const lab = await setUp();
  const livenessProbe = { exec: { command: ['x'] }, periodSeconds: 1, failureThreshold: 1, ...own };
  const pod = podOf({
    terminationGracePeriodSeconds: 20,
    containers: [container('c', { livenessProbe })],
  });
  lab.runtime.execSync = async () => ({ kind: 'exited', exitCode: 1, output: '' });
  await lab.syncer.syncPod(pod, never);
  lab.clock.advance(0);
  await vi.waitFor(() => expect(lab.prober.failures('u1').size).toBe(1));
  const seen = stops(lab);
  await lab.syncer.syncPod(pod, never);
  expect(seen).toEqual([`container-2 ${want}`]);
  expect(lab.told).toContain('Killing Container c failed liveness probe, will be restarted');
  expect(lab.status()).toMatchObject({ restartCount: 1, state: { running: {} } });
});

describe('while a pod ends', () => {
  const lifecycle = { preStop: { exec: { command: ['wait'] } } };
  const readinessProbe = { exec: { command: ['ready'] }, periodSeconds: 1, failureThreshold: 1 };

  /** `slow` has a hook that takes as long as it is let, `quick` ends at once. */
  async function ending() {
    const lab = await setUp();
    const pod = podOf({
      containers: [container('slow', { lifecycle, readinessProbe }), container('quick')],
    });
    let isReady = true;
    lab.runtime.execSync = async (id, command, limits) => {
      if (command[0] === 'wait') return hang(id, command, limits);
      return { kind: 'exited', exitCode: isReady ? 0 : 1, output: '' };
    };
    const stop = new AbortController();
    const following = lab.cache.run(() => {}, stop.signal);
    await lab.syncer.syncPod(pod, never);
    lab.clock.advance(0);
    await vi.waitFor(async () => {
      await lab.syncer.syncPod(pod, never);
      expect(statusOf({ status: lab.known.get('u1') ?? {} }, 'slow')?.ready).toBe(true);
    });
    const ended = lab.syncer.syncTerminating(
      { identity: IDENTITY, pod },
      { graceSeconds: 30, ending: DELETED },
      never,
    );
    const end = async () => {
      lab.clock.advance(30_000);
      await ended;
      stop.abort();
      await following;
    };
    const of = (name: string) => statusOf({ status: lab.known.get('u1') ?? {} }, name);
    const fallIll = () => {
      isReady = false;
      lab.clock.advance(1_000);
    };
    return { ...lab, of, end, fallIll };
  }

  test('what is seen too late is not told: the end is known already', async () => {
    const told: PodStatus[] = [];
    let change = () => {};
    let show = (_: RuntimePod) => {};
    const watch = (_: string, tell: () => void) => {
      change = tell;
      return () => {};
    };
    const deps = {
      prober: { watch, verdict: () => ({ ready: true, started: true }) },
      cache: { onChange: () => () => {} },
      statuses: { get: () => undefined, set: (_: Pod, status: PodStatus) => told.push(status) },
      ...{ clock: new FakeClock(), log: silentLogger, waiting: new WaitingReasons() },
      ...{ hostAddress: '192.0.2.1', messageOf: () => undefined },
    };
    const teller = new StatusTeller(deps as unknown as TellerDeps);
    const look = () => new Promise<RuntimePod>((resolve) => (show = resolve));
    const stop = teller.tellChanges(podOf(), DELETED, look);
    change();
    show(runtimePod([record('c', RUNNING)]));
    await vi.waitFor(() => expect(told).toHaveLength(1));
    change();
    stop();
    show(runtimePod([record('c', RUNNING)]));
    await new Promise((resolve) => setImmediate(resolve));
    expect(told).toHaveLength(1);
  });

  test('containers stay ready also for a kubelet that starts meanwhile', async () => {
    const lab = await setUp();
    const pod = podOf({ containers: [container('c', { lifecycle, readinessProbe })] });
    lab.runtime.execSync = async (id, command, limits) => {
      if (command[0] === 'wait') return hang(id, command, limits);
      return { kind: 'exited', exitCode: 0, output: '' };
    };
    await lab.syncer.syncPod(pod, never);
    lab.clock.advance(0);
    await vi.waitFor(async () => {
      await lab.syncer.syncPod(pod, never);
      expect(lab.status()?.ready).toBe(true);
    });
    lab.prober.forget('u1');
    const status = lab.known.get('u1') ?? {};
    const work = { identity: IDENTITY, pod: { ...pod, status } };
    const ended = lab.syncer.syncTerminating(work, { graceSeconds: 30, ending: DELETED }, never);
    await vi.waitFor(() => expect(lab.told.at(-1)).toBe('Killing Stopping container c'));
    expect(lab.status()?.ready).toBe(true);
    lab.clock.advance(30_000);
    await ended;
    expect(lab.status()?.ready).toBe(false);
    expect(lab.clock.pendingTimers).toBe(0);
  });

  test('a container that has ended is told of at once, also when others take longer', async () => {
    const { of, end, phase } = await ending();
    await vi.waitFor(() => expect(of('quick')?.state?.terminated?.exitCode).toBe(143));
    expect(of('slow')?.state?.running).toBeDefined();
    expect(phase()).toBe('Running');
    await end();
    expect(of('slow')?.state?.terminated?.exitCode).toBe(143);
  });

  test('a container that is no longer ready is told of at once', async () => {
    const { of, end, fallIll } = await ending();
    await vi.waitFor(() => expect(of('quick')?.state?.terminated).toBeDefined());
    expect(of('slow')?.ready).toBe(true);
    fallIll();
    await vi.waitFor(() => expect(of('slow')?.ready).toBe(false));
    expect(of('slow')?.state?.running).toBeDefined();
    await end();
  });
});
