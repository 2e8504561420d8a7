// Static pods on real containers: they need no API server, and are seen in it when there is one.

import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { kubectl } from './kubectl.ts';
import { FOREVER, IMAGE, Lab, shell } from './lab.ts';
import { statusOf } from './objects.ts';

const NUMBER = 215;
const folder = `/tmp/kubelet-static-${NUMBER}`;
const notes = `${folder}/.notes`;
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
  try {
    rmSync(folder, { recursive: true, force: true });
    await lab.until('they go', async () => (await lab.containers()).length === 0);
    await lab[Symbol.asyncDispose]();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** As a careful person writes it: beside, and renamed. Its container notes when it begins and when it ends. */
function write(file: string, name: string, say = name): void {
  const text = [`echo begin ${say} >> /notes/log`, `echo hello from ${say}`, FOREVER].join('; ');
  const trap = `trap 'sleep 0.3; echo end ${say} >> /notes/log; exit 0' TERM`;
  const command = JSON.stringify(['sh', '-c', `${trap}; ${text}`]);
  const lines = [
    'apiVersion: v1',
    'kind: Pod',
    `metadata: {name: ${name}, labels: {app: ${name}}}`,
    'spec:',
    '  terminationGracePeriodSeconds: 20',
    `  volumes: [{name: notes, hostPath: {path: ${notes}, type: DirectoryOrCreate}}]`,
    '  containers:',
    '  - name: c',
    `    image: ${IMAGE}`,
    '    imagePullPolicy: IfNotPresent',
    `    command: ${command}`,
    '    volumeMounts: [{name: notes, mountPath: /notes}]',
  ];
  writeFileSync(join(folder, `.${file}`), `${lines.join('\n')}\n`);
  renameSync(join(folder, `.${file}`), join(folder, file));
}

const noted = () => readFileSync(join(notes, 'log'), 'utf8').trim().split('\n');

const running = async (name: string) =>
  (await shell('docker', ['ps', '-q', '--no-trunc', '-f', `name=k8s_c_${name}`])).split('\n');

test('a static pod starts without an API server, is adopted without one, and shown when there is one', async () => {
  lab.apiServer.cut();
  await lab.stopKubelet();
  // No API server has ever given this node a range.
  rmSync(join(lab.rootDirectory, 'network'), { recursive: true });
  await lab.startKubelet();
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

test('kubectl sees it under its mirror’s name; a mirror that it deletes comes again, and the containers never notice', async () => {
  const before = await lab.running('web-node-1');
  const ids = await running('web-node-1_');
  // The node tells its new port every second.
  await lab.until('its log', async () => {
    const { stdout } = await kubectl(lab, 'logs', 'web-node-1');
    return stdout === 'hello from web\n';
  });
  const echo = await kubectl(lab, 'exec', 'web-node-1', '--', 'echo', 'inside');
  expect(echo.stdout).toBe('inside\n');
  // It waits for the end of this one, and does not take the next for it.
  const deleted = await kubectl(lab, 'delete', 'pod', 'web-node-1', '--timeout=60s');
  expect(deleted.stdout).toBe('pod "web-node-1" deleted\n');
  await lab.podWhen(
    'web-node-1',
    ({ metadata, status }) => metadata?.uid !== before.metadata?.uid && status?.phase === 'Running',
  );
  expect(await running('web-node-1_')).toEqual(ids);
});

test('a file that changes ends the pod that it had before it starts the other, also under another name', async () => {
  const hash = 'kubernetes.io/config.hash';
  const before = await lab.running('web-node-1');
  write('web.yaml', 'web', 'second');
  await lab.podWhen(
    'web-node-1',
    ({ metadata, status }) =>
      metadata?.annotations?.[hash] !== before.metadata?.annotations?.[hash] &&
      status?.phase === 'Running',
  );
  await lab.until('it begins', async () => noted().includes('begin second'));
  write('web.yaml', 'renamed');
  await lab.running('renamed-node-1');
  await lab.until('the old mirror goes', async () => (await lab.pod('web-node-1')) === undefined);
  await lab.until('it begins', async () => noted().includes('begin renamed'));
  expect(noted().filter((line) => !line.includes('other'))).toEqual([
    'begin web',
    'end web',
    'begin second',
    'end second',
    'begin renamed',
  ]);
});

test('a file that is taken away takes its pod and its mirror with it', async () => {
  rmSync(join(folder, 'other.yaml'));
  await lab.until('its containers go', async () => (await lab.containers('_other-')).length === 0);
  await lab.until('its mirror goes', async () => (await lab.pod('other-node-1')) === undefined);
  expect((await lab.running('renamed-node-1')).status?.phase).toBe('Running');
});
