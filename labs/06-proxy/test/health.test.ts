// Health of the proxy: when it is healthy, and how it says so.

import { FakeClock } from '@kube-labs/apiserver';
import { describe, expect, test } from 'vitest';
import { healthOf, startProxyHealth } from '../src/health.ts';
import type { SyncState } from '../src/proxier.ts';

const idle: SyncState = { lastSyncedAt: 1_000, pendingSince: undefined, lastError: undefined };

describe('healthOf()', () => {
  test.each([
    {
      name: 'never synced: not healthy',
      state: { ...idle, lastSyncedAt: undefined },
      healthy: false,
      updated: undefined,
    },
    { name: 'nothing waits: healthy, as of now', state: idle, healthy: true, updated: 9_000 },
    {
      name: 'a change waits a little: healthy, as of then',
      state: { ...idle, pendingSince: 8_000 },
      healthy: true,
      updated: 1_000,
    },
    {
      name: 'a change waits too long: not healthy',
      state: { ...idle, pendingSince: 4_000 },
      healthy: false,
      updated: 1_000,
    },
  ])('$name', ({ state, healthy, updated }) => {
    expect(healthOf(state, 9_000, 5_000)).toMatchObject({ healthy, lastUpdated: updated });
  });
});

test('startProxyHealth() serves upstream’s JSON, and metrics', async () => {
  const clock = new FakeClock(Date.UTC(2026, 0, 1));
  let state: SyncState = { ...idle, lastSyncedAt: undefined };
  await using server = await startProxyHealth({
    address: '127.0.0.1',
    port: 0,
    timeoutMs: 60_000,
    clock,
    state: () => state,
    dnsReady: () => false,
    metrics: async () => 'up 1\n',
  });
  const get = (path: string) => fetch(`http://127.0.0.1:${server.port}${path}`);

  expect((await get('/healthz')).status).toBe(503);
  state = { ...idle, lastSyncedAt: clock.now(), lastError: 'Cannot run nft' };
  const healthy = await get('/healthz');
  expect(healthy.status).toBe(200);
  expect(await healthy.json()).toEqual({
    lastUpdated: '2026-01-01T00:00:00.000Z',
    currentTime: '2026-01-01T00:00:00.000Z',
    nodeEligible: true,
    lastError: 'Cannot run nft',
  });
  expect((await get('/readyz')).status).toBe(503);
  expect(await (await get('/metrics')).text()).toBe('up 1\n');
  expect((await get('/other')).status).toBe(404);
});
