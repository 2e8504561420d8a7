// Volumes as containers see them: tmpfs for secrets, updates while they run, sub-paths that stay inside, tokens.

import { resolve } from 'node:path';
import { allResources, loadKubeconfig, resources } from '@kube-labs/apiserver';
import type { Pod } from 'kubernetes-types/core/v1';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FOREVER, JumpClock, Lab, script, shell } from './lab.ts';
import { statusOf } from './objects.ts';

const CHECKOUT = resolve(import.meta.dirname, '../../..');
const HOUR_MS = 3_600_000;

let lab: Lab;
const clock = new JumpClock();
beforeAll(async () => {
  lab = await Lab.start({ number: 230, deps: { clock } });
});
afterAll(() => lab[Symbol.asyncDispose]());

const base64 = (text: string) => Buffer.from(text).toString('base64');
const mounted = (name: string, mountPath: string, rest: object = {}) => [
  { name, mountPath, ...rest },
];

test.concurrent('a secret lies on tmpfs, is read-only, and follows its object', async () => {
  const metadata = { name: 'key', namespace: 'default' };
  await lab.client.create(resources.secrets, { metadata, data: { password: base64('one') } });
  await lab.createPod('secret', {
    volumes: [{ name: 'key', secret: { secretName: 'key', defaultMode: 0o400 } }],
    containers: [script('secret', FOREVER, { volumeMounts: mounted('key', '/key') })],
  });
  await lab.running('secret');
  expect(await lab.exec('secret', 'stat', '-f', '-c', '%T', '/key')).toBe('tmpfs');
  expect(await lab.exec('secret', 'stat', '-L', '-c', '%a', '/key/password')).toBe('400');
  expect(await lab.exec('secret', 'cat', '/key/password')).toBe('one');
  await expect(lab.exec('secret', 'sh', '-c', 'echo x > /key/password')).rejects.toThrow(
    'Read-only',
  );
  await lab.client.patch(
    resources.secrets,
    metadata,
    { data: { password: base64('two') } },
    { type: 'merge' },
  );
  await lab.until(
    'the new secret arrives',
    async () => (await lab.exec('secret', 'cat', '/key/password')) === 'two',
  );
  expect(statusOf(await lab.pod('secret'), 'secret')?.restartCount).toBe(0);
  await lab.deletePod('secret');
});

test.concurrent('a pod waits for its config map, and starts when it comes', async () => {
  await lab.createPod('config', {
    volumes: [
      { name: 'conf', configMap: { name: 'conf', items: [{ key: 'a', path: 'sub/a.txt' }] } },
    ],
    containers: [script('config', FOREVER, { volumeMounts: mounted('conf', '/conf') })],
  });
  await lab.eventWhen(
    'config',
    'FailedMount MountVolume.SetUp failed for volume "conf" : configmap "conf" not found',
  );
  // Events and statuses are written by different hands.
  await lab.podWhen(
    'config',
    (pod) => statusOf(pod, 'config')?.state?.waiting?.reason === 'ContainerCreating',
  );
  await lab.client.create(resources.configMaps, {
    metadata: { name: 'conf', namespace: 'default' },
    data: { a: 'blue' },
  });
  await lab.running('config');
  expect(await lab.exec('config', 'cat', '/conf/sub/a.txt')).toBe('blue');
  await lab.deletePod('config');
});

test.concurrent('what is optional may come later, also as bytes', async () => {
  const metadata = { name: 'later', namespace: 'default' };
  await lab.createPod('later', {
    volumes: [{ name: 'conf', configMap: { name: 'later', optional: true } }],
    containers: [script('later', FOREVER, { volumeMounts: mounted('conf', '/conf') })],
  });
  await lab.running('later');
  expect(await lab.exec('later', 'ls', '/conf')).toBe('');
  const binaryData = { raw: Buffer.from([0, 255]).toString('base64') };
  await lab.client.create(resources.configMaps, { metadata, binaryData });
  const dump = ['sh', '-c', 'od -An -tx1 /conf/raw 2>/dev/null || true'];
  await lab.until('the bytes', async () => (await lab.exec('later', ...dump)) === '00 ff');
  await lab.deletePod('later');
});

