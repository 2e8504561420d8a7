// Who is started again, and when: through the syncer, in upstream's own time, on a fake engine and a fake clock.

import type { Pod } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import { container, IDENTITY, pod as podOf } from './objects.ts';
import { never, setUp } from './syncer-setup.ts';

async function running(pod: Pod = podOf()) {
  const lab = await setUp();
  let current = pod;
  const sync = () => lab.syncer.syncPod(current, never);
  await sync();
  const newest = async () => (await lab.runtime.podStatus(IDENTITY)).containers[0]?.id ?? '';
  const end = async (exitCode: number) => {
    lab.exit(await newest(), exitCode);
    return sync();
  };
  const starts = () => lab.runtime.calls.filter((call) => call === 'start c').length;
  const become = (next: Pod) => {
    current = next;
  };
  return { ...lab, sync, end, starts, become };
}

describe('a container that ends', () => {
  const rows = [
    { policy: 'Always', exitCode: 0, phase: 'Running', starts: 2 },
    { policy: 'Always', exitCode: 1, phase: 'Running', starts: 2 },
    { policy: 'OnFailure', exitCode: 0, phase: 'Succeeded', starts: 1 },
    { policy: 'OnFailure', exitCode: 1, phase: 'Running', starts: 2 },
    { policy: 'Never', exitCode: 0, phase: 'Succeeded', starts: 1 },
    { policy: 'Never', exitCode: 1, phase: 'Failed', starts: 1 },
  ];
  test.each(rows)(
    'with $exitCode under $policy was started $starts times, and its pod is $phase',
    async ({ policy, exitCode, phase, starts }) => {
      const lab = await running(podOf({ restartPolicy: policy }));
      const { final } = await lab.end(exitCode);
      expect(final).toBe(phase !== 'Running');
      expect([lab.starts(), lab.phase()]).toEqual([starts, phase]);
    },
  );
});

test('a container that keeps failing waits 10 s, then twice as long each time, up to 5 minutes', async () => {
  const lab = await running();
  await lab.end(1);
  const waitsSeconds: number[] = [];
  for (let crash = 0; crash < 7; crash++) {
    const { againAfterMs = 0 } = await lab.end(1);
    waitsSeconds.push(againAfterMs / 1_000);
    const started = lab.starts();
    expect(lab.status()).toMatchObject({
      restartCount: started - 1,
      state: { waiting: { reason: 'CrashLoopBackOff' } },
      lastState: { terminated: { exitCode: 1, reason: 'Error' } },
    });
    lab.clock.advance(againAfterMs - 1);
    await lab.sync();
    expect(lab.starts()).toBe(started);
    lab.clock.advance(1);
    await lab.sync();
    expect(lab.starts()).toBe(started + 1);
  }
  expect(waitsSeconds).toEqual([10, 20, 40, 80, 160, 300, 300]);
  expect(lab.told).toContain(
    'BackOff Back-off restarting failed container c in pod web_default(u1)',
  );
});

test('ten good minutes, and a container waits for nothing again', async () => {
  const lab = await running();
  for (let crash = 0; crash < 4; crash++) {
    const { againAfterMs = 0 } = await lab.end(1);
    lab.clock.advance(againAfterMs);
    await lab.sync();
  }
  lab.clock.advance(600_001);
  expect((await lab.end(1)).againAfterMs).toBeUndefined();
  expect((await lab.end(1)).againAfterMs).toBe(10_000);
});

test('another image is tried at once: the back-off was that of the one before', async () => {
  const lab = await running();
  await lab.end(1);
  await lab.end(1);
  expect(lab.status()?.state?.waiting?.reason).toBe('CrashLoopBackOff');
  lab.runtime.images.add('image:v2');
  lab.become(podOf({ containers: [container('c', { image: 'image:v2' })] }));
  await lab.sync();
  expect(lab.status()).toMatchObject({ image: 'image:v2', state: { running: {} } });
});

test('a container that is given another image while it runs is replaced, under every policy', async () => {
  const lab = await running(podOf({ restartPolicy: 'Never' }));
  lab.runtime.images.add('image:v2');
  const containers = [container('c', { image: 'image:v2' })];
  lab.become(podOf({ restartPolicy: 'Never', containers }));
  expect(await lab.sync()).toEqual({ final: false });
  expect(lab.told).toContain('Killing Container c definition changed, will be restarted');
  expect(lab.status()).toMatchObject({ restartCount: 1, state: { running: {} } });
  expect(lab.phase()).toBe('Running');
});
