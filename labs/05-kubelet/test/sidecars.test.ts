// Sidecars through the syncer: their place in the row, what the pod's status says of them, and the order of the end.

import type { PodSpec, PodStatus } from 'kubernetes-types/core/v1';
import { describe, expect, test, vi } from 'vitest';
import { terminationOrder } from '#src/pod/termination-order.ts';
import { container, IDENTITY, pod as podOf, sidecar } from './objects.ts';
import { DELETED, hang, never, setUp } from './syncer-setup.ts';

describe('terminationOrder()', () => {
  const pod = podOf({
    initContainers: [sidecar('s1'), container('i'), sidecar('s2'), sidecar('s3')],
    containers: [container('a'), container('b')],
  });
  const rows = [
    {
      name: 'main containers first, then sidecars from the last to the first',
      running: ['s1', 's2', 's3', 'a', 'b'],
      want: { a: [], b: [], s3: ['a', 'b'], s2: ['a', 'b', 's3'], s1: ['a', 'b', 's3', 's2'] },
    },
    {
      name: 'nobody waits for what does not run',
      running: ['s1', 's3', 'b'],
      want: { b: [], s3: ['b'], s1: ['b', 's3'] },
    },
    {
      name: 'init containers and strangers wait for nobody',
      running: ['s1', 'i', 'debugger'],
      want: { i: [], debugger: [], s1: [] },
    },
  ];
  test.each(rows)('$name', ({ running, want }) => {
    const order = terminationOrder(pod, running);
    expect([...order]).toEqual(Object.entries(want));
  });

  test('of a pod that nobody knows any more all end together', () => {
    expect([...terminationOrder(undefined, ['s1', 'a'])]).toEqual([
      ['s1', []],
      ['a', []],
    ]);
  });
});

const conditionOf = (status: PodStatus | undefined, type: string) =>
  status?.conditions?.find((condition) => condition.type === type);

/** A pod that is looked at again and again, as its worker would. */
async function running(spec: Partial<PodSpec>) {
  const lab = await setUp();
  const pod = podOf(spec);
  const sync = () => lab.syncer.syncPod(pod, never);
  const idOf = async (name: string) => {
    const { containers } = await lab.runtime.podStatus(IDENTITY);
    return containers.find((one) => one.name === name)?.id ?? '';
  };
  const end = async (name: string, exitCode: number) => lab.exit(await idOf(name), exitCode);
  const starts = () => lab.runtime.calls.filter((call) => /^(start|stop) /.test(call));
  const terminate = (graceSeconds: number, signal = never) =>
    lab.syncer.syncTerminating(
      { identity: IDENTITY, pod },
      { graceSeconds, ending: DELETED },
      signal,
    );
  const told = () => lab.known.get('u1');
  return { ...lab, sync, end, starts, terminate, told, events: lab.told };
}

test('the next container waits for a sidecar’s startup probe, and conditions and phase tell so', async () => {
  const startupProbe = { exec: { command: ['up'] }, periodSeconds: 1 };
  const lab = await running({ initContainers: [sidecar('s', { startupProbe })] });
  let isUp = false;
  lab.runtime.execSync = async () => ({ kind: 'exited', exitCode: isUp ? 0 : 1, output: '' });
  await lab.sync();
  await lab.sync();
  expect(lab.starts()).toEqual(['start s']);
  expect(lab.told()).toMatchObject({
    phase: 'Pending',
    initContainerStatuses: [{ name: 's', ready: false, started: false, state: { running: {} } }],
    containerStatuses: [{ name: 'c', state: { waiting: { reason: 'PodInitializing' } } }],
  });
  expect(conditionOf(lab.told(), 'Initialized')).toMatchObject({
    status: 'False',
    reason: 'ContainersNotInitialized',
    message: 'containers with incomplete status: [s]',
  });
  isUp = true;
  lab.clock.advance(1_000);
  await vi.waitFor(async () => {
    await lab.sync();
    expect(lab.starts()).toEqual(['start s', 'start c']);
  });
  expect(lab.told()).toMatchObject({
    phase: 'Running',
    initContainerStatuses: [{ ready: true, started: true }],
    containerStatuses: [{ ready: true }],
  });
  expect(conditionOf(lab.told(), 'Initialized')?.status).toBe('True');
  expect(conditionOf(lab.told(), 'Ready')?.status).toBe('True');
});

test('a sidecar that is not ready makes its pod unready, one that ended is restarted beside the others', async () => {
  const readinessProbe = { exec: { command: ['ready'] }, periodSeconds: 1 };
  const lab = await running({
    restartPolicy: 'Never',
    initContainers: [sidecar('s', { readinessProbe })],
  });
  lab.runtime.execSync = async () => ({ kind: 'exited', exitCode: 1, output: '' });
  await lab.sync();
  await lab.sync();
  expect(lab.told()).toMatchObject({ phase: 'Running', containerStatuses: [{ ready: true }] });
  for (const type of ['Ready', 'ContainersReady']) {
    expect(conditionOf(lab.told(), type)).toMatchObject({
      status: 'False',
      reason: 'ContainersNotReady',
      message: 'containers with unready status: [s]',
    });
  }
  await lab.end('s', 3);
  await lab.sync();
  expect(lab.told()).toMatchObject({
    phase: 'Running',
    initContainerStatuses: [
      { restartCount: 1, state: { running: {} }, lastState: { terminated: { exitCode: 3 } } },
    ],
    containerStatuses: [{ restartCount: 0 }],
  });
  expect(conditionOf(lab.told(), 'Initialized')?.status).toBe('True');
});