test.concurrent('an emptyDir is shared by the containers, outlives their restarts, and goes with the pod', async () => {
  const volumeMounts = [...mounted('data', '/data'), ...mounted('fast', '/fast')];
  await lab.createPod('empty', {
    volumes: [
      { name: 'data', emptyDir: {} },
      { name: 'fast', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
    ],
    containers: [
      script('a', FOREVER, { volumeMounts }),
      script('b', FOREVER, { volumeMounts, securityContext: { runAsUser: 1000 } }),
    ],
  });
  await lab.running('empty');
  await lab.exec('b', 'sh', '-c', 'echo kept > /data/file');
  expect(await lab.exec('a', 'cat', '/data/file')).toBe('kept');
  expect(await lab.exec('a', 'stat', '-f', '-c', '%T', '/fast')).toBe('tmpfs');
  await expect(lab.exec('a', 'sh', '-c', 'head -c 2000000 /dev/zero > /fast/x')).rejects.toThrow(
    'No space',
  );
  await shell('docker', ['kill', await lab.idOf('a')]);
  await lab.podWhen(
    'empty',
    (pod) => statusOf(pod, 'a')?.restartCount === 1 && statusOf(pod, 'a')?.ready === true,
  );
  expect(await lab.exec('a', 'cat', '/data/file')).toBe('kept');
  await lab.deletePod('empty');
});

test.concurrent('a container sees only the part of a volume that its subPath names, also after a restart', async () => {
  const metadata = { name: 'parts', namespace: 'default' };
  await lab.client.create(resources.configMaps, { metadata, data: { conf: 'blue' } });
  const path = `${lab.rootDirectory}/parts`;
  const fieldRef = { fieldPath: 'metadata.name' };
  await lab.createPod('inside', {
    volumes: [
      { name: 'host', hostPath: { path, type: 'DirectoryOrCreate' } },
      { name: 'conf', configMap: { name: 'parts' } },
    ],
    containers: [
      script('inside', FOREVER, {
        env: [{ name: 'POD', valueFrom: { fieldRef } }],
        volumeMounts: [
          ...mounted('host', '/host', { subPath: 'made/here' }),
          ...mounted('host', '/mine', { subPathExpr: 'of/$(POD)' }),
          ...mounted('conf', '/etc/conf', { subPath: 'conf' }),
        ],
      }),
    ],
  });
  await lab.running('inside');
  await lab.exec('inside', 'touch', '/host/file', '/mine/own');
  expect(await shell('ls', [`${path}/made/here`, `${path}/of/inside`])).toMatch(/file[\s\S]*own/);
  await shell('docker', ['kill', await lab.idOf('inside')]);
  await lab.podWhen('inside', (pod) => {
    const status = statusOf(pod, 'inside');
    return status?.restartCount === 1 && status.ready === true;
  });
  expect(await lab.exec('inside', 'ls', '/host', '/mine')).toMatch(/file[\s\S]*own/);
  expect(await lab.exec('inside', 'cat', '/etc/conf')).toBe('blue');
  await lab.deletePod('inside');
});

const NOT_PREPARED = 'failed to prepare subPath for volumeMount "host" of container';
test.concurrent.each([
  {
    name: 'out',
    mount: { subPath: 'out' },
    message: `${NOT_PREPARED} "out": subPath out is outside of its volume`,
  },
  {
    name: 'nowhere',
    mount: { subPathExpr: 'a/$(NOBODY)' },
    message: 'missing value for NOBODY',
  },
  // What the host says of the path stays here.
  { name: 'below', mount: { subPath: 'file/below' }, message: `${NOT_PREPARED} "below"` },
])('a subPath that cannot be had is told of: $name', async ({ name, mount, message }) => {
  const path = `${lab.rootDirectory}/${name}`;
  await shell('mkdir', ['-p', path]);
  await shell('ln', ['-sfn', '/etc', `${path}/out`]);
  await shell('touch', [`${path}/file`]);
  const volumeMounts = mounted('host', '/host', mount);
  await lab.createPod(name, {
    volumes: [{ name: 'host', hostPath: { path } }],
    containers: [script(name, FOREVER, { volumeMounts })],
  });
  await lab.eventWhen(name, `Failed Error: ${message}`);
  const waiting = { reason: 'CreateContainerConfigError', message };
  const told = (pod: Pod) => statusOf(pod, name)?.state?.waiting?.reason === waiting.reason;
  expect(statusOf(await lab.podWhen(name, told), name)?.state?.waiting).toEqual(waiting);
  await lab.deletePod(name);
});

test.concurrent('downward and projected volumes show the pod to itself', async () => {
  const items = [
    { path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } },
    { path: 'name', fieldRef: { fieldPath: 'metadata.name' } },
  ];
  await lab.createPod('downward', {
    volumes: [
      { name: 'me', downwardAPI: { items } },
      { name: 'all', projected: { sources: [{ downwardAPI: { items } }] } },
    ],
    containers: [
      script('downward', FOREVER, {
        volumeMounts: [...mounted('me', '/me'), ...mounted('all', '/all')],
      }),
    ],
  });
  await lab.running('downward');
  expect(await lab.exec('downward', 'cat', '/me/name', '/all/name')).toBe('downwarddownward');
  await lab.client.patch(
    resources.pods,
    { namespace: 'default', name: 'downward' },
    { metadata: { labels: { app: 'x' } } },
    { type: 'merge' },
  );
  await lab.until(
    'the label arrives',
    async () => (await lab.exec('downward', 'cat', '/me/labels')) === 'app="x"',
  );
  await lab.deletePod('downward');
});

