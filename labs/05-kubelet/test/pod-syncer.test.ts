// The syncer when the engine fails, is slow, or forgets: on a fake runtime, since a real one seldom does.

import { expect, test, vi } from 'vitest';
import { type ExecResult, RuntimeError } from '#src/runtime/runtime.ts';
import { container, IDENTITY, pod as podOf } from './objects.ts';
import { DELETED, hang, never, setUp } from './syncer-setup.ts';

test('a sandbox that cannot be made is told of, leaves nothing, and is tried again', async () => {
  const { runtime, files, told, syncer, status } = await setUp();
  runtime.failNext('runPodSandbox', new RuntimeError('failed', 'no space left on device'));
  await expect(syncer.syncPod(podOf(), never)).rejects.toThrow('no space left');
  expect(told).toContain(
    'FailedCreatePodSandBox Failed to create pod sandbox: no space left on device',
  );
  const { podDirectory } = files;
  files.podDirectory = () => '/dev/null';
  await expect(syncer.syncPod(podOf(), never)).rejects.toThrow('EEXIST');
  expect((await runtime.podStatus(IDENTITY)).sandboxes).toEqual([]);
  files.podDirectory = podDirectory;
  await syncer.syncPod(podOf(), never);
  expect(status()?.state?.running).toBeDefined();
});

test('a pod that this node must not run has failed with the reason, and gets nothing', async () => {
  const { runtime, syncer, known } = await setUp();
  const message = 'Pod was rejected: no room';
  const ending = { why: 'rejected', reason: 'OutOfpods', message } as const;
  const work = { identity: IDENTITY, pod: podOf() };
  await syncer.syncTerminating(work, { graceSeconds: 0, ending }, never);
  await syncer.syncTerminated(work, { deleted: false });
  expect(known.get('u1')).toMatchObject({ phase: 'Failed', reason: 'OutOfpods', message });
  expect(runtime.calls).toEqual([]);
});

test('without a network nothing is made or taken down, but for pods of the node’s network', async () => {
  const { runtime, cache, syncer, told } = await setUp();
  await syncer.syncPod(podOf(), never);
  const calls = [...runtime.calls];
  const [sandbox] = (await runtime.podStatus(IDENTITY)).sandboxes;
  runtime.network = { ready: false, reason: 'NetworkPluginNotReady', message: 'no range' };
  runtime.loseNetwork(sandbox?.id ?? '');
  cache.outdate('u1');
  const problem =
    'network is not ready: container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:no range';
  await expect(syncer.syncPod(podOf(), never)).rejects.toThrow(problem);
  expect(told.at(-1)).toBe(`NetworkNotReady ${problem}`);
  expect(runtime.calls).toEqual(calls);
  await syncer.syncPod(podOf({ hostNetwork: true }), never);
  expect(runtime.calls.slice(calls.length)[0]).toBe('stop c');
});

test('the engine is not asked about a pod to which nothing happens', async () => {
  const { runtime, syncer, exit, status } = await setUp();
  await syncer.syncPod(podOf(), never);
  const podStatus = vi.spyOn(runtime, 'podStatus');
  for (let minute = 0; minute < 3; minute++) await syncer.syncPod(podOf(), never);
  expect(podStatus).not.toHaveBeenCalled();
  exit('container-2', 1);
  await syncer.syncPod(podOf(), never);
  // Once for the exit, once for what was done about it.
  expect(podStatus).toHaveBeenCalledTimes(2);
  expect(status()?.restartCount).toBe(1);
});

test('an engine that is away is no fault of the pod: no event, no reason, another try', async () => {
  const { runtime, told, syncer, status } = await setUp();
  runtime.failNext('createContainer', new RuntimeError('unavailable', 'connection refused'));
  await expect(syncer.syncPod(podOf(), never)).rejects.toThrow('connection refused');
  expect(told.filter((event) => event.startsWith('Failed'))).toEqual([]);
  expect(status()?.state?.waiting?.reason).toBe('ContainerCreating');
  await syncer.syncPod(podOf(), never);
  expect(runtime.calls).toEqual(['sandbox web', 'create c 0', 'start c']);
});

test('a container that the engine refuses waits with the reason, and its neighbours start', async () => {
  const { runtime, syncer, status } = await setUp();
  runtime.failNext('createContainer', new RuntimeError('failed', 'no such device'));
  const two = podOf({
    containers: [
      { name: 'c', image: 'image:v1' },
      { name: 'd', image: 'image:v1' },
    ],
  });
  const { againAfterMs } = await syncer.syncPod(two, never);
  expect(againAfterMs).toBe(5_000);
  expect(status()?.state?.waiting).toEqual({
    reason: 'CreateContainerError',
    message: 'no such device',
  });
  expect(runtime.calls.at(-1)).toBe('start d');
});

