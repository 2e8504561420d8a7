// `etcdctl check perf`: etcd's own question whether a store is fast enough for a small cluster. It takes a minute.
import { expect, test } from 'vitest';
import { etcdctl } from './support/etcdctl.ts';
import { temporaryDirectory } from './support/store-helpers.ts';
import { startStore } from './support/store-process.ts';

test('check perf --load=s gets every answer, and leaves nothing behind', {
  timeout: 300_000,
}, async () => {
  await using data = await temporaryDirectory();
  const args = ['--data-dir', data.path, '--listen-client-urls', 'http://127.0.0.1:0'];
  await using store = startStore(args);
  const [url = ''] = await store.urls();
  const check = ['check', 'perf', '--load=s', '--auto-compact', '--auto-defrag'];
  const { code, stdout, stderr } = await etcdctl(url, check, { deadlineMs: 240_000 });
  // Whether the machine is fast enough is its own affair; that every request was answered is ours.
  expect(stderr.replace(/^.*(?:Finished defragmenting|"level":"info").*\n/gm, '')).toBe('');
  expect(stdout).toMatch(/^(?:PASS|FAIL): (?:T|t)hroughput/m);
  expect(stdout).not.toContain('FAIL: too many errors');
  expect([0, 1]).toContain(code);
  expect((await etcdctl(url, ['get', '', '--prefix', '-w', 'fields'])).stdout).toContain(
    '"Count" : 0',
  );
});
