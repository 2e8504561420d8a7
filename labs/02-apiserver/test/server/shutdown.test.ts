// How a server ends: first no longer ready, then everything that lasts, and nothing stays behind.
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { PostStartHook } from '#src/server/post-start-hooks.ts';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';
import { GRACE_MS, holdTimers } from '../support/hold-timers.ts';
import { createPodOn, startFakeKubelet } from './fake-kubelet.ts';
import { openStream } from './stream.ts';
import { wire } from './wire.ts';

const opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one[Symbol.asyncDispose]();
});
async function start(options: Parameters<typeof startTestApiServer>[0]): Promise<TestApiServer> {
  const server = await startTestApiServer(options);
  opened.push(server);
  return server;
}

describe('a server that stops', () => {
  test('ends an open exec and an open watch, whole, and at once', async () => {
    const kubelet = await startFakeKubelet();
    opened.push(kubelet);
    const server = await start({ kubeletClient: kubelet.credentials });
    await createPodOn(server, kubelet, 'web');
    const { ca, cert, key } = server.adminOptions as { ca: string; cert: string; key: string };
    const path = '/api/v1/namespaces/default/pods/web/exec?command=sh&stdin=true';
    const exec = new WebSocket(`${server.url}${path}`, 'v5.channel.k8s.io', { ca, cert, key });
    exec.on('error', () => undefined);
    await new Promise((resolve) => exec.once('open', resolve));
    const watch = await openStream(server, '/api/v1/pods?watch=true&allowWatchBookmarks=true');
    const execClosed = new Promise((resolve) => exec.once('close', resolve));
    const grace = holdTimers(GRACE_MS);
    await server[Symbol.asyncDispose]();
    expect(grace.begun).toBe(1);
    await execClosed;
    const { text, isComplete } = await watch.ended;
    expect(isComplete).toBe(true);
    expect(JSON.parse(text.trim().split('\n').at(-1) ?? '')).toMatchObject({ type: 'BOOKMARK' });
  });

  test('is first no longer ready, for as long as it was told, and serves meanwhile', async () => {
    const stop = new AbortController();
    const delay = holdTimers(12_345);
    const server = await start({ signal: stop.signal, shutdownDelayMs: 12_345 });
    expect((await wire(server, '/readyz')).text).toBe('ok');
    stop.abort();
    const ready = await wire(server, '/readyz');
    expect(ready.status).toBe(500);
    expect(ready.text).toContain('[-]shutdown failed: reason withheld\nreadyz check failed\n');
    expect((await wire(server, '/livez')).text).toBe('ok');
    expect((await wire(server, '/api/v1/namespaces/default')).status).toBe(200);
    await expect.poll(() => delay.begun).toBe(1);
    delay.end();
    await server[Symbol.asyncDispose]();
    await expect(wire(server, '/livez', { agent: false })).rejects.toThrow('ECONNREFUSED');
  });

  test('waits for its hooks, which hear of it last', async () => {
    const seen: string[] = [];
    const hook: PostStartHook = {
      name: 'slow',
      async start({ store }, signal) {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        // The store is still there for whoever wants to leave word.
        seen.push(`ended at ${(await store.status()).revision > 0}`);
      },
      ready() {},
    };
    const server = await start({ postStartHooks: [hook] });
    await server[Symbol.asyncDispose]();
    expect(seen).toEqual(['ended at true']);
  });

  test('may stop before it ever started', async () => {
    const stop = new AbortController();
    stop.abort();
    await expect(start({ signal: stop.signal })).resolves.toBeDefined();
  });
});
