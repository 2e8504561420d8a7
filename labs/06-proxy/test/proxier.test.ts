// When the proxier sends what, on a clock that stands still.

import { FakeClock, silentLogger } from '@kube-labs/apiserver';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Command } from '../src/command.ts';
import { ProxyMetrics } from '../src/metrics.ts';
import { Proxier } from '../src/proxier.ts';
import { ready, service, slice } from './objects.ts';

const web = service('default/web', { clusterIP: '10.96.0.7', ports: [{ port: 80 }] });
let slices: EndpointSlice[];
let scripts: string[];
let fails: boolean;
let clock: FakeClock;
let controller: AbortController;
let metrics: ProxyMetrics;

beforeEach(() => {
  [slices, scripts, fails, clock] = [
    [slice('default/web', [ready('10.244.1.2')])],
    [],
    false,
    new FakeClock(),
  ];
  controller = new AbortController();
  metrics = new ProxyMetrics();
});
afterEach(() => controller.abort());

const run: Command = async (file, _args, { input = '' } = {}) => {
  if (file !== 'nft') return '';
  if (fails) throw new Error('nft says no');
  scripts.push(input);
  return '';
};

function start(): Proxier {
  const options = {
    nodeName: 'node-1',
    nodeIP: '172.30.0.11',
    serviceRange: '10.96.0.0/16',
    minSyncPeriodMs: 100,
    syncPeriodMs: 30_000,
  };
  const sources = { services: () => [web], endpointSlices: () => slices };
  const proxier = new Proxier(options, { ...sources, run, clock, metrics, log: silentLogger });
  void proxier.run(controller.signal);
  return proxier;
}

const scriptsSent = (count: number) => vi.waitFor(() => expect(scripts).toHaveLength(count));
const waiting = () => vi.waitFor(() => expect(clock.pendingTimers).toBe(1));

test('Proxier sends everything first, then only what changed', async () => {
  const proxier = start();
  await scriptsSent(1);
  expect(scripts[0]).toContain('delete table ip kube-proxy');
  slices = [slice('default/web', [ready('10.244.1.3')])];
  proxier.requestSync();
  await waiting();
  clock.advance(100);
  await scriptsSent(2);
  expect(scripts[1]?.split('\n').filter(Boolean)).toEqual([
    'delete element ip kube-proxy tcp-endpoints { 10.96.0.7 . 80 . 0 }',
    'add element ip kube-proxy tcp-endpoints { 10.96.0.7 . 80 . 0 : 10.244.1.3 . 8080 }',
  ]);
});

test('Proxier makes one change of many that come together, and none when nothing differs', async () => {
  const proxier = start();
  await scriptsSent(1);
  for (const last of [3, 4, 5]) {
    slices = [slice('default/web', [ready(`10.244.1.${last}`)])];
    proxier.requestSync();
  }
  await waiting();
  clock.advance(100);
  await scriptsSent(2);
  expect(scripts[1]).not.toContain('10.244.1.4');
  await waiting();
  clock.advance(100);
  await waiting();
  proxier.requestSync();
  await vi.waitFor(() => expect(proxier.state.pendingSince).toBeUndefined());
  expect(scripts).toHaveLength(2);
});

test('Proxier sends everything again after a failure, and tells of it meanwhile', async () => {
  const proxier = start();
  await scriptsSent(1);
  await waiting();
  clock.advance(100);
  await waiting();
  fails = true;
  slices = [];
  const askedAt = clock.now();
  proxier.requestSync();
  await vi.waitFor(() => expect(proxier.state.lastError).toBe('nft says no'));
  expect(proxier.state.pendingSince).toBe(askedAt);
  expect(await metrics.registry.metrics()).toContain('nftables_sync_failures_total 1');
  fails = false;
  await waiting();
  clock.advance(250);
  await scriptsSent(2);
  expect(scripts[1]).toContain('delete table ip kube-proxy');
  await vi.waitFor(() => expect(proxier.state.pendingSince).toBeUndefined());
  expect(proxier.state.lastError).toBeUndefined();
});

test('Proxier sends everything again when the sync period is over, whatever happened to the table', async () => {
  start();
  await scriptsSent(1);
  await waiting();
  clock.advance(100);
  await waiting();
  clock.advance(30_000);
  await scriptsSent(2);
  expect(scripts[1]).toBe(scripts[0]);
});
