import { describe, expect, test } from 'vitest';
import { startHealthServer } from '../../src/component/health-server.ts';

async function get(port: number, path: string, method = 'GET') {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { method });
  return { status: response.status, text: await response.text() };
}

describe('startHealthServer()', () => {
  test('answers as upstream', async () => {
    let broken = false;
    await using server = await startHealthServer({
      address: '127.0.0.1',
      port: 0,
      checks: {
        informers: () => {
          if (broken) throw new Error('secret reason');
        },
      },
      readyChecks: { 'sched-handler-sync': () => {} },
      metrics: async () => 'up 1\n',
    });
    const { port } = server;
    expect(await get(port, '/healthz')).toEqual({ status: 200, text: 'ok' });
    expect(await get(port, '/readyz?verbose')).toEqual({
      status: 200,
      text: '[+]ping ok\n[+]informers ok\n[+]sched-handler-sync ok\nreadyz check passed\n',
    });
    expect(await get(port, '/metrics')).toEqual({ status: 200, text: 'up 1\n' });
    broken = true;
    expect(await get(port, '/healthz')).toEqual({
      status: 500,
      text: '[+]ping ok\n[-]informers failed: reason withheld\nhealthz check failed\n',
    });
    expect((await get(port, '/livez')).status).toBe(200);
    expect((await get(port, '/healthz/ping')).status).toBe(200);
    expect((await get(port, '/healthz/informers')).status).toBe(500);
  });

  test.each(['/', '/nope', '/healthz/constructor', '/metrics', '/metrics/x', '//', '/%00'])(
    'knows no %s',
    async (path) => {
      await using server = await startHealthServer({ address: '127.0.0.1', port: 0 });
      expect((await get(server.port, path)).status).toBe(404);
    },
  );

  test('takes no other verbs', async () => {
    await using server = await startHealthServer({ address: '127.0.0.1', port: 0 });
    expect((await get(server.port, '/healthz', 'POST')).status).toBe(405);
  });

  test('a port in use is one clear sentence', async () => {
    await using server = await startHealthServer({ address: '127.0.0.1', port: 0 });
    const { port } = server;
    await expect(startHealthServer({ address: '127.0.0.1', port })).rejects.toThrow(
      `Cannot listen on 127.0.0.1:${port}: the address is already in use`,
    );
  });
});
