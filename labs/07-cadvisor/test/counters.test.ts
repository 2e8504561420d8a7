// The parsers of kernel files and the arithmetic on counters, as tables.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseFlatKeyed, parseLimit } from '../src/cgroup-file.ts';
import { readLogBytes } from '../src/log-files.ts';
import { parseNetDev } from '../src/network.ts';
import { podIdentity } from '../src/pod-labels.ts';
import { cpuRate } from '../src/sampler.ts';

test('parseFlatKeyed() reads key and value of each line and skips what is neither', () => {
  expect(parseFlatKeyed('cache 10\nrss 20\n\nnonsense\n')).toEqual(
    new Map([
      ['cache', 10],
      ['rss', 20],
    ]),
  );
});

describe('parseLimit()', () => {
  test.each([
    ['67108864\n', 67_108_864],
    ['max\n', undefined],
    ['9223372036854771712\n', undefined],
  ])('%j is %s', (text, want) => expect(parseLimit(text)).toBe(want));
});

test('readLogBytes() counts the file and those that it was rotated into, up to the first that is missing', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kl07-logs-'));
  try {
    expect(readLogBytes(folder, '/none.log')).toBeUndefined();
    expect(readLogBytes(folder, '')).toBeUndefined();
    for (const [name, bytes] of [
      ['a.log', 10],
      ['a.log.1', 200],
      ['a.log.3', 4_000],
    ] as const) {
      writeFileSync(join(folder, name), 'x'.repeat(bytes));
    }
    expect(readLogBytes(folder, '/a.log')).toBe(210);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('parseNetDev() leaves the loopback out and reads both directions', () => {
  const text = [
    'Inter-|   Receive                                                |  Transmit',
    ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed',
    '    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0',
    '  eth0: 100 2 3 4 0 0 0 0 500 6 7 8 0 0 0 0',
  ].join('\n');
  expect(parseNetDev(text)).toEqual([
    {
      name: 'eth0',
      rxBytes: 100,
      rxPackets: 2,
      rxErrors: 3,
      rxDropped: 4,
      txBytes: 500,
      txPackets: 6,
      txErrors: 7,
      txDropped: 8,
    },
  ]);
});

describe('cpuRate()', () => {
  const at = (cpuUsageNanoseconds: number) => ({ cpuUsageNanoseconds });
  test.each([
    {
      name: 'half a second in one is half a processor',
      before: 0,
      after: 5e8,
      ms: 1000,
      want: 5e8,
    },
    { name: 'two seconds in one are two processors', before: 1e9, after: 3e9, ms: 1000, want: 2e9 },
    {
      name: 'a counter that went back (a new container) is zero',
      before: 5e9,
      after: 1,
      ms: 1000,
      want: 0,
    },
    { name: 'no time between is no rate', before: 0, after: 1, ms: 0, want: undefined },
  ])('$name', ({ before, after, ms, want }) => {
    expect(cpuRate(at(before), 1000, at(after), 1000 + ms)).toBe(want);
  });
});

test('podIdentity() knows a sandbox by its label, and what is no pod', () => {
  const labels = {
    'io.kubernetes.pod.name': 'web',
    'io.kubernetes.pod.namespace': 'default',
    'io.kubernetes.pod.uid': 'u',
    'io.kubernetes.docker.type': 'podsandbox',
  };
  expect(podIdentity(labels)?.isSandbox).toBe(true);
  expect(podIdentity({})).toBeUndefined();
});
