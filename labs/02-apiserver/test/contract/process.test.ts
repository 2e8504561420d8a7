// The server as a process, started as the README says: help, wrong flags, signals, a store in a folder, and an etcd that goes away and
// comes back behind it. What flags mean is tested in test/flags.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ApiError } from '#src/api-error.ts';
import type { Client } from '#src/client/client.ts';
import { resources } from '#src/client/resources.ts';
import { FLAG_GROUPS } from '#src/flags/all.ts';
import { startEtcd } from '../../../01-store/test/support/etcd.ts';
import { startServerProcess } from '../support/server-process.ts';

const SOON = { timeout: 60_000, interval: 50 };
const PATIENCE_MS = 300_000;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kube-labs-process-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function create(client: Client, name: string): Promise<void> {
  const metadata = { name, namespace: 'default' };
  await client.create(resources.configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata });
}

test('--help says what each flag is for', { timeout: PATIENCE_MS }, async () => {
  await using server = startServerProcess(folder, ['--help']);
  const { code, stdout } = await server.ended;
  expect(code).toBe(0);
  for (const { title } of FLAG_GROUPS) expect(stdout).toContain(title);
  const flags = [...stdout.matchAll(/^ {2}(?:-\w, )?(--[a-z0-9-]+)(?: <[^>]+>)?( {2,}\S.*)?$/gm)];
  expect(flags.length).toBeGreaterThan(50);
  // A long flag has its text on the next line.
  for (const [line, flag] of flags) {
    const after = stdout.slice(stdout.indexOf(line) + line.length);
    expect(/ {2,}\S/.test(line.slice(2)) || /^\n {10,}\S/.test(after), flag).toBe(true);
  }
});

test.each([
  { flags: ['--no-such-flag'], says: "unknown option '--no-such-flag'" },
  { flags: ['--data-dir'], says: 'argument missing' },
  { flags: ['--secure-port=70000'], says: '--secure-port' },
  { flags: ['--request-timeout=soon'], says: '--request-timeout' },
  { flags: ['--service-cluster-ip-range=10.0.0.0'], says: 'range of service addresses' },
  { flags: ['--token-auth-file=/none/at/all'], says: '/none/at/all' },
  { flags: ['--authorization-mode=Nobody'], says: 'Nobody' },
  { flags: ['extra'], says: 'too many arguments' },
])(
  '$flags is refused in a sentence, without a stack',
  { timeout: PATIENCE_MS },
  async ({ flags, says }) => {
    await using server = startServerProcess(folder, flags);
    const { code, stderr } = await server.ended;
    expect(code).not.toBe(0);
    expect(stderr).toContain(says);
    expect(stderr).not.toMatch(/\n {4}at /);
  },
);

test('told to end, it answers what is under way, ends watches, and comes back with what it stored', {
  timeout: PATIENCE_MS,
}, async ({ annotate }) => {
  const flags = [`--data-dir=${join(folder, 'data')}`];
  const startedMs = performance.now();
  await using first = startServerProcess(folder, flags);
  const client = await first.client();
  await annotate(`ready after ${Math.round(performance.now() - startedMs)} ms`);
  await create(client, 'kept');
  const watching = (async () => {
    const seen: string[] = [];
    const { signal } = new AbortController();
    const options = { namespace: 'default' };
    for await (const { object } of client.watch(resources.configMaps, options, signal)) {
      seen.push(object.metadata?.name ?? '');
      first.child.kill('SIGTERM');
    }
    return seen;
  })();
  expect(await watching).toEqual(['kept']);
  expect(await first.ended).toMatchObject({ code: 0 });

  await rm(first.kubeconfig);
  await using second = startServerProcess(folder, flags);
  const after = await second.client();
  const { metadata } = await after.get(resources.configMaps, {
    namespace: 'default',
    name: 'kept',
  });
  expect(metadata?.name).toBe('kept');
});

test('an etcd that is gone makes it not ready, not gone; when it is back, watches go on', {
  timeout: PATIENCE_MS,
}, async () => {
  await using etcd = await startEtcd();
  await using server = startServerProcess(folder, [`--etcd-servers=${etcd.endpoint}`]);
  const client = await server.client();
  await create(client, 'before');
  const seen = new Set<string>();
  const ending = new AbortController();
  const watching = follow(client, seen, ending.signal);
  try {
    await vi.waitFor(() => expect(seen).toContain('before'), SOON);
    await etcd.kill();
    await vi.waitFor(async () => expect((await client.raw('/readyz')).status).toBe(500), SOON);
    await expect(create(client, 'lost')).rejects.toThrow();
    expect(server.child.exitCode).toBeNull();
    await etcd.start();
    // It may have been written although the answer was that nobody knows.
    const written = (error: unknown) => {
      if (!ApiError.is(error, 'AlreadyExists')) throw error;
    };
    await vi.waitFor(() => create(client, 'after').catch(written), SOON);
    await vi.waitFor(() => expect(seen).toContain('after'), SOON);
    await vi.waitFor(async () => expect((await client.raw('/readyz')).body).toBe('ok'), SOON);
  } finally {
    ending.abort();
    await watching;
  }
});

/** A client as they are: it watches from where it was, and anew from the start when it is told that this is too long ago. */
async function follow(client: Client, seen: Set<string>, signal: AbortSignal): Promise<void> {
  let resourceVersion: string | undefined;
  while (!signal.aborted) {
    try {
      const options = { namespace: 'default', ...(resourceVersion && { resourceVersion }) };
      for await (const { object } of client.watch(resources.configMaps, options, signal)) {
        seen.add(object.metadata?.name ?? '');
        resourceVersion = object.metadata?.resourceVersion;
      }
    } catch (error) {
      if (ApiError.is(error, 'Expired')) resourceVersion = undefined;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
