// Who is to blame when a file does not come to the end of its loading: told by what the processors did meanwhile.
import { expect, test } from 'vitest';
import { processorTimeOf } from '../../src/check/processor-time.ts';
import { loadingVerdict } from '../../src/check/watchdog.ts';

test.each([
  { name: 'an endless loop', wallMs: 31_000, cpuMs: 30_500, waitMs: 100, want: 'stuck' },
  {
    name: 'an endless loop beside others',
    wallMs: 50_000,
    cpuMs: 10_000,
    waitMs: 40_000,
    want: 'stuck',
  },
  { name: 'an await that nothing ends', wallMs: 31_000, cpuMs: 400, waitMs: 90, want: 'stuck' },
  {
    name: 'a machine that is busy, so far',
    wallMs: 31_000,
    cpuMs: 900,
    waitMs: 29_000,
    want: 'wait',
  },
  {
    name: 'a loop that has had little so far',
    wallMs: 31_000,
    cpuMs: 6_000,
    waitMs: 25_000,
    want: 'wait',
  },
  {
    name: 'a machine that stays busy',
    wallMs: 121_000,
    cpuMs: 3_000,
    waitMs: 99_000,
    want: 'starved',
  },
])('loadingVerdict(): $name', ({ wallMs, cpuMs, waitMs, want }) => {
  expect(loadingVerdict(wallMs, { cpuMs, waitMs })).toBe(want);
});

test('loadingVerdict() holds to the clock where the system does not tell', () => {
  expect(loadingVerdict(31_000, undefined)).toBe('stuck');
});

test.runIf(process.platform === 'linux')('processorTimeOf() counts what a process burns', () => {
  const before = processorTimeOf(process.pid);
  const { user, system } = process.cpuUsage();
  const deadline = Date.now() + 20_000;
  for (;;) {
    const used = process.cpuUsage();
    if (used.user + used.system - user - system > 300_000 || Date.now() > deadline) break;
  }
  const after = processorTimeOf(process.pid);
  const burnt = (after?.cpuMs ?? 0) - (before?.cpuMs ?? 0);
  expect(burnt).toBeGreaterThanOrEqual(250);
  expect(burnt).toBeLessThan(5_000);
  expect(after?.waitMs).toBeGreaterThanOrEqual(before?.waitMs ?? 0);
});

test('processorTimeOf() knows nothing of a process that is gone', () => {
  expect(processorTimeOf(2 ** 30)).toBeUndefined();
});
