// Our store without a wire: so many loops put into it, in one process, durable, on the same disk as the servers.
//
//   in-process.ts DIRECTORY CLIENTS MILLISECONDS    says its result to its parent
import { openStore } from '#src/open-store.ts';
import { percentile } from './statistics.ts';
import type { Result } from './workloads.ts';

const KEYS = 10_000;
const VALUE = Buffer.alloc(256, 'v');

const [dataDir = '', clients, ms] = process.argv.slice(2);
const store = await openStore({ dataDir });
const startMs = performance.now();
const countFromMs = startMs + Number(ms) / 10;
const endMs = startMs + Number(ms);
const latencies: number[] = [];
let next = 0;

async function putUntilTheEnd(): Promise<void> {
  for (;;) {
    const sentMs = performance.now();
    if (sentMs >= endMs) return;
    await store.put({ key: `put/${next++ % KEYS}`.padEnd(16), value: VALUE });
    const nowMs = performance.now();
    if (sentMs >= countFromMs && nowMs < endMs) latencies.push(nowMs - sentMs);
  }
}

await Promise.all(Array.from({ length: Number(clients) }, putUntilTheEnd));
await store[Symbol.asyncDispose]();
process.send?.({
  perSecond: (latencies.length * 1000) / (endMs - countFromMs),
  medianMs: percentile(latencies, 50),
  p99Ms: percentile(latencies, 99),
} satisfies Result);
