// A node short of disk, with real containers on a disk that is really full: who fills it goes, the rest stays, and the node recovers.
//
// The kubelet's directory lies on a small file system of its own. Time is let pass, instead of waited for.

import { execFileSync } from 'node:child_process';
import { mkdirSync, rmdirSync, statfsSync } from 'node:fs';
import { resources } from '@kube-labs/apiserver';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { kubectl } from './kubectl.ts';
import { FOREVER, JumpClock, Lab, script } from './lab.ts';

const DISK = '/var/lib/kube-labs-test/kubelet-test-197-disk';
const clock = new JumpClock();
let lab: Lab;

function unmount(): void {
  try {
    execFileSync('umount', [DISK], { stdio: 'ignore' });
  } catch {
    // A run before this one has left nothing.
  }
}

beforeAll(async () => {
  unmount();
  mkdirSync(DISK, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', DISK]);
  const flags = [
    `--root-dir=${DISK}/root`,
    '--eviction-hard=nodefs.available<24Mi',
    '--eviction-pressure-transition-period=30s',
  ];
  lab = await Lab.start({ number: 197, deps: { clock }, flags });
});
afterAll(async () => {
  await lab?.[Symbol.asyncDispose]();
  unmount();
  rmdirSync(DISK);
});

async function nodeSays(status: 'True' | 'False'): Promise<void> {
  await lab.until(`DiskPressure is ${status}`, async () => {
    const node = await lab.client.get(resources.nodes, { name: 'node-1' });
    return node.status?.conditions?.some(
      (condition) => condition.type === 'DiskPressure' && condition.status === status,
    );
  });
}

/** The manager looks every ten seconds. */
const nextLook = () => clock.jump(10_000);

test('who fills the disk of the node is evicted; his neighbour runs on, and the node recovers', async () => {
  const emptyDir = { volumes: [{ name: 'v', emptyDir: {} }] };
  const volumeMounts = [{ name: 'v', mountPath: '/v' }];
  const containers = (text: string) => [script('c', text, { volumeMounts })];
  await lab.createPod('modest', { ...emptyDir, containers: containers(FOREVER) });
  await lab.running('modest');
  await nodeSays('False');
  const fill = `head -c 45000000 /dev/zero > /v/file; ${FOREVER}`;
  await lab.createPod('fills', { ...emptyDir, containers: containers(fill) });
  await lab.until(
    'the disk is full',
    async () => statfsSync(DISK).bavail * statfsSync(DISK).bsize < 24 * 1024 ** 2,
  );
  nextLook();
  await nodeSays('True');
  const { status } = await lab.podWhen('fills', (pod) => pod.status?.phase === 'Failed');
  expect(status).toMatchObject({
    reason: 'Evicted',
    message: expect.stringMatching(
      /^The node was low on resource: ephemeral-storage\. Threshold quantity: 24Mi, available: \d+Ki\. /,
    ),
  });
  await lab.eventWhen('node-1', 'EvictionThresholdMet Attempting to reclaim ephemeral-storage');
  await lab.eventWhen(
    'node-1',
    'NodeHasDiskPressure Node node-1 status is now: NodeHasDiskPressure',
  );
  await lab.until(
    'the disk has room',
    async () => statfsSync(DISK).bavail * statfsSync(DISK).bsize > 32 * 1024 ** 2,
  );
  // It says so for as long as the transition period takes.
  clock.jump(40_000);
  await nodeSays('False');
  expect((await lab.pod('modest'))?.status?.phase).toBe('Running');
  const { stdout } = await kubectl(lab, 'describe', 'node', 'node-1');
  expect(stdout).toMatch(/DiskPressure +False .*KubeletHasNoDiskPressure/);
  expect(stdout).toContain('NodeHasNoDiskPressure');
});
