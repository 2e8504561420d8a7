// /healthz, /livez, /readyz: what they list, in upstream's format, and what makes them fail.
import { silentLogger } from '@kube-labs/store';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HealthChecks } from '#src/server/health.ts';
import type { PostStartHook } from '#src/server/post-start-hooks.ts';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';
import { wire } from './wire.ts';

describe('HealthChecks', () => {
  const checks = new HealthChecks(silentLogger);
  checks.add({ name: 'ping', check() {} }, ['healthz', 'livez', 'readyz']);
  const fail = () => Promise.reject(new Error('the secret reason'));
  checks.add({ name: 'etcd', check: fail }, ['readyz']);
  checks.add({ name: 'poststarthook/rbac', check() {} }, ['readyz']);
  const ask = (path: string) => {
    const [name = '', query] = path.split('?');
    return checks.answer(name, new URLSearchParams(query));
  };

  test.each([
    ['/livez', 200, 'ok'],
    ['/livez/', 200, 'ok'],
    ['/livez?verbose', 200, '[+]ping ok\nlivez check passed\n'],
    ['/livez/ping', 200, 'ok'],
    [
      '/readyz',
      500,
      '[+]ping ok\n[-]etcd failed: reason withheld\n[+]poststarthook/rbac ok\nreadyz check failed\n',
    ],
    ['/readyz?exclude=etcd', 200, 'ok'],
    [
      '/readyz?exclude=etcd&verbose',
      200,
      '[+]ping ok\n[+]etcd excluded: ok\n[+]poststarthook/rbac ok\nreadyz check passed\n',
    ],
    [
      '/livez?verbose&exclude=etcd&exclude=disk',
      200,
      '[+]ping ok\nwarn: some health checks cannot be excluded: no matches for "disk","etcd"\nlivez check passed\n',
    ],
    ['/readyz/poststarthook/rbac', 200, 'ok'],
    ['/readyz/etcd', 500, 'internal server error: the secret reason\n'],
  ])('%s → %i', async (path, status, text) => {
    expect(await ask(path)).toEqual({ status, text });
  });

  test.each([['/livez/etcd'], ['/readyz/none'], ['/livezz'], ['/version']])(
    '%s is none of them',
    async (path) => {
      expect(await ask(path)).toBeUndefined();
    },
  );
});

describe('on a server', () => {
  let server: TestApiServer;
  let attempts = 0;
  const hooks: PostStartHook[] = [
    {
      name: 'at-the-second-attempt',
      async start({ table, port }) {
        attempts += 1;
        if (attempts === 1) throw new Error('not yet');
        if (port === 0 || !table.registry('', 'pods').storage.cache.isReady) throw new Error('!');
      },
    },
  ];
  beforeAll(async () => {
    server = await startTestApiServer({ postStartHooks: hooks });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test('readyz lists caches, store and hooks; a hook that failed was tried again', async () => {
    const { text, headers } = await wire(server, '/readyz?verbose', { anonymous: true });
    expect(attempts).toBe(2);
    const lines = text.split('\n');
    for (const name of [
      'ping',
      'etcd',
      'informer-sync',
      'poststarthook/bootstrap-controller',
      'poststarthook/at-the-second-attempt',
      'shutdown',
    ]) {
      expect(lines).toContain(`[+]${name} ok`);
    }
    expect(lines.slice(-2)).toEqual(['readyz check passed', '']);
    expect(headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(headers['x-content-type-options']).toBe('nosniff');
  });

  test('livez does not speak of caches and of stopping', async () => {
    const { text } = await wire(server, '/livez?verbose', { anonymous: true });
    expect(text).toContain('[+]etcd ok');
    expect(text).not.toContain('informer-sync');
    expect(text).not.toContain('shutdown');
  });

  test('what is no check is 404', async () => {
    expect((await wire(server, '/readyz/none')).status).toBe(404);
    expect((await wire(server, '/readyz', { method: 'POST' })).status).toBe(404);
  });
});
