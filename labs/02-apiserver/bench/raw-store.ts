// Our store without a server before it: so many loops put values into it, durable, on the disk of the servers.
//
//   raw-store.ts DIRECTORY CLIENTS MILLISECONDS VALUE-BYTES    says its result to its parent
import { openStore } from '@kube-labs/store';
import { median, percentile } from './statistics.ts';
import type { Result } from './workloads.ts';

const [dataDir = '', clients, ms, valueBytes] = process.argv.slice(2);
const store = await openStore({ dataDir });
const value = Buffer.alloc(Number(valueBytes), 'v');
const countFromMs = performance.now() + Number(ms) / 10;
const endMs = performance.now() + Number(ms);
const latencies: number[] = [];
let next = 0;

async function putUntilTheEnd(): Promise<void> {
  for (;;) {
    const sentMs = performance.now();
    if (sentMs >= endMs) return;
    next += 1;
    await store.put({ key: `/registry/pods/bench/raw-${next}`, value });
    const nowMs = performance.now();
    if (sentMs >= countFromMs && nowMs < endMs) latencies.push(nowMs - sentMs);
  }
}

await Promise.all(Array.from({ length: Number(clients) }, putUntilTheEnd));
await store[Symbol.asyncDispose]();
process.send?.({
  requests: latencies.length,
  perSecond: (latencies.length * 1000) / (endMs - countFromMs),
  medianMs: median(latencies),
  p99Ms: percentile(latencies, 99),
} satisfies Result);