test('a pod that is deleted while its image is pulled gets no container', async () => {
  const { runtime, syncer } = await setUp();
  const interrupt = new AbortController();
  runtime.images.clear();
  runtime.pullImage = async () => {
    interrupt.abort();
    return { id: 'sha256:1', names: ['image:v1'], sizeBytes: 1 };
  };
  await expect(syncer.syncPod(podOf(), interrupt.signal)).rejects.toThrow('abort');
  expect(runtime.calls).toEqual(['sandbox web']);
  const work = { identity: IDENTITY, pod: podOf() };
  await syncer.syncTerminating(work, { graceSeconds: 1, ending: DELETED }, never);
  await syncer.syncTerminated(work, { deleted: true });
  expect((await runtime.listPods()).length).toBe(0);
});

test('back-off holds from one crash to the next, and begins again after a long good run', async () => {
  const { clock, runtime, exit, syncer, status } = await setUp();
  const crash = async () => {
    const [newest] = (await runtime.podStatus(IDENTITY)).containers;
    exit(newest?.id ?? '', 1);
    return syncer.syncPod(podOf(), never);
  };
  await syncer.syncPod(podOf(), never);
  await crash();
  expect(status()?.restartCount).toBe(1);
  expect((await crash()).againAfterMs).toBe(10_000);
  expect(status()?.state?.waiting?.reason).toBe('CrashLoopBackOff');
  clock.advance(10_000);
  await syncer.syncPod(podOf(), never);
  expect((await crash()).againAfterMs).toBe(20_000);
  clock.advance(20_000);
  await syncer.syncPod(podOf(), never);
  clock.advance(11 * 60_000);
  await crash();
  expect(status()?.restartCount).toBe(4);
  expect((await crash()).againAfterMs).toBe(10_000);
});

test('a finished pod keeps its containers until it is deleted, and nothing of it stays then', async () => {
  const { runtime, exit, told, syncer, phase } = await setUp();
  const pod = podOf({ restartPolicy: 'Never' });
  await syncer.syncPod(pod, never);
  const [container] = (await runtime.podStatus(IDENTITY)).containers;
  exit(container?.id ?? '', 0);
  expect(await syncer.syncPod(pod, never)).toMatchObject({ final: true });
  const work = { identity: IDENTITY, pod };
  await syncer.syncTerminating(work, { graceSeconds: 0, ending: { why: 'finished' } }, never);
  await syncer.syncTerminated(work, { deleted: false });
  expect((await runtime.podStatus(IDENTITY)).sandboxes).toEqual([]);
  expect((await runtime.podStatus(IDENTITY)).containers.length).toBe(1);
  expect(phase()).toBe('Succeeded');
  await syncer.syncTerminated(work, { deleted: true });
  expect(await runtime.listPods()).toEqual([]);
  expect(told.at(-1)).toBe('finished');
});

const fails = async (): Promise<ExecResult> => ({
  kind: 'exited',
  exitCode: 3,
  output: 'password',
});
const hook = { exec: { command: ['set', 'up'] } };

test('a container whose postStart hook fails is killed and waits with the reason; events keep its output secret', async () => {
  const { runtime, told, syncer, status } = await setUp();
  runtime.execSync = fails;
  await syncer.syncPod(
    podOf({ containers: [container('c', { lifecycle: { postStart: hook } })] }),
    never,
  );
  expect(told.slice(-2)).toEqual([
    'FailedPostStartHook PostStartHook failed',
    'Killing FailedPostStartHook',
  ]);
  expect(told.join()).not.toContain('password');
  expect(runtime.calls.at(-1)).toBe('stop c');
  expect(status()?.state?.waiting).toEqual({
    reason: 'PostStartHookError',
    message: `Exec lifecycle hook ([set up]) for Container "c" in Pod "web_default(u1)" failed - error: command 'set up' exited with 3: password`,
  });
  expect(status()?.lastState?.terminated?.exitCode).toBe(143);
});

test('a postStart hook ends with its pod, and has not failed by that', async () => {
  const { runtime, told, syncer } = await setUp();
  const interrupt = new AbortController();
  runtime.execSync = hang;
  const pod = podOf({ containers: [container('c', { lifecycle: { postStart: hook } })] });
  const syncing = syncer.syncPod(pod, interrupt.signal);
  await vi.waitFor(() => expect(told.at(-1)).toBe('Started Started container c'));
  interrupt.abort();
  await expect(syncing).rejects.toThrow('abort');
  expect(told.at(-1)).toBe('Started Started container c');
});

test('a preStop hook that fails is told of without its output, and the container is stopped', async () => {
  const { runtime, told, syncer } = await setUp();
  runtime.execSync = fails;
  const pod = podOf({ containers: [container('c', { lifecycle: { preStop: hook } })] });
  await syncer.syncPod(pod, never);
  await syncer.syncTerminating(
    { identity: IDENTITY, pod },
    { graceSeconds: 5, ending: DELETED },
    never,
  );
  expect(told.slice(-2)).toEqual([
    'Killing Stopping container c',
    'FailedPreStopHook PreStopHook failed',
  ]);
  expect(runtime.calls.at(-1)).toBe('stop c');
});

