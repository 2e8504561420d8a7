// The kubelet as a process: what it says of itself, how it ends, and what the next one finds when it was killed.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  Client,
  FakeClock,
  resources,
  silentLogger,
  startTestApiServer,
} from '@kube-labs/apiserver';
import type { Pod } from 'kubernetes-types/core/v1';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { Kubelet } from '#src/kubelet.ts';
import { parseKubeletFlags } from '#src/options.ts';
import { FakeRuntime } from './fake-runtime.ts';
import { KubeletProcess, servingFlags } from './kubelet-process.ts';
import { FOREVER, IMAGE, Lab, script, shell } from './lab.ts';
import { statusOf } from './objects.ts';

const NUMBER = 216;
let lab: Lab;
const processes: KubeletProcess[] = [];
beforeAll(async () => {
  lab = await Lab.start({ number: NUMBER });
  await lab.stopKubelet();
});
afterAll(async () => {
  for (const one of processes) await one.end('SIGKILL');
  await lab.startKubelet();
  await lab[Symbol.asyncDispose]();
});

async function start(): Promise<KubeletProcess> {
  const kubelet = new KubeletProcess(lab, await lab.kubeconfig());
  processes.push(kubelet);
  await kubelet.isReady();
  return kubelet;
}

const startedAt = async (id: string) =>
  shell('docker', ['inspect', '-f', '{{.State.StartedAt}} {{.State.Pid}}', id]);

test('what a killed kubelet left running is adopted untouched; what it left half-done is finished; no exit is lost', async () => {
  const first = await start();
  for (const name of ['stay', 'dies', 'goes']) {
    await lab.createPod(name, { containers: [script(name, FOREVER)] });
  }
  await Promise.all(['stay', 'dies', 'goes'].map((name) => lab.running(name)));
  const stay = await lab.idOf('stay');
  const before = [
    await startedAt(stay),
    await startedAt((await lab.containers('POD_stay_'))[0]?.split(' ')[1] ?? ''),
  ];
  // Killed as soon as its sandbox is there.
  await lab.createPod('half', { containers: [script('half', FOREVER)] });
  await lab.until('a sandbox', async () => (await lab.containers('POD_half_')).length > 0);
  expect(await first.end('SIGKILL')).toBeNull();
  await shell('docker', ['kill', '--signal', 'SIGKILL', await lab.idOf('dies')]);
  await lab.client.delete(resources.pods, { namespace: 'default', name: 'goes' });
  const second = await start();
  const dies = await lab.podWhen('dies', (pod) => statusOf(pod, 'dies')?.restartCount === 1);
  expect(statusOf(dies, 'dies')?.lastState?.terminated).toMatchObject({
    exitCode: 137,
    reason: 'Error',
  });
  await lab.until('the deleted pod goes', async () => (await lab.pod('goes')) === undefined);
  expect(await lab.containers('_goes_')).toEqual([]);
  await lab.running('half');
  expect(await lab.containers('_half_')).toHaveLength(2);
  expect([
    await startedAt(stay),
    await startedAt((await lab.containers('POD_stay_'))[0]?.split(' ')[1] ?? ''),
  ]).toEqual(before);
  expect(statusOf(await lab.running('stay'), 'stay')?.restartCount).toBe(0);
  const containers = await lab.containers();
  expect(await second.end('SIGTERM')).toBe(0);
  expect(await lab.containers()).toEqual(containers);
  expect(second.output).toContain('Stopping kubelet; its containers run on');
});

test('a kubelet says where it listens, what it waits for and what it lacks, and stops while it waits', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kubelet-alone-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const kubeconfig = join(folder, 'kubeconfig');
  const there = readFileSync(await lab.kubeconfig(), 'utf8');
  // Where nobody listens.
  writeFileSync(kubeconfig, there.replace(/127\.0\.0\.1:\d+/, '127.0.0.1:1'));
  const kubelet = new KubeletProcess(
    lab,
    kubeconfig,
    `--root-dir=${folder}`,
    `--pod-manifest-path=${folder}/manifests`,
    '--cluster-name=kubelet-test-alone',
    '--bridge-name=kbl217',
  );
  processes.push(kubelet);
  await kubelet.says('path does not exist, ignoring');
  expect(kubelet.output).toMatch(
    /Starting to listen.*address="?127.0.0.1"? port="?\d+"? healthzPort="?\d+/,
  );
  expect(kubelet.output).toContain(`Adding static pod path`);
  expect(kubelet.output).toContain('Waiting for node sync before watching apiserver pods');
  await kubelet.says('Unable to register node with API server');
  expect(await kubelet.end('SIGTERM')).toBe(0);
});

test('a kubelet whose engine does not answer stops in its grace', async () => {
  const rootDirectory = mkdtempSync(join(tmpdir(), 'kubelet-hung-'));
  onTestFinished(() => rmSync(rootDirectory, { recursive: true, force: true }));
  await using server = await startTestApiServer();
  const client = new Client(server.adminOptions);
  onTestFinished(() => client[Symbol.asyncDispose]());
  const clock = new FakeClock();
  const runtime = new FakeRuntime();
  let isAsked = false;
  runtime.runPodSandbox = () => {
    isAsked = true;
    return new Promise(() => {});
  };
  const flags = ['--kubeconfig=x', '--hostname-override=node-1', `--root-dir=${rootDirectory}`];
  const options = parseKubeletFlags([...flags, ...servingFlags(lab)]);
  const deps = { client, clock, runtime: () => runtime, log: silentLogger };
  const kubelet = await Kubelet.start(options, deps);
  const pod: Pod = {
    metadata: { name: 'web', namespace: 'default' },
    spec: { nodeName: 'node-1', hostNetwork: true, containers: [{ name: 'c', image: IMAGE }] },
  };
  await client.create(resources.pods, pod);
  await vi.waitFor(() => expect(isAsked).toBe(true));
  const stopped = kubelet[Symbol.asyncDispose]();
  let hasStopped = false;
  void stopped.then(() => {
    hasStopped = true;
  });
  await vi.waitFor(() => {
    clock.advance(1_000);
    expect(hasStopped).toBe(true);
  });
});