test.each([
  { restartPolicy: 'Never', exitCode: 0, phase: 'Succeeded' },
  { restartPolicy: 'Never', exitCode: 1, phase: 'Failed' },
  { restartPolicy: 'OnFailure', exitCode: 0, phase: 'Succeeded' },
])(
  'under $restartPolicy a pod has $phase when its main container exits with $exitCode and the sidecar was stopped',
  async ({ restartPolicy, exitCode, phase }) => {
    const lab = await running({ restartPolicy, initContainers: [sidecar('s')] });
    await lab.sync();
    await lab.sync();
    await lab.end('c', exitCode);
    // How the sidecar ends (143 here) counts for nothing.
    expect(await lab.sync()).toEqual({ final: true });
    expect(lab.starts()).toEqual(['start s', 'start c', 'stop s']);
    expect(lab.events).toContain('Killing Stopping container s');
    expect(lab.told()).toMatchObject({
      phase,
      initContainerStatuses: [{ restartCount: 0, state: { terminated: { exitCode: 143 } } }],
    });
  },
);

/** One container takes its time to end: until its hook is let go, or the grace period is over. */
async function slowEnd(slow: string, graceSeconds: number, signal?: AbortSignal) {
  const lifecycle = { preStop: { exec: { command: ['wait'] } } };
  const hookOf = (name: string) => (name === slow ? { lifecycle } : {});
  const lab = await running({
    initContainers: [sidecar('s1', hookOf('s1')), sidecar('s2', hookOf('s2'))],
    containers: [container('a', hookOf('a')), container('b', hookOf('b'))],
  });
  const graces: string[] = [];
  const stop = lab.runtime.stopContainer.bind(lab.runtime);
  const stopContainer = async (id: string, graceMs: number) => {
    const { containers } = await lab.runtime.podStatus(IDENTITY);
    graces.push(`${containers.find((one) => one.id === id)?.name} ${graceMs}`);
    await stop(id);
  };
  Object.assign(lab.runtime, { stopContainer });
  let letGo = () => {};
  lab.runtime.execSync = (id, command, limits) => {
    const released = new Promise<{ kind: 'exited'; exitCode: 0; output: '' }>((resolve) => {
      letGo = () => resolve({ kind: 'exited', exitCode: 0, output: '' });
    });
    return Promise.race([released, hang(id, command, limits)]);
  };
  for (let step = 0; step < 3; step++) await lab.sync();
  const ended = lab.terminate(graceSeconds, signal);
  return { ...lab, graces, ended, letGo: () => letGo() };
}

test('sidecars end after the main containers, the last one first, each within what is left of the grace period', async () => {
  const { clock, graces, ended, letGo, starts } = await slowEnd('a', 30);
  await vi.waitFor(() => expect(graces).toEqual(['b 30000']));
  clock.advance(10_000);
  letGo();
  await ended;
  expect(graces).toEqual(['b 30000', 'a 20000', 's2 20000', 's1 20000']);
  expect(starts().slice(4)).toEqual(['stop b', 'stop a', 'stop s2', 'stop s1']);
  expect(clock.pendingTimers).toBe(0);
});

test('when the grace period is over sidecars wait no longer, and still get two seconds', async () => {
  const { clock, graces, ended } = await slowEnd('a', 5);
  await vi.waitFor(() => expect(graces).toEqual(['b 5000']));
  clock.advance(5_000);
  await ended;
  expect(graces[0]).toBe('b 5000');
  expect(new Set(graces.slice(1))).toEqual(new Set(['a 2000', 's2 2000', 's1 2000']));
});

test('a sidecar’s own hook does not wait for its turn', async () => {
  const { events, graces, ended, letGo } = await slowEnd('s1', 30);
  await vi.waitFor(() => expect(graces.length).toBe(3));
  expect(graces.map((one) => one.split(' ')[0]).sort()).toEqual(['a', 'b', 's2']);
  expect(events.filter((event) => event.startsWith('Killing'))).toHaveLength(4);
  letGo();
  await ended;
  expect(graces.at(-1)).toBe('s1 30000');
});

test('sidecars that wait for their turn are left alone when the end is interrupted', async () => {
  const interrupt = new AbortController();
  const { clock, graces, ended, starts, terminate } = await slowEnd('a', 600, interrupt.signal);
  await vi.waitFor(() => expect(graces).toEqual(['b 600000']));
  interrupt.abort();
  await expect(ended).rejects.toThrow('abort');
  await new Promise((resolve) => setImmediate(resolve));
  expect(starts().slice(4)).toEqual(['stop b']);
  expect(clock.pendingTimers).toBe(0);
  // Whoever interrupted it comes again, with less time.
  const again = terminate(2);
  await vi.waitFor(() => expect(clock.pendingTimers).toBeGreaterThan(0));
  clock.advance(2_000);
  await again;
  expect(starts().slice(4).sort()).toEqual(['stop a', 'stop b', 'stop s1', 'stop s2']);
});
