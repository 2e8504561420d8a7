// The kubelet keeps the containers of its node as the pods want them: restarts in place, probes, limits, environment.
import type { Pod } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import { killProgram, nodesReady } from '../support/control-plane.ts';
import { eventually } from '../support/eventually.ts';
import { DEMO_IMAGE, pod, shellPod, toolboxPod, webContainer } from '../support/manifests.ts';
import { useNamespace } from '../support/namespace.ts';
import { docker } from '../support/process.ts';

const ns = useNamespace('kubelet');

const containerStatus = async (name: string) =>
  (await ns.getJson<Pod>(`pod ${name}`)).status?.containerStatuses?.[0];

const containerId = async (name: string) =>
  ((await containerStatus(name))?.containerID ?? '').replace('docker://', '');

test('a container that dies is restarted in place: same pod, same node, same address', async () => {
  await ns.apply(toolboxPod('phoenix'));
  await ns.ready('pod/phoenix');
  const before = await ns.getJson<Pod>('pod phoenix');
  await docker('kill', await containerId('phoenix'));
  await eventually(async () => {
    const status = await containerStatus('phoenix');
    expect(status?.restartCount).toBe(1);
    expect(status?.ready).toBe(true);
  });
  const after = await ns.getJson<Pod>('pod phoenix');
  expect(after.metadata?.uid).toBe(before.metadata?.uid);
  expect(after.status?.podIP).toBe(before.status?.podIP);
  expect(after.status?.containerStatuses?.[0]?.lastState?.terminated?.exitCode).toBe(137);
});

test('one that dies again and again waits longer and longer', async () => {
  await ns.apply(shellPod('loop', 'echo again; exit 1', { restartPolicy: 'Always' }));
  await eventually(
    async () =>
      expect(await ns.kubectl('get pod loop')).toMatch(/loop\s+0\/1\s+CrashLoopBackOff\s+\d/),
    { timeoutMs: 60_000 },
  );
  await eventually(async () => {
    const told = await ns.kubectl('describe pod loop');
    expect(told).toContain('Back-off restarting failed container');
    expect(await ns.kubectl('logs loop -p')).toBe('again\n');
  });
});

describe('probes', () => {
  test('a pod that fails its readiness probe leaves its service, and comes back', async () => {
    await ns.apply(pod('moody', { app: 'moody' }, { containers: [webContainer()] }));
    await ns.kubectl('expose pod moody --port=80 --target-port=8080');
    await ns.ready('pod/moody');
    await ns.sh('moody', 'curl -s http://localhost:8080/fail');
    await ns.kubectl('wait --for=condition=Ready=false pod/moody --timeout=55s');
    await eventually(async () => {
      expect(await ns.kubectl('get endpoints moody -o jsonpath={.subsets[*].addresses}')).toBe('');
    });
    await eventually(async () => {
      expect(await ns.kubectl('describe pod moody')).toContain(
        'Readiness probe failed: HTTP probe failed with statuscode: 500',
      );
    });
  });

  test('a container that fails its liveness probe is restarted', async () => {
    const livenessProbe = {
      exec: { command: ['test', '-e', '/tmp/alive'] },
      periodSeconds: 1,
      failureThreshold: 2,
      initialDelaySeconds: 2,
    };
    const container = {
      name: 'main',
      image: DEMO_IMAGE,
      command: ['sh', '-c', 'touch /tmp/alive; trap "exit 0" TERM; while true; do sleep 0.2; done'],
      livenessProbe,
    };
    await ns.apply(pod('fragile', {}, { containers: [container] }));
    await ns.ready('pod/fragile');
    // It runs before its shell has come to its first line.
    await eventually(() => ns.sh('fragile', 'rm /tmp/alive'));
    await eventually(async () => expect((await containerStatus('fragile'))?.restartCount).toBe(1));
    await eventually(async () => {
      expect(await ns.kubectl('describe pod fragile')).toMatch(
        /failed liveness probe, will be restarted/,
      );
    });
  });
});

test('limits bind: more memory than allowed ends the container with OOMKilled', async () => {
  const script = 'const a = []; for (;;) a.push(Buffer.alloc(8 * 1024 * 1024, 1));';
  const container = {
    name: 'main',
    image: DEMO_IMAGE,
    command: ['node', '-e', script],
    resources: { limits: { memory: '64Mi' } },
  };
  await ns.apply(pod('hungry', {}, { restartPolicy: 'Never', containers: [container] }));
  await ns.kubectl('wait --for=jsonpath={.status.phase}=Failed pod/hungry --timeout=60s');
  expect((await containerStatus('hungry'))?.state?.terminated?.reason).toBe('OOMKilled');
});

