// A secret gives a container something confidential: in memory on the node, never on its disk.
import { beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { DEMO_IMAGE, pod, toolboxPod } from '../support/manifests.ts';
import { useNamespace } from '../support/namespace.ts';

const ns = useNamespace('secret');
const SECRET_MOUNT = { name: 'keys', mountPath: '/keys', readOnly: true };

beforeAll(async () => {
  await ns.kubectl('create secret generic door --from-literal=password=open-sesame');
});

test('get and describe show sizes, not values', async () => {
  expect(await ns.kubectl('describe secret door')).toMatch(/password:\s+11 bytes/);
  expect(await ns.kubectl('get secret door')).toMatch(/door\s+Opaque\s+1/);
  const encoded = await ns.kubectl('get secret door -o jsonpath={.data.password}');
  expect(Buffer.from(encoded, 'base64').toString()).toBe('open-sesame');
});

describe('in a pod', () => {
  beforeAll(async () => {
    const reader = toolboxPod('reader', {
      volumes: [{ name: 'keys', secret: { secretName: 'door' } }],
    });
    const container = {
      name: 'toolbox',
      image: DEMO_IMAGE,
      command: ['sleep', 'infinity'],
      volumeMounts: [SECRET_MOUNT],
      env: [{ name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'door', key: 'password' } } }],
    };
    await ns.apply({ ...reader, spec: { ...reader.spec, containers: [container] } });
    await ns.ready('pod/reader');
  });

  test('it is a file on a tmpfs and an environment variable', async () => {
    expect(await ns.sh('reader', 'cat /keys/password')).toBe('open-sesame');
    expect(await ns.sh('reader', 'echo $PASSWORD')).toBe('open-sesame\n');
    expect(await ns.sh('reader', 'stat -f -c %T /keys')).toBe('tmpfs\n');
  });

  test('it cannot be written', async () => {
    await expect(ns.sh('reader', 'echo x > /keys/password')).rejects.toThrow(
      /Read-only file system/,
    );
  });

  test('a change reaches the file, not the variable', async () => {
    await ns.kubectl(['patch', 'secret', 'door', '-p', '{"stringData":{"password":"changed"}}']);
    await eventually(
      async () => expect(await ns.sh('reader', 'cat /keys/password')).toBe('changed'),
      { timeoutMs: 90_000 },
    );
    expect(await ns.sh('reader', 'echo $PASSWORD')).toBe('open-sesame\n');
  });
});

test('a pod waits for a secret that does not exist, and starts when it comes', async () => {
  const container = {
    name: 'main',
    image: DEMO_IMAGE,
    command: ['sleep', 'infinity'],
    volumeMounts: [SECRET_MOUNT],
  };
  const volumes = [{ name: 'keys', secret: { secretName: 'later' } }];
  await ns.apply(pod('waiter', {}, { containers: [container], volumes }));
  await eventually(async () => {
    expect(await ns.kubectl('describe pod waiter')).toContain('secret "later" not found');
  });
  expect(await ns.kubectl('get pod waiter')).toContain('ContainerCreating');
  await ns.kubectl('create secret generic later --from-literal=a=b');
  await ns.ready('pod/waiter', 120);
}, 300_000);
