// Probes on real containers: readiness gates, liveness restarts, startup holds the others back.

import type { Probe } from 'kubernetes-types/core/v1';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FOREVER, isReady, Lab, script } from './lab.ts';
import { statusOf } from './objects.ts';

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ number: 203 });
});
afterAll(() => lab[Symbol.asyncDispose]());

/** With time enough for a machine that is busy with other things. */
const often: Probe = { periodSeconds: 1, failureThreshold: 1, timeoutSeconds: 10 };
const exec = (command: string): Probe => ({ ...often, exec: { command: ['sh', '-c', command] } });
/** Answers 200, or 500 while /tmp/sick exists. */
const SERVER = `node -e 'require("http").createServer((_, r) => { r.statusCode = require("fs").existsSync("/tmp/sick") ? 500 : 200; r.end(); }).listen(8080)' & wait`;

test.concurrent('readiness by HTTP makes a pod ready, and unready again, with upstream’s event', async () => {
  const readinessProbe = { ...often, httpGet: { path: '/healthz', port: 'http' } };
  const ports = [{ name: 'http', containerPort: 8080 }];
  await lab.createPod('web', { containers: [script('web', SERVER, { readinessProbe, ports })] });
  const pod = await lab.running('web');
  await lab.exec('web', 'touch', '/tmp/sick');
  const sick = await lab.podWhen('web', (one) => !isReady(one));
  expect(statusOf(sick, 'web')).toMatchObject({ ready: false, started: true, restartCount: 0 });
  await lab.eventWhen(
    'web',
    'Unhealthy Readiness probe failed: HTTP probe failed with statuscode: 500',
  );
  await lab.exec('web', 'rm', '/tmp/sick');
  await lab.running('web');
  expect((await lab.pod('web'))?.status?.podIP).toBe(pod.status?.podIP);
  await lab.deletePod('web');
});

test.concurrent('readiness by TCP fails while nobody listens', async () => {
  const readinessProbe = { ...often, tcpSocket: { port: 9090 } };
  await lab.createPod('tcp', { containers: [script('c', FOREVER, { readinessProbe })] });
  await lab.eventWhen(
    'tcp',
    /Unhealthy Readiness probe failed: dial tcp 10\.244\.203\.\d+:9090: connect: connection refused/,
  );
  expect(isReady((await lab.pod('tcp')) ?? {})).toBe(false);
  await lab.deletePod('tcp');
});

test.concurrent('a container that fails its liveness probe is killed and restarted', async () => {
  const livenessProbe = exec('test ! -e /tmp/sick || { echo too ill; exit 1; }');
  await lab.createPod('live', {
    terminationGracePeriodSeconds: 60,
    containers: [script('live', FOREVER, { livenessProbe })],
  });
  await lab.running('live');
  await lab.exec('live', 'touch', '/tmp/sick');
  const pod = await lab.podWhen(
    'live',
    (one) => statusOf(one, 'live')?.restartCount === 1 && isReady(one),
  );
  expect(statusOf(pod, 'live')?.lastState?.terminated?.exitCode).toBe(0);
  await lab.eventWhen('live', 'Unhealthy Liveness probe failed: too ill');
  await lab.eventWhen('live', 'Killing Container live failed liveness probe, will be restarted');
  await lab.deletePod('live');
});

test.concurrent('a startup probe holds back liveness and readiness until it succeeds', async () => {
  const startupProbe = { ...exec('test -e /tmp/up'), failureThreshold: 30 };
  const livenessProbe = exec('test -e /tmp/up');
  await lab.createPod('slow', {
    containers: [script('slow', FOREVER, { startupProbe, livenessProbe })],
  });
  await lab.eventWhen('slow', 'Unhealthy Startup probe failed');
  expect(statusOf(await lab.pod('slow'), 'slow')).toMatchObject({
    started: false,
    ready: false,
    restartCount: 0,
  });
  await lab.exec('slow', 'touch', '/tmp/up');
  expect(statusOf(await lab.running('slow'), 'slow')).toMatchObject({
    started: true,
    restartCount: 0,
  });
  await lab.deletePod('slow');
});

test.concurrent('a probe command that hangs fails by its timeout and is killed', async () => {
  const readinessProbe = { ...exec('exec sleep 987'), timeoutSeconds: 1 };
  await lab.createPod('hang', { containers: [script('c', FOREVER, { readinessProbe })] });
  await lab.eventWhen('hang', /Readiness probe failed: command timed out: .* timed out after 1s/);
  await lab.deletePod('hang');
});

test('a kubelet that starts again does not make ready pods unready, and starts nothing twice', async () => {
  const readinessProbe = { ...exec('true'), initialDelaySeconds: 1, periodSeconds: 60 };
  const startupProbe = { ...exec('true'), periodSeconds: 60 };
  await lab.createPod('kept', {
    initContainers: [script('side', FOREVER, { restartPolicy: 'Always', startupProbe })],
    containers: [script('c', FOREVER, { readinessProbe })],
  });
  const before = await lab.running('kept');
  const containers = await lab.containers('_kept_');
  await lab.stopKubelet();
  await lab.startKubelet();
  await lab.createPod('after', { containers: [script('c2', FOREVER)] });
  await lab.running('after');
  const transition = (pod: typeof before | undefined) =>
    pod?.status?.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime;
  const after = await lab.pod('kept');
  expect(isReady(after ?? {})).toBe(true);
  expect(transition(after)).toBe(transition(before));
  expect(await lab.containers('_kept_')).toEqual(containers);
  await Promise.all([lab.deletePod('kept'), lab.deletePod('after')]);
});
