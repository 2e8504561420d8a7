// Pulls from a real registry by a real engine: who may, how many at once, and what is told meanwhile.

import { resources } from '@kube-labs/apiserver';
import type { Container, PodSpec } from 'kubernetes-types/core/v1';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { JumpClock, Lab, shell } from './lab.ts';
import { statusOf } from './objects.ts';
import { Registry } from './support/registry.ts';

const clock = new JumpClock();
let lab: Lab;
let registry: Registry;
beforeAll(async () => {
  registry = await Registry.start();
  const pulls = ['--serialize-image-pulls=false', '--max-parallel-image-pulls=2'];
  // Whatever the disk's use is, all that may go must go.
  const thresholds = ['--image-gc-high-threshold=0', '--image-gc-low-threshold=0'];
  const flags = [...pulls, ...thresholds, '--minimum-image-ttl-duration=0'];
  lab = await Lab.start({ number: 221, deps: { clock }, flags });
});
afterAll(async () => {
  await lab[Symbol.asyncDispose]();
  const filter = `reference=${registry.host}/*/*`;
  const images = await shell('docker', ['images', '-q', '--filter', filter]);
  if (images !== '') await shell('docker', ['rmi', ...new Set(images.split('\n'))]);
  await registry[Symbol.asyncDispose]();
});

/** Of a pod whose image has nothing but links into the node's own /usr. */
function specOf(image: string, rest: Partial<PodSpec> = {}) {
  const container: Container = {
    name: 'c',
    image: `${registry.host}/${image}`,
    command: ['/bin/sleep', 'infinity'],
    volumeMounts: [{ name: 'usr', mountPath: '/usr', readOnly: true }],
  };
  const volumes = [{ name: 'usr', hostPath: { path: '/usr' } }];
  return { containers: [container], volumes, terminationGracePeriodSeconds: 1, ...rest };
}

async function createSecret(name: string, config: string): Promise<void> {
  await lab.client.create(resources.secrets, {
    metadata: { name, namespace: 'default' },
    type: 'kubernetes.io/dockerconfigjson',
    stringData: { '.dockerconfigjson': config },
  });
}

test('a private image is pulled with the right secret of several; without one the pod says why it waits', async () => {
  await createSecret('wrong', registry.dockerConfig('no'));
  await createSecret('right', registry.dockerConfig());
  const imagePullSecrets = [{ name: 'missing' }, { name: 'wrong' }, { name: 'right' }];
  await Promise.all([
    lab.createPod('with', specOf('private/with:v1', { imagePullSecrets })),
    lab.createPod('without', specOf('private/without:v1')),
  ]);
  await lab.running('with');
  await lab.eventWhen(
    'with',
    'FailedToRetrieveImagePullSecret Unable to retrieve some image pull secrets (missing); attempting to pull the image may not succeed.',
  );
  await lab.eventWhen('with', /^Pulled Successfully pulled image .* Image size: \d+ bytes\.$/);
  const pod = await lab.podWhen(
    'without',
    (one) => statusOf(one, 'c')?.state?.waiting?.reason === 'ImagePullBackOff',
  );
  const waiting = statusOf(pod, 'c')?.state?.waiting;
  expect(waiting?.message).toMatch(
    /^Back-off pulling image ".*": ErrImagePull: Error response from daemon: .*unauthorized/,
  );
  await lab.eventWhen('without', /^Failed Failed to pull image ".*": .*unauthorized/);
});

test('two images are pulled at a time; how far a slow one is, is told', async () => {
  registry.hold((image) => image.startsWith('slow/'));
  const names = ['one', 'two', 'three'];
  await Promise.all(names.map((name) => lab.createPod(name, specOf(`slow/${name}:v1`))));
  await lab.until('two are on their way', async () => registry.held.length === 2);
  await Promise.all(names.map((name) => lab.eventWhen(name, 'Pulling Pulling image')));
  const [first = ''] = registry.held;
  const slow = first.replace('slow/', '');
  clock.jump(10_000);
  await lab.eventWhen(slow, /^Pulling Pulling image "[^"]*": "(\w+: )?[A-Z][a-z]+ /);
  for (let done = 0; done < names.length; done++) {
    await lab.until('another one is on its way', async () => registry.held.length > 0);
    registry.release(registry.held[0] ?? '');
    await lab.until('it is there', async () => registry.held.length < 2 || done > 0);
  }
  await Promise.all(names.map((name) => lab.running(name)));
  expect(registry.heldMax).toBe(2);
});

test('a secret of the service account serves its pods', async () => {
  await createSecret('accounts', registry.dockerConfig());
  await lab.client.create(resources.serviceAccounts, {
    metadata: { name: 'puller', namespace: 'default' },
    imagePullSecrets: [{ name: 'accounts' }],
  });
  await lab.createPod('account', specOf('private/account:v1', { serviceAccountName: 'puller' }));
  const pod = await lab.running('account');
  expect(pod.spec?.imagePullSecrets).toEqual([{ name: 'accounts' }]);
});

test('on a full disk images go that this kubelet has pulled and nobody uses; no others do', async () => {
  const isThere = async (image: string) =>
    (await shell('docker', ['images', '-q', `${registry.host}/${image}`])) !== '';
  await shell('docker', ['pull', '-q', `${registry.host}/foreign/app:v1`]);
  await lab.deletePod('account');
  expect(await isThere('private/account:v1')).toBe(true);
  clock.jump(300_000);
  await lab.until('the image goes', async () => !(await isThere('private/account:v1')));
  const node = await lab.eventWhen('node-1', /^FreeDiskSpaceFailed Failed to garbage collect/);
  expect(node).toMatch(/only found [1-9]\d* bytes eligible to free\.$/);
  expect(await isThere('private/with:v1')).toBe(true);
  expect(await isThere('foreign/app:v1')).toBe(true);
  expect(await shell('docker', ['images', '-q', 'kube-labs/node:v1'])).not.toBe('');
});
