// Leader election on the real server, with clocks that the test moves.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../src/client/client.ts';
import { FakeClock } from '../../src/client/clock.ts';
import { LeaderElector } from '../../src/client/leader-elector.ts';
import { resources } from '../../src/client/resources.ts';
import { startTestApiServer } from '../../src/server/test-api-server.ts';

const WAIT = { timeout: 30_000, interval: 10 };

let server: Awaited<ReturnType<typeof startTestApiServer>>;
let client: Client;

beforeAll(async () => {
  server = await startTestApiServer();
  client = server.client();
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

/** A candidate: it leads until its stop() is called. */
function candidate(name: string, identity: string) {
  const clock = new FakeClock();
  const lease = { namespace: 'kube-system', name };
  const elector = new LeaderElector(client, { lease, identity, clock, random: () => 0 });
  const stop = new AbortController();
  const work = (signal: AbortSignal) =>
    new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
  const ended = elector.run(stop.signal, work).catch((error: Error) => error.message);
  return { clock, elector, ended, lease, stop: () => stop.abort() };
}

async function holderOf(lease: { namespace: string; name: string }) {
  return (await client.get(resources.leases, lease)).spec?.holderIdentity;
}

/** Moves the clock step by step; the network is real, so between two steps its answers must come in. */
async function passTime(clock: FakeClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 1_000) {
    await expect.poll(() => clock.pendingTimers, WAIT).toBeGreaterThan(0);
    clock.advance(1_000);
  }
}

describe('LeaderElector', () => {
  test('one leads; the other takes over when the first gives the lease back', async () => {
    const first = candidate('handover', 'a');
    await expect.poll(() => first.elector.isLeader, WAIT).toBe(true);
    const second = candidate('handover', 'b');
    await passTime(second.clock, 4_000);
    expect(second.elector.isLeader).toBe(false);
    first.stop();
    expect(await first.ended).toBeUndefined();
    expect(await holderOf(first.lease)).toBe('');
    await passTime(second.clock, 4_000);
    await expect.poll(() => second.elector.isLeader, WAIT).toBe(true);
    expect((await client.get(resources.leases, first.lease)).spec?.leaseTransitions).toBe(1);
    second.stop();
    await second.ended;
  });

  test('a leader that is silent for 15 s is replaced, and finds out by itself', async () => {
    const first = candidate('silence', 'a');
    await expect.poll(() => first.elector.isLeader, WAIT).toBe(true);
    const second = candidate('silence', 'b');
    await passTime(second.clock, 10_000);
    expect(second.elector.isLeader).toBe(false);
    await passTime(second.clock, 8_000);
    await expect.poll(() => second.elector.isLeader, WAIT).toBe(true);
    expect(await holderOf(first.lease)).toBe('b');
    await passTime(first.clock, 12_000);
    expect(await first.ended).toBe('leader election lost');
    second.stop();
    await second.ended;
  });

  test('of two that start at once one leads', async () => {
    const both = [candidate('race', 'a'), candidate('race', 'b')];
    await expect.poll(() => both.filter(({ elector }) => elector.isLeader).length, WAIT).toBe(1);
    for (const { stop } of both) stop();
    await Promise.all(both.map(({ ended }) => ended));
  });
});