/** What the API server's admission puts into every pod. */
const API_ACCESS = {
  name: 'kube-api-access',
  projected: {
    defaultMode: 0o644,
    sources: [
      { serviceAccountToken: { path: 'token', expirationSeconds: 3_607 } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      {
        downwardAPI: {
          items: [{ path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } }],
        },
      },
    ],
  },
};

test.concurrent('a pod asks the API server as its service account, with a token that is renewed', async () => {
  const { server, ca = '' } = loadKubeconfig(await lab.kubeconfig());
  const { hostname, port } = new URL(server);
  const namespace = 'default';
  const rootCa = { name: 'kube-root-ca.crt', namespace };
  await lab.client.create(resources.configMaps, { metadata: rootCa, data: { 'ca.crt': ca } });
  await lab.client.create(resources.serviceAccounts, { metadata: { name: 'me', namespace } });
  const access = '/var/run/secrets/kubernetes.io/serviceaccount';
  await lab.createPod('api', {
    hostNetwork: true,
    serviceAccountName: 'me',
    volumes: [API_ACCESS, { name: 'labs', hostPath: { path: CHECKOUT } }],
    containers: [
      script('api', FOREVER, {
        env: [
          { name: 'KUBERNETES_SERVICE_HOST', value: hostname },
          { name: 'KUBERNETES_SERVICE_PORT', value: port },
        ],
        volumeMounts: [
          ...mounted('kube-api-access', access, { readOnly: true }),
          ...mounted('labs', '/labs', { readOnly: true }),
        ],
      }),
    ],
  });
  const running = await lab.running('api');
  const ask = `
    const { Client, inClusterNamespace, loadInClusterConfig, resources } =
      await import('/labs/labs/02-apiserver/src/index.ts');
    const client = new Client(loadInClusterConfig());
    const pod = await client.get(resources.pods, { namespace: inClusterNamespace(), name: 'api' });
    console.log(pod.metadata.uid);
    await client[Symbol.asyncDispose]();`;
  const answer = await lab.exec('api', 'node', '--input-type=module', '-e', ask);
  expect(answer).toBe(running.metadata?.uid);
  const token = () => lab.exec('api', 'cat', `${access}/token`);
  const first = await token();
  expect(claimsOf(first)).toMatchObject({
    sub: 'system:serviceaccount:default:me',
    'kubernetes.io': { pod: { name: 'api', uid: running.metadata?.uid } },
  });
  expect(await lab.exec('api', 'stat', '-f', '-c', '%T', access)).toBe('tmpfs');
  clock.jump(0.9 * HOUR_MS);
  await lab.until('another token', async () => (await token()) !== first);
  await lab.deletePod('api');
});

