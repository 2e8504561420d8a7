// A volume is a directory of a pod: it outlives the containers that use it.
import { randomBytes } from 'node:crypto';
import type { Container, Pod } from 'kubernetes-types/core/v1';
import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { DEMO_IMAGE, pod, shellPod } from '../support/manifests.ts';
import { useNamespace } from '../support/namespace.ts';

const ns = useNamespace('volume');

function sleeper(name: string, mounts: Container['volumeMounts']): Container {
  return {
    name,
    image: DEMO_IMAGE,
    command: ['sleep', 'infinity'],
    ...(mounts && { volumeMounts: mounts }),
  };
}

test('emptyDir is shared by the containers of a pod', async () => {
  const data = [{ name: 'data', mountPath: '/data' }];
  const spec = {
    containers: [sleeper('writer', data), sleeper('reader', data)],
    volumes: [{ name: 'data', emptyDir: {} }],
  };
  await ns.apply(pod('shared', {}, spec));
  await ns.ready('pod/shared');
  await ns.kubectl(['exec', 'shared', '-c', 'writer', '--', 'sh', '-c', 'echo kept > /data/file']);
  expect(await ns.kubectl('exec shared -c reader -- cat /data/file')).toBe('kept\n');
});

test('emptyDir survives a crash of its container, and starts empty for another pod', async () => {
  const command =
    'cat /data/runs 2>/dev/null; echo run >> /data/runs; test $(wc -l < /data/runs) -ge 2';
  const container = {
    name: 'main',
    image: DEMO_IMAGE,
    command: ['sh', '-c', command],
    volumeMounts: [{ name: 'data', mountPath: '/data' }],
  };
  const spec = {
    restartPolicy: 'OnFailure',
    containers: [container],
    volumes: [{ name: 'data', emptyDir: {} }],
  };
  for (const name of ['first', 'second']) {
    await ns.apply(pod(name, {}, spec));
    await ns.kubectl(`wait --for=jsonpath={.status.phase}=Succeeded pod/${name} --timeout=60s`);
    expect(await ns.kubectl(`logs ${name}`)).toBe('run\n');
    const { status } = await ns.getJson<Pod>(`pod ${name}`);
    expect(status?.containerStatuses?.[0]?.restartCount).toBe(1);
  }
});

test('emptyDir in memory is a tmpfs', async () => {
  const spec = {
    containers: [sleeper('main', [{ name: 'fast', mountPath: '/fast' }])],
    volumes: [{ name: 'fast', emptyDir: { medium: 'Memory' } }],
  };
  await ns.apply(pod('memory', {}, spec));
  await ns.ready('pod/memory');
  expect(await ns.sh('memory', 'stat -f -c %T /fast')).toBe('tmpfs\n');
});

test('hostPath is a directory of the machine: it outlives the pod', async () => {
  const path = `/var/tmp/kube-labs-${randomBytes(4).toString('hex')}`;
  const volumes = [{ name: 'host', hostPath: { path, type: 'DirectoryOrCreate' } }];
  const run = async (name: string, command: string) => {
    const plain = shellPod(name, command, { volumes });
    const [container] = plain.spec?.containers ?? [];
    const mounted = { ...container, volumeMounts: [{ name: 'host', mountPath: '/host' }] };
    await ns.apply({ ...plain, spec: { ...plain.spec, containers: [mounted] } });
    await ns.kubectl(`wait --for=jsonpath={.status.phase}=Succeeded pod/${name} --timeout=60s`);
    return ns.kubectl(`logs ${name}`);
  };
  await run('host-write', 'echo from the first pod > /host/file');
  await ns.kubectl('delete pod host-write');
  expect(await run('host-read', 'cat /host/file; rm /host/file')).toBe('from the first pod\n');
});

test('a config map is files that follow its changes', async () => {
  await ns.kubectl('create configmap settings --from-literal=color=blue');
  const spec = {
    containers: [sleeper('main', [{ name: 'settings', mountPath: '/etc/settings' }])],
    volumes: [{ name: 'settings', configMap: { name: 'settings' } }],
  };
  await ns.apply(pod('configured', {}, spec));
  await ns.ready('pod/configured');
  expect(await ns.sh('configured', 'cat /etc/settings/color')).toBe('blue');
  await ns.kubectl(['patch', 'configmap', 'settings', '-p', '{"data":{"color":"green"}}']);
  await eventually(
    async () => expect(await ns.sh('configured', 'cat /etc/settings/color')).toBe('green'),
    { timeoutMs: 90_000 },
  );
});
