// A pod from creation to its end, on real containers.

import { resources } from '@kube-labs/apiserver';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FOREVER, IMAGE, JumpClock, Lab, NODE_ADDRESS, script, shell } from './lab.ts';
import { statusOf } from './objects.ts';

const clock = new JumpClock();
let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ number: 201, deps: { clock } });
});
afterAll(() => lab[Symbol.asyncDispose]());

test('two containers of a pod share one network namespace, its address and its host name', async () => {
  const serve =
    'node -e \'require("http").createServer((_, r) => r.end("hello")).listen(8080)\' & wait';
  await lab.createPod('pair', { containers: [script('web', serve), script('side', FOREVER)] });
  const pod = await lab.running('pair');
  expect(pod.status?.podIP).toMatch(/^10\.244\.201\.\d+$/);
  expect(pod.status).toMatchObject({
    phase: 'Running',
    hostIP: NODE_ADDRESS,
    qosClass: 'BestEffort',
  });
  const ask = async () => {
    const answer = await lab.exec('side', 'curl', '-s', 'http://localhost:8080').catch(() => '');
    return answer === '' ? undefined : answer;
  };
  expect(await lab.until('the other container answers', ask)).toBe('hello');
  expect(await shell('curl', ['-s', `http://${pod.status?.podIP}:8080`])).toBe('hello');
  expect(await lab.exec('side', 'hostname')).toBe('pair');
  expect(await lab.exec('side', 'cat', '/etc/hosts')).toContain(`${pod.status?.podIP}\tpair`);
  expect(await lab.exec('side', 'cat', '/etc/resolv.conf')).toContain(
    'search default.svc.cluster.local',
  );
  // Events are written beside the work, and may come after it.
  await lab.eventWhen('pair', `Pulled Container image "${IMAGE}" already present on machine`);
  await lab.eventWhen('pair', 'Created Created container: web');
  await lab.eventWhen('pair', 'Started Started container side');
  await lab.deletePod('pair');
  await lab.eventWhen('pair', 'Killing Stopping container web');
  expect(await lab.containers()).toEqual([]);
});

