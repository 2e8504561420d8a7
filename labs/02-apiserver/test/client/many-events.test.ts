// Ten thousand changes over a connection that is cut at random moments: an informer misses none, hears none twice, and hears each
// object's in order, without ever having to list again.
import type { ConfigMap } from 'kubernetes-types/core/v1';
import { expect, onTestFinished, test } from 'vitest';
import { Client } from '#src/client/client.ts';
import { Informer } from '#src/client/informer.ts';
import { resources } from '#src/client/resources.ts';
import { startTestApiServer } from '#src/server/test-api-server.ts';
import { faultyLink } from './faulty-link.ts';

const EVENTS = 10_000;
const OBJECTS = 50;
const WRITERS = 25;
const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));

test(`${EVENTS} events, the connection cut at random (SEED=${seed})`, {
  timeout: 600_000,
}, async () => {
  await using server = await startTestApiServer();
  await using link = await faultyLink(server.port);
  const writer = server.client();
  await using reader = new Client({
    ...server.adminOptions,
    server: `https://127.0.0.1:${link.port}`,
  });
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const namespace = 'default';
  const nameOf = (i: number) => `m${i % OBJECTS}`;
  for (let i = 0; i < OBJECTS; i++) {
    const metadata = { name: nameOf(i), namespace };
    await writer.create(resources.configMaps, { metadata, data: { n: '0' } });
  }

  const heard = new Map<string, number>();
  const wrong: string[] = [];
  let events = 0;
  const informer = new Informer(reader, resources.configMaps, {
    namespace,
    backoff: { baseMs: 1, maxMs: 5 },
  });
  informer.addHandler({
    onAdd: ({ metadata, data }: ConfigMap) => heard.set(metadata?.name ?? '', Number(data?.n)),
    onUpdate: (_previous, { metadata, data }: ConfigMap) => {
      events++;
      const name = metadata?.name ?? '';
      const expected = (heard.get(name) ?? 0) + 1;
      if (Number(data?.n) !== expected) wrong.push(`${name}: ${data?.n} after ${expected - 1}`);
      heard.set(name, Number(data?.n));
    },
    onDelete: ({ metadata }: ConfigMap) => wrong.push(`${metadata?.name} is gone`),
  });
  const running = informer.run(stop.signal);
  await informer.synced(AbortSignal.timeout(60_000));

  // Each writer has objects of its own, so that every object's values are counted up one by one.
  let done = 0;
  let cuts = 0;
  let random = seed;
  const write = async (first: number): Promise<void> => {
    for (let round = 1; round <= EVENTS / OBJECTS; round++) {
      for (let i = first; i < OBJECTS; i += WRITERS) {
        const ref = { namespace, name: nameOf(i) };
        await writer.patch(
          resources.configMaps,
          ref,
          { data: { n: `${round}` } },
          { type: 'merge' },
        );
        done++;
        random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0;
        if (random % 250 === 0) {
          link.cut();
          cuts++;
        }
      }
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, (_, first) => write(first)));
  expect(done).toBe(EVENTS);
  const rounds = EVENTS / OBJECTS;
  await expect
    .poll(() => [...heard.values()].every((n) => n === rounds), { timeout: 200_000 })
    .toBe(true);
  stop.abort();
  await running;
  expect(wrong).toEqual([]);
  expect(events).toBe(EVENTS);
  expect(cuts).toBeGreaterThan(5);
});
