// When probes run, second by second: delays, periods, who waits for whom, and what a kubelet does that has just started.

import { FakeClock, silentLogger } from '@kube-labs/apiserver';
import type { Container, Probe } from 'kubernetes-types/core/v1';
import { expect, onTestFinished, test } from 'vitest';
import { PodEvents } from '#src/pod/pod-events.ts';
import { Prober } from '#src/probe/prober.ts';
import { RuntimeError } from '#src/runtime/runtime.ts';
import { FakeRuntime } from './fake-runtime.ts';
import { container, pod as podOf, record, runtimePod, sidecar } from './objects.ts';

const START_MS = Date.UTC(2015, 10, 9);

/** A prober that writes down, for each second, the names of the commands it ran in it. */
function setUp(spec: Partial<Container>, options: { startedAtMs?: number; random?: number } = {}) {
  const clock = new FakeClock(START_MS);
  const runtime = new FakeRuntime(() => clock.now());
  const attempts: string[] = [];
  const sick = new Set<string>();
  runtime.execSync = async (_, [name = '']) => {
    attempts.push(`${(clock.now() - START_MS) / 1_000}s ${name}`);
    return { kind: 'exited', exitCode: sick.has(name) ? 1 : 0, output: '' };
  };
  const changes: string[] = [];
  const prober = new Prober({
    ...{ runtime, clock, log: silentLogger },
    events: new PodEvents({ event() {} }),
    onChange: (podUid) => changes.push(podUid),
    random: () => options.random ?? 0,
  });
  onTestFinished(() => prober.stop());
  const startedAtMs = options.startedAtMs ?? START_MS;
  const running = record('c', { state: 'running', startedAtMs, pid: 2 });
  const runtimeOf = (...names: string[]) => runtimePod(names.map((name) => ({ ...running, name })));
  const pod = podOf({ containers: [container('c', spec)] });
  prober.sync(pod, runtimeOf('c'));
  let dueMs = 0;
  /** What is due in a second is over before the next one begins. */
  const pass = async (seconds: number) => {
    for (let second = 0; second < seconds; second++) {
      for (const ms of [dueMs, 999]) {
        clock.advance(ms);
        await new Promise((resolve) => setImmediate(resolve));
      }
      dueMs = 1;
    }
  };
  return { clock, runtime, prober, pod, runtimeOf, running, attempts, sick, changes, pass };
}

const probe = (name: string, rest: Probe = {}): Probe => ({ exec: { command: [name] }, ...rest });

test('an attempt comes after the initial delay, and then every period', async () => {
  const readinessProbe = probe('ready', { initialDelaySeconds: 3, periodSeconds: 4 });
  const { attempts, pass, prober, running } = setUp({ readinessProbe });
  await pass(2);
  expect(prober.verdict(running)).toEqual({ ready: false, started: true });
  await pass(10);
  expect(attempts).toEqual(['3s ready', '7s ready', '11s ready']);
  expect(prober.verdict(running)).toEqual({ ready: true, started: true });
});

test('without words about it the period is ten seconds, and three failures in a row are one', async () => {
  const { attempts, pass, prober, sick } = setUp({ livenessProbe: probe('alive') });
  await pass(1);
  sick.add('alive');
  await pass(25);
  expect(prober.failures('u1').size).toBe(0);
  await pass(10);
  expect(attempts).toEqual(['0s alive', '10s alive', '20s alive', '30s alive']);
  expect([...prober.failures('u1').values()]).toEqual(['liveness']);
});

test('liveness and readiness wait for the startup probe, which then stops', async () => {
  const { attempts, pass, sick, prober, running } = setUp({
    startupProbe: probe('up', { periodSeconds: 2 }),
    livenessProbe: probe('alive', { periodSeconds: 3 }),
    readinessProbe: probe('ready', { periodSeconds: 3 }),
  });
  sick.add('up');
  await pass(4);
  expect(attempts).toEqual(['0s up', '2s up']);
  expect(prober.verdict(running)).toEqual({ ready: false, started: false });
  sick.clear();
  await pass(6);
  expect(attempts.filter((one) => one.endsWith(' up'))).toEqual(['0s up', '2s up', '4s up']);
  expect(attempts.filter((one) => !one.endsWith(' up')).sort()).toEqual([
    '6s alive',
    '6s ready',
    '9s alive',
    '9s ready',
  ]);
});

test('after a failure that restarts, nothing is asked of the container any more', async () => {
  const { attempts, pass, sick } = setUp({
    livenessProbe: probe('alive', { periodSeconds: 1, failureThreshold: 1 }),
  });
  sick.add('alive');
  await pass(5);
  expect(attempts).toEqual(['0s alive']);
});