test('a container that ends is restarted in place, with a back-off that doubles', async () => {
  await lab.createPod('crash', { containers: [script('c', 'echo run; exit 3')] });
  const crashed = (restarts: number) =>
    lab.podWhen('crash', (pod) => {
      const status = statusOf(pod, 'c');
      return (
        status?.restartCount === restarts && status.state?.waiting?.reason === 'CrashLoopBackOff'
      );
    });
  const first = await crashed(1);
  expect(statusOf(first, 'c')).toMatchObject({
    ready: false,
    state: {
      waiting: {
        message: expect.stringContaining(
          'back-off 10s restarting failed container=c pod=crash_default(',
        ),
      },
    },
    lastState: { terminated: { exitCode: 3, reason: 'Error' } },
  });
  expect(first.status?.phase).toBe('Running');
  await lab.eventWhen(
    'crash',
    /^BackOff Back-off restarting failed container c in pod crash_default\(/,
  );
  clock.jump(11_000);
  const second = await crashed(2);
  expect(statusOf(second, 'c')?.state?.waiting?.message).toContain('back-off 20s');
  expect(second.status?.podIP).toBe(first.status?.podIP);
  // The sandbox stays; of the dead containers one is kept.
  await lab.until('older ones go', async () => (await lab.containers('_crash_')).length === 2);
  await lab.deletePod('crash');
});

test('restartPolicy decides between Succeeded, Failed and another try', async () => {
  const quick = (text: string, restartPolicy: string) => ({
    containers: [script('c', text)],
    restartPolicy,
  });
  await lab.createPod('done', quick('exit 0', 'OnFailure'));
  await lab.createPod('failed', quick('echo no > /dev/termination-log; exit 4', 'Never'));
  const done = await lab.podWhen('done', ({ status }) => status?.phase === 'Succeeded');
  expect(statusOf(done, 'c')?.state?.terminated).toMatchObject({
    exitCode: 0,
    reason: 'Completed',
  });
  expect(done.status?.conditions?.find(({ type }) => type === 'Ready')?.reason).toBe(
    'PodCompleted',
  );
  const failed = await lab.podWhen('failed', ({ status }) => status?.phase === 'Failed');
  expect(statusOf(failed, 'c')?.state?.terminated).toMatchObject({ exitCode: 4, message: 'no\n' });
  // A finished pod keeps its container, for its log, and nothing else.
  await lab.until('the sandboxes go', async () => (await lab.containers('k8s_POD_')).length === 0);
  expect((await lab.containers('k8s_c_')).length).toBe(2);
  await Promise.all([lab.deletePod('done'), lab.deletePod('failed')]);
});

test('init containers run one after the other, before the others', async () => {
  const volumeMounts = [{ name: 'work', mountPath: '/work' }];
  const write = (name: string, text: string) => script(name, text, { volumeMounts });
  await lab.createPod('init', {
    volumes: [{ name: 'work', emptyDir: {} }],
    initContainers: [
      write('one', 'echo 1 >> /work/log'),
      write('two', 'cat /work/log; echo 2 >> /work/log'),
    ],
    containers: [write('main', `echo 3 >> /work/log; ${FOREVER}`)],
  });
  const pod = await lab.running('init');
  expect(await lab.exec('main', 'cat', '/work/log')).toBe('1\n2\n3');
  expect(pod.status?.initContainerStatuses).toMatchObject([
    { name: 'one', ready: true, state: { terminated: { exitCode: 0 } } },
    { name: 'two', ready: true },
  ]);
  await lab.deletePod('init');
});

test('a pod that is deleted gets its hook, its signal and its grace period, then SIGKILL', async () => {
  const text = `trap 'echo term >> /work/log' TERM; ${FOREVER}`;
  const preStop = { exec: { command: ['sh', '-c', 'echo hook >> /work/log'] } };
  const path = `${lab.rootDirectory}/shared`;
  await lab.createPod('stubborn', {
    // The hook has to have run by then.
    terminationGracePeriodSeconds: 5,
    volumes: [{ name: 'work', hostPath: { path, type: 'DirectoryOrCreate' } }],
    containers: [
      {
        name: 'c',
        image: IMAGE,
        imagePullPolicy: 'IfNotPresent',
        command: ['sh', '-c', text],
        volumeMounts: [{ name: 'work', mountPath: '/work' }],
        lifecycle: { preStop },
      },
    ],
  });
  await lab.running('stubborn');
  const startedAtMs = Date.now();
  await lab.deletePod('stubborn');
  const tookMs = Date.now() - startedAtMs;
  expect(await shell('cat', [`${path}/log`])).toBe('hook\nterm');
  expect(tookMs).toBeGreaterThan(4_800);
  // Not after the thirty seconds that a pod has which asks for none.
  expect(tookMs).toBeLessThan(29_000);
});

test('a pod that is deleted by force is gone from the node as well', async () => {
  await lab.createPod('forced', {
    terminationGracePeriodSeconds: 600,
    containers: [
      { name: 'c', image: IMAGE, imagePullPolicy: 'IfNotPresent', command: ['sleep', 'infinity'] },
    ],
  });
  await lab.running('forced');
  await lab.deletePod('forced', { gracePeriodSeconds: 0 });
  await lab.until('its containers go', async () => (await lab.containers('_forced_')).length === 0);
});

test.each([
  {
    name: 'no-image',
    spec: { image: 'kubelet-test/none:v1', imagePullPolicy: 'Never' },
    reason: 'ErrImageNeverPull',
    text: 'is not present with pull policy of Never',
  },
  {
    name: 'no-command',
    spec: { command: ['/no/such/command'] },
    reason: 'RunContainerError',
    text: 'failed to start container "c"',
  },
  {
    name: 'no-secret',
    spec: { envFrom: [{ secretRef: { name: 'gone' } }] },
    reason: 'CreateContainerConfigError',
    text: 'secret "gone" not found',
  },
])('a pod that cannot run says why: $reason', async ({ name, spec, reason, text }) => {
  await lab.createPod(name, { containers: [script('c', FOREVER, spec)] });
  const pod = await lab.podWhen(
    name,
    (one) => statusOf(one, 'c')?.state?.waiting?.reason === reason,
  );
  expect(statusOf(pod, 'c')?.state?.waiting?.message).toContain(text);
  await lab.eventWhen(name, 'Failed Error: ');
  await lab.deletePod(name);
});

test('an image that cannot be pulled is tried again with back-off', async () => {
  await lab.createPod('pull', { containers: [{ name: 'c', image: 'localhost:1/none:v1' }] });
  const reasonOf = async () => statusOf(await lab.pod('pull'), 'c')?.state?.waiting?.reason;
  await lab.until('the first pull fails', async () => (await reasonOf()) === 'ErrImagePull');
  await lab.until('the pull is put off', async () => {
    clock.jump(100);
    return (await reasonOf()) === 'ImagePullBackOff';
  });
  const waiting = statusOf(await lab.pod('pull'), 'c')?.state?.waiting;
  expect(waiting?.message).toContain('Back-off pulling image "localhost:1/none:v1"');
  await lab.eventWhen('pull', 'Pulling Pulling image "localhost:1/none:v1"');
  await lab.eventWhen('pull', 'Failed Error: ErrImagePull');
  await lab.deletePod('pull');
});

test('limits and identity reach the kernel', async () => {
  await lab.createPod('limited', {
    containers: [
      script('c', FOREVER, {
        resources: { limits: { cpu: '500m', memory: '64Mi' } },
        securityContext: { runAsUser: 1000, runAsGroup: 1000, readOnlyRootFilesystem: true },
      }),
    ],
  });
  const pod = await lab.running('limited');
  expect(pod.status?.qosClass).toBe('Guaranteed');
  const host = JSON.parse(
    await shell('docker', ['inspect', await lab.idOf('c'), '--format', '{{json .HostConfig}}']),
  );
  expect(host).toMatchObject({
    Memory: 64 * 1024 ** 2,
    CpuQuota: 50_000,
    CpuShares: 512,
    RestartPolicy: { Name: 'no' },
    ReadonlyRootfs: true,
  });
  expect(await lab.exec('c', 'id', '-u')).toBe('1000');
  await lab.deletePod('limited');
});

test('a container that eats more memory than it may is OOMKilled', async () => {
  const eat = "exec node -e 'const a = []; for (;;) a.push(Buffer.alloc(1e7, 1))'";
  await lab.createPod('greedy', {
    restartPolicy: 'Never',
    containers: [script('c', eat, { resources: { limits: { memory: '96Mi' } } })],
  });
  const pod = await lab.podWhen('greedy', ({ status }) => status?.phase === 'Failed');
  expect(statusOf(pod, 'c')?.state?.terminated).toMatchObject({
    reason: 'OOMKilled',
    exitCode: 137,
  });
  await lab.deletePod('greedy');
});

test('a pod of the node’s network has the node’s address', async () => {
  await lab.createPod('host', { hostNetwork: true, containers: [script('c', FOREVER)] });
  const pod = await lab.running('host');
  expect(pod.status?.podIP).toBe(NODE_ADDRESS);
  expect(await lab.exec('c', 'readlink', '/proc/self/ns/net')).toBe(
    await shell('readlink', ['/proc/self/ns/net']),
  );
  await lab.deletePod('host');
});

test('variables come from fields, services and secrets', async () => {
  await lab.client.create(resources.secrets, {
    metadata: { name: 'key', namespace: 'default' },
    data: { password: Buffer.from('s3cret').toString('base64') },
  });
  await lab.createPod('env', {
    containers: [
      script('c', FOREVER, {
        env: [
          { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
          { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'key', key: 'password' } } },
          { name: 'URL', value: 'http://$(POD_IP)/' },
        ],
      }),
    ],
  });
  const pod = await lab.running('env');
  const variables = (await lab.exec('c', 'env')).split('\n');
  expect(variables).toContain(`POD_IP=${pod.status?.podIP}`);
  expect(variables).toContain(`URL=http://${pod.status?.podIP}/`);
  expect(variables).toContain('PASSWORD=s3cret');
  await lab.deletePod('env');
});