function claimsOf(token: string): unknown {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
}

test.concurrent('a pod waits for its claim, and keeps on its volume what outlives it', async () => {
  const path = `${lab.rootDirectory}/disk`;
  await shell('mkdir', ['-p', path]);
  await bindByHand('data', { hostname: 'node-1', path, phase: 'Pending' });
  const claim = { name: 'data', persistentVolumeClaim: { claimName: 'data' } };
  await lab.createPod('claim', {
    securityContext: { fsGroup: 7, fsGroupChangePolicy: 'OnRootMismatch' },
    volumes: [claim],
    containers: [script('claim', FOREVER, { volumeMounts: mounted('data', '/data') })],
  });
  await lab.eventWhen(
    'claim',
    'FailedMount Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[], failed to process volumes=[data]: error processing PVC default/data: PVC is not bound',
  );
  await bound('data', 'Bound');
  await lab.running('claim');
  await lab.exec('claim', 'touch', '/data/kept');
  expect(await lab.exec('claim', 'stat', '-c', '%g', '/data/kept')).toBe('7');
  await lab.deletePod('claim');
  expect(await shell('ls', [path])).toBe('kept');
});

test.concurrent('a pod cannot use a volume that is for another node', async () => {
  await bindByHand('far', { hostname: 'node-2', path: '/', phase: 'Bound' });
  await lab.createPod('far', {
    volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'far' } }],
    containers: [script('far', FOREVER, { volumeMounts: mounted('data', '/data') })],
  });
  await lab.eventWhen(
    'far',
    'FailedMount MountVolume.NodeAffinity check failed for volume "far" : no matching NodeSelectorTerms',
  );
  await lab.deletePod('far');
});

/** What a person does where nobody binds claims: a claim, a local volume, and each knows of the other. */
async function bindByHand(
  name: string,
  { hostname, path, phase }: { hostname: string; path: string; phase: string },
): Promise<void> {
  const amount = { storage: '1Gi' };
  const common = { accessModes: ['ReadWriteOnce'], storageClassName: 'manual' };
  const { metadata } = await lab.client.create(allResources.persistentVolumeClaims, {
    metadata: { name, namespace: 'default' },
    spec: { ...common, resources: { requests: amount }, volumeName: name },
  });
  const expression = { key: 'kubernetes.io/hostname', operator: 'In', values: [hostname] };
  await lab.client.create(allResources.persistentVolumes, {
    metadata: { name },
    spec: {
      ...common,
      capacity: amount,
      local: { path },
      claimRef: { namespace: 'default', name, uid: metadata?.uid ?? '' },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [expression] }] } },
    },
  });
  await bound(name, phase);
}

async function bound(name: string, phase: string): Promise<void> {
  const claim = await lab.client.get(allResources.persistentVolumeClaims, {
    namespace: 'default',
    name,
  });
  const status = { ...claim.status, phase };
  await lab.client.updateStatus(allResources.persistentVolumeClaims, { ...claim, status });
}

test.concurrent('a mount on the host comes into containers that ask for it, and not into others', async () => {
  const path = `${lab.rootDirectory}/shared`;
  await shell('mkdir', ['-p', `${path}/sub`]);
  await shell('mount', ['--bind', path, path]);
  try {
    await shell('mount', ['--make-rshared', path]);
    await lab.createPod('mounts', {
      volumes: [{ name: 'host', hostPath: { path } }],
      containers: [
        script('follows', FOREVER, {
          volumeMounts: mounted('host', '/host', { mountPropagation: 'HostToContainer' }),
        }),
        script('stays', FOREVER, { volumeMounts: mounted('host', '/host') }),
      ],
    });
    await lab.running('mounts');
    await shell('mount', ['-t', 'tmpfs', 'tmpfs', `${path}/sub`]);
    const kindIn = (container: string) =>
      lab.exec(container, 'stat', '-f', '-c', '%T', '/host/sub');
    expect(await kindIn('follows')).toBe('tmpfs');
    expect(await kindIn('stays')).not.toBe('tmpfs');
    await lab.deletePod('mounts');
  } finally {
    await shell('umount', ['--recursive', path]);
  }
});