test('what ran before this kubelet did is probed from a random moment of its period on', async () => {
  const readinessProbe = probe('ready', { periodSeconds: 8, initialDelaySeconds: 60 });
  const adopted = setUp({ readinessProbe }, { startedAtMs: START_MS - 3_600_000, random: 0.5 });
  await adopted.pass(14);
  expect(adopted.attempts).toEqual(['4s ready', '12s ready']);
  const fresh = setUp({ readinessProbe: probe('ready', { periodSeconds: 8 }) }, { random: 0.5 });
  await fresh.pass(2);
  expect(fresh.attempts).toEqual(['0s ready']);
});

test('attempts that could not be made leave a verdict as it was', async () => {
  const { prober, pass, running, changes, runtime, attempts } = setUp({
    readinessProbe: probe('ready', { periodSeconds: 1, failureThreshold: 1 }),
  });
  await pass(1);
  const execSync = runtime.execSync;
  runtime.execSync = async () => {
    throw new RuntimeError('unavailable', 'engine away');
  };
  await pass(5);
  expect(prober.verdict(running).ready).toBe(true);
  runtime.execSync = execSync;
  await pass(1);
  expect([attempts.length, changes.length]).toEqual([2, 1]);
});

test('a sidecar is probed, an init container is not', async () => {
  const { pod, prober, runtimeOf, pass, attempts } = setUp({});
  const readinessProbe = probe('ready');
  const initContainers = [sidecar('s', { readinessProbe }), container('i', { readinessProbe })];
  const ids = { s: 's-0', i: 'i-0' };
  const { containers, ...rest } = runtimeOf('s', 'i');
  const named = containers.map((one) => ({ ...one, id: ids[one.name as 's' | 'i'] }));
  prober.sync(
    { ...pod, spec: { ...pod.spec, containers: [], initContainers } },
    {
      ...rest,
      containers: named,
    },
  );
  await pass(2);
  expect(attempts).toEqual(['0s ready']);
  expect(named.map((one) => prober.verdict(one).ready)).toEqual([true, false]);
});

test('who watches a pod hears of each change of a verdict, until he stops', async () => {
  const { prober, pass, sick, changes } = setUp({
    readinessProbe: probe('ready', { periodSeconds: 1, failureThreshold: 1 }),
  });
  const heard: string[] = [];
  const stop = prober.watch('u1', () => heard.push('changed'));
  prober.watch('u2', () => heard.push('another pod'));
  await pass(1);
  sick.add('ready');
  await pass(2);
  expect(heard).toEqual(['changed', 'changed']);
  stop();
  sick.clear();
  await pass(2);
  expect(heard).toHaveLength(2);
  expect(changes).toEqual(['u1', 'u1', 'u1']);
});

test('a startup probe that has succeeded is not asked again by the next kubelet', async () => {
  const { pod, prober, runtimeOf, running, sick, pass, attempts } = setUp({});
  const startupProbe = probe('up', { periodSeconds: 1, failureThreshold: 1 });
  sick.add('up');
  const containers = [{ ...running, id: 'c-9' }];
  const told = { name: 'c', image: '', imageID: '', restartCount: 0, ready: true, started: true };
  const adopted = {
    ...pod,
    spec: { containers: [container('c', { startupProbe })] },
    status: { containerStatuses: [{ ...told, containerID: 'docker://c-9' }] },
  };
  prober.sync(adopted, { ...runtimeOf(), containers });
  await pass(3);
  expect(attempts).toEqual([]);
  expect([...prober.failures('u1')]).toEqual([]);
});

test('a kubelet that starts takes what the API says of a container, until its own first attempt', () => {
  const { pod, prober, runtimeOf, running } = setUp({});
  const startupProbe = probe('up', { initialDelaySeconds: 60 });
  const readinessProbe = probe('ready', { initialDelaySeconds: 60 });
  const of = (name: string, id: string) => ({ ...running, name, id });
  const told = (name: string, containerID: string) => ({
    ...{ name, containerID: `docker://${containerID}`, image: '', imageID: '', restartCount: 0 },
    ...{ ready: true, started: true },
  });
  const containers = [of('c', 'c-9'), of('s', 's-9'), of('new', 'new-1')];
  const specs = { startupProbe, readinessProbe };
  const adopted = {
    ...pod,
    spec: {
      containers: [container('c', specs), container('new', specs)],
      initContainers: [sidecar('s', specs)],
    },
    status: {
      containerStatuses: [told('c', 'c-9'), told('new', 'new-0')],
      initContainerStatuses: [told('s', 's-9')],
    },
  };
  prober.sync(adopted, { ...runtimeOf(), containers });
  expect(containers.map((one) => prober.verdict(one))).toEqual([
    { ready: true, started: true },
    { ready: true, started: true },
    { ready: false, started: false },
  ]);
});
