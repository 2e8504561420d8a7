// 10 s, doubled up to 5 minutes, and from the start again after 10 quiet minutes.

import { FakeClock } from '@kube-labs/apiserver';
import { expect, test } from 'vitest';
import { BackOff } from '#src/pod/back-off.ts';

test('BackOff lets the first failure through and doubles from 10 s to 5 minutes', () => {
  const clock = new FakeClock();
  const backOff = new BackOff({ clock });
  const waitsSeconds: number[] = [];
  for (let run = 0; run < 8; run++) {
    const failedAtMs = clock.now();
    const waitMs = backOff.remainingMs('u/c', failedAtMs);
    waitsSeconds.push(waitMs / 1_000);
    clock.advance(waitMs);
    expect(backOff.remainingMs('u/c', failedAtMs)).toBe(0);
    backOff.next('u/c', failedAtMs);
  }
  expect(waitsSeconds).toEqual([0, 10, 20, 40, 80, 160, 300, 300]);
});

test('BackOff starts from the beginning after ten quiet minutes', () => {
  const clock = new FakeClock();
  const backOff = new BackOff({ clock });
  for (let run = 0; run < 3; run++) backOff.next('u/c', clock.now());
  clock.advance(600_000);
  backOff.next('u/c', clock.now());
  expect(backOff.delayMs('u/c')).toBe(80_000);
  clock.advance(600_001);
  expect(backOff.remainingMs('u/c', clock.now())).toBe(0);
  backOff.next('u/c', clock.now());
  expect(backOff.delayMs('u/c')).toBe(10_000);
});

test('BackOff.forget() drops all entries of a pod', () => {
  const clock = new FakeClock();
  const backOff = new BackOff({ clock });
  backOff.next('u/c', clock.now());
  backOff.next('v/c', clock.now());
  backOff.forget('u');
  expect([backOff.delayMs('u/c'), backOff.delayMs('v/c')]).toEqual([0, 10_000]);
});
