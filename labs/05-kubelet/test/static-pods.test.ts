// Static pods on real containers: they need no API server, and are seen in it when there is one.

import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { resources } from '@kube-labs/apiserver';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FOREVER, IMAGE, Lab, shell } from './lab.ts';
import { statusOf } from './objects.ts';

const NUMBER = 215;
const folder = `/tmp/kubelet-static-${NUMBER}`;
let lab: Lab;

beforeAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  lab = await Lab.start({
    number: NUMBER,
    flags: [`--pod-manifest-path=${folder}`, `--pod-cidr=10.244.${NUMBER}.0/24`],
  });
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await lab.until('mirrors go', async () => (await lab.containers()).length === 0);
  await lab[Symbol.asyncDispose]();
});

/** As a careful person writes it: beside, and renamed. */
function write(file: string, name: string, text = FOREVER): void {
  const command = JSON.stringify(['sh', '-c', `trap 'exit 0' TERM; ${text}`]);
  const lines = [
    'apiVersion: v1',
    'kind: Pod',
    `metadata: {name: ${name}, labels: {app: ${name}}}`,
    'spec:',
    '  terminationGracePeriodSeconds: 3',
    '  containers:',
    `  - {name: c, image: ${IMAGE}, imagePullPolicy: IfNotPresent, command: ${command}}`,
  ];
  writeFileSync(join(folder, `.${file}`), `${lines.join('\n')}\n`);
  renameSync(join(folder, `.${file}`), join(folder, file));
}

const running = async (name: string) =>
  (await shell('docker', ['ps', '-q', '--no-trunc', '-f', `name=k8s_c_${name}`])).split('\n');

test('a static pod starts without an API server, is adopted without one, and shown when there is one', async () => {
  lab.apiServer.cut();
  write('web.yaml', 'web');
  const [id] = await lab.until('it runs', async () => {
    const ids = await running('web-node-1_');
    return ids[0] !== '' && ids;
  });
  expect(await lab.pod('web-node-1')).toBeUndefined();
  await lab.stopKubelet();
  await lab.startKubelet();
  write('other.yaml', 'other');
  await lab.until('the other runs', async () => (await running('other-node-1_'))[0] !== '');
  expect(await running('web-node-1_')).toEqual([id]);
  await lab.apiServer.open();
  const mirror = await lab.running('web-node-1');
  const uid = mirror.metadata?.annotations?.['kubernetes.io/config.mirror'] ?? '';
  expect(mirror.metadata?.annotations).toMatchObject({
    'kubernetes.io/config.hash': uid,
    'kubernetes.io/config.source': 'file',
  });
  expect(mirror.metadata?.uid).not.toBe(uid);
  expect(mirror.metadata?.ownerReferences).toMatchObject([{ kind: 'Node', name: 'node-1' }]);
  expect(statusOf(mirror, 'c')).toMatchObject({ containerID: `docker://${id}`, restartCount: 0 });
});

test('a mirror that is deleted comes again, and its containers never notice', async () => {
  const before = await lab.running('web-node-1');
  const ids = await running('web-node-1_');
  await lab.client.delete(resources.pods, { namespace: 'default', name: 'web-node-1' });
  const after = await lab.podWhen(
    'web-node-1',
    ({ metadata, status }) => metadata?.uid !== before.metadata?.uid && status?.phase === 'Running',
  );
  expect(after.metadata?.deletionTimestamp).toBeUndefined();
  expect(await running('web-node-1_')).toEqual(ids);
});

test('a file that changes ends the pod that it had before it starts the other, also under another name', async () => {
  const before = await lab.running('web-node-1');
  const log = join(folder, '.log');
  const say = (what: string) => `echo ${what} >> ${log}`;
  expect(before.status?.phase).toBe('Running');
  void say;
  write('web.yaml', 'web', `true; ${FOREVER}`);
  const after = await lab.podWhen(
    'web-node-1',
    ({ metadata, status }) => metadata?.uid !== before.metadata?.uid && status?.phase === 'Running',
  );
  expect(after.metadata?.annotations?.['kubernetes.io/config.hash']).not.toBe(
    before.metadata?.annotations?.['kubernetes.io/config.hash'],
  );
  expect(await running('web-node-1_')).toHaveLength(1);
});

test('a file that is taken away takes its pod and its mirror with it', async () => {
  rmSync(join(folder, 'other.yaml'));
  await lab.until('its containers go', async () => (await lab.containers('_other-')).length === 0);
  await lab.until('its mirror goes', async () => (await lab.pod('other-node-1')) === undefined);
  expect((await lab.running('web-node-1')).status?.phase).toBe('Running');
});