test('a preStop hook gets the grace period and no more; a shorter one ends it at once', async () => {
  const { clock, runtime, told, syncer } = await setUp();
  runtime.execSync = hang;
  const pod = podOf({ containers: [container('c', { lifecycle: { preStop: hook } })] });
  await syncer.syncPod(pod, never);
  const work = { identity: IDENTITY, pod };
  const interrupt = new AbortController();
  const first = syncer.syncTerminating(
    work,
    { graceSeconds: 30, ending: DELETED },
    interrupt.signal,
  );
  await vi.waitFor(() => expect(told.at(-1)).toBe('Killing Stopping container c'));
  interrupt.abort();
  await expect(first).rejects.toThrow('abort');
  expect(runtime.calls.at(-1)).toBe('start c');
  const second = syncer.syncTerminating(work, { graceSeconds: 5, ending: DELETED }, never);
  await vi.waitFor(() => expect(clock.pendingTimers).toBe(1));
  clock.advance(5_000);
  await second;
  expect(runtime.calls.at(-1)).toBe('stop c');
  expect(told.at(-1)).toBe('Killing Stopping container c');
});

/** A running pod that is probed each second, and has begun to stop: its preStop hook takes for ever. */
async function stoppingPod() {
  const lab = await setUp();
  const { clock, runtime, syncer, told } = lab;
  const probed: string[] = [];
  runtime.execSync = async (id, command, limits) => {
    if (command[0] === 'set') return hang(id, command, limits);
    probed.push(command[0] ?? '');
    return { kind: 'exited', exitCode: 0, output: '' };
  };
  const probe = (name: string) => ({ exec: { command: [name] }, periodSeconds: 1 });
  const spec = {
    lifecycle: { preStop: hook },
    readinessProbe: probe('ready'),
    livenessProbe: probe('alive'),
  };
  const pod = podOf({ containers: [container('c', spec)] });
  await syncer.syncPod(pod, never);
  clock.advance(0);
  await vi.waitFor(() => expect(probed.sort()).toEqual(['alive', 'ready']));
  await vi.waitFor(() => expect(clock.pendingTimers).toBe(2));
  probed.length = 0;
  const stopping = syncer.syncTerminating(
    { identity: IDENTITY, pod },
    { graceSeconds: 30, ending: DELETED },
    never,
  );
  await vi.waitFor(() => expect(told.at(-1)).toBe('Killing Stopping container c'));
  const stop = async () => {
    clock.advance(30_000);
    await stopping;
  };
  return { ...lab, probed, stop };
}

test('while a pod is stopped its containers stay ready as long as they run', async () => {
  const { status, stop } = await stoppingPod();
  expect(status()?.ready).toBe(true);
  await stop();
  expect(status()).toMatchObject({ ready: false, state: { terminated: { exitCode: 143 } } });
});

test('liveness is not probed while a pod is stopped, readiness is, until its container has ended', async () => {
  const { clock, probed, stop } = await stoppingPod();
  for (let second = 1; second <= 3; second++) {
    clock.advance(1_000);
    await vi.waitFor(() => expect(probed.length).toBe(second));
    await vi.waitFor(() => expect(clock.pendingTimers).toBe(2));
  }
  await stop();
  expect(new Set(probed)).toEqual(new Set(['ready']));
  expect(clock.pendingTimers).toBe(0);
});

test('an engine that cannot be asked fails no probe: nothing is killed when it is back', async () => {
  const { clock, runtime, syncer, prober, told } = await setUp();
  let tries = 0;
  runtime.execSync = async () => {
    tries++;
    throw new RuntimeError('unavailable', 'engine away');
  };
  const livenessProbe = { exec: { command: ['x'] }, periodSeconds: 1, failureThreshold: 1 };
  const pod = podOf({ containers: [container('c', { livenessProbe })] });
  await syncer.syncPod(pod, never);
  clock.advance(0);
  for (let period = 1; period <= 4; period++) {
    await vi.waitFor(() => expect(tries).toBe(3 * period));
    await vi.waitFor(() => expect(clock.pendingTimers).toBe(1));
    if (period < 4) clock.advance(1_000);
  }
  expect(prober.failures('u1').size).toBe(0);
  expect(told.at(-1)).toBe(
    'Unhealthy Liveness probe errored and resulted in unknown state: engine away',
  );
  await vi.waitFor(() => expect(clock.pendingTimers).toBe(1));
  runtime.execSync = fails;
  clock.advance(1_000);
  await vi.waitFor(() => expect([...prober.failures('u1').values()]).toEqual(['liveness']));
});