test('the environment has values, references to the pod, config maps and secrets', async () => {
  await ns.kubectl('create configmap config --from-literal=MODE=fast');
  await ns.kubectl('create secret generic keys --from-literal=TOKEN=t0p');
  const env = [
    { name: 'GREETING', value: 'hello' },
    { name: 'BOTH', value: '$(GREETING) world' },
    { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
    { name: 'SELF', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    { name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'keys', key: 'TOKEN' } } },
  ];
  const command = ['sh', '-c', 'echo $BOTH $SELF $NODE $TOKEN $CM_MODE $KUBERNETES_SERVICE_HOST'];
  const envFrom = [{ prefix: 'CM_', configMapRef: { name: 'config' } }];
  const container = { name: 'main', image: DEMO_IMAGE, command, env, envFrom };
  await ns.apply(pod('env', {}, { restartPolicy: 'Never', containers: [container] }));
  await ns.kubectl('wait --for=jsonpath={.status.phase}=Succeeded pod/env --timeout=55s');
  expect(await ns.kubectl('logs env')).toMatch(/^hello world env node-\d t0p fast 10\.96\.0\.1\n$/);
});

test('init containers run one after the other, before the others', async () => {
  const step = (name: string) => ({
    name,
    image: DEMO_IMAGE,
    command: ['sh', '-c', `echo ${name} >> /work/order`],
    volumeMounts: [{ name: 'work', mountPath: '/work' }],
  });
  const spec = {
    restartPolicy: 'Never',
    initContainers: [step('first'), step('second')],
    containers: [{ ...step('main'), command: ['cat', '/work/order'] }],
    volumes: [{ name: 'work', emptyDir: {} }],
  };
  await ns.apply(pod('ordered', {}, spec));
  await ns.kubectl('wait --for=jsonpath={.status.phase}=Succeeded pod/ordered --timeout=60s');
  expect(await ns.kubectl('logs ordered -c main')).toBe('first\nsecond\n');
});

test('a stop is graceful: the container hears TERM and may finish', async () => {
  const path = '/var/tmp/kube-labs-graceful';
  const command = `trap 'echo finished > /host/finished; exit 0' TERM; echo listening; while true; do sleep 0.1; done`;
  const container = {
    name: 'main',
    image: DEMO_IMAGE,
    command: ['sh', '-c', command],
    volumeMounts: [{ name: 'host', mountPath: '/host' }],
  };
  const volumes = [{ name: 'host', hostPath: { path, type: 'DirectoryOrCreate' } }];
  const spec = { containers: [container], volumes, terminationGracePeriodSeconds: 10 };
  await ns.apply(pod('polite', {}, spec));
  await eventually(async () => expect(await ns.kubectl('logs polite')).toBe('listening\n'));
  await ns.kubectl('delete pod polite --timeout=55s');
  const reader = { ...container, command: ['sh', '-c', 'cat /host/finished; rm /host/finished'] };
  await ns.apply(pod('reader', {}, { restartPolicy: 'Never', containers: [reader], volumes }));
  await ns.kubectl('wait --for=jsonpath={.status.phase}=Succeeded pod/reader --timeout=55s');
  expect(await ns.kubectl('logs reader')).toBe('finished\n');
});

test('a kubelet that is killed and restarted touches no running container and removes what was deleted meanwhile', async () => {
  const here = { nodeSelector: { 'kubernetes.io/hostname': 'node-3' } };
  await ns.apply([toolboxPod('stays', here), toolboxPod('goes', here)]);
  await ns.ready('pod/stays pod/goes');
  const [stays, goes] = [await containerId('stays'), await containerId('goes')];
  const started = await docker('inspect', '-f', '{{.State.StartedAt}}', stays);
  await killProgram('kubelet', 'node-3');
  await ns.kubectl('delete pod goes --timeout=60s');
  await nodesReady();
  await eventually(async () => expect(await docker('ps', '-q', '--filter', `id=${goes}`)).toBe(''));
  expect(await docker('inspect', '-f', '{{.State.StartedAt}}', stays)).toBe(started);
  expect((await containerStatus('stays'))?.restartCount).toBe(0);
  expect(await ns.sh('stays', 'hostname')).toBe('stays\n');
});
