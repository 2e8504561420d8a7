// A process that writes as fast as it can, says what was acknowledged, and waits to be killed.
//
// Worker w puts its number n into two keys in one transaction; a line `w n revision` follows the answer.
import { openStore } from '../../src/open-store.ts';

const [dataDir = '', workers = '4'] = process.argv.slice(2);
const store = await openStore({ dataDir, snapshotBytesMin: 30_000 });
await Promise.all(Array.from({ length: Number(workers) }, (_, worker) => write(worker)));

async function write(worker: number): Promise<void> {
  const left = `left/${worker}`;
  const last = (await store.range({ key: left })).kvs[0];
  for (let n = Number(Buffer.from(last?.value ?? []).toString() || '0') + 1; ; n++) {
    const value = Buffer.from(`${n}`);
    const success = [left, `right/${worker}`].map((key) => ({ kind: 'put', key, value }) as const);
    const { revision } = await store.txn({ compare: [], success, failure: [] });
    process.stdout.write(`${worker} ${n} ${revision}\n`);
    if (worker === 0 && n % 50 === 0) await store.compact(revision - 1);
  }
}
