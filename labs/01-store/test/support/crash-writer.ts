// A process that writes as fast as it can, says what was acknowledged, and waits to be killed.
//
// Every line is one acknowledged operation: `worker operation number revision`, where number grows with each
// operation of that worker. A line follows the answer, so at most one operation a worker is durable without its line.
//   pair     puts its number into two keys, in one transaction
//   toggle   puts a key, then deletes it
//   lease    grants a lease and puts a key with it, and revokes the oldest one
//   compact  compacts to a little behind what was just acknowledged; the log is so short that snapshots come often
import { openStore } from '#src/open-store.ts';
import { sayNow } from './say-now.ts';

const SNAPSHOT_BYTES_MIN = 20_000;
const PAIRS = 3;
const COMPACT_EVERY = 60;
const KEEP_REVISIONS = 40;
const LEASES_KEPT = 12;
const HOUR_SECONDS = 3600;

const [dataDir = '', firstNumber = '1'] = process.argv.slice(2);
const store = await openStore({ dataDir, snapshotBytesMin: SNAPSHOT_BYTES_MIN });
const first = Number(firstNumber);
await Promise.all([...Array.from({ length: PAIRS }, (_, i) => pairs(i)), toggles(), leases()]);

function say(worker: string, operation: string, n: number, revision: number, more = ''): void {
  sayNow(`${worker} ${operation} ${n} ${revision} ${more}`);
}

async function pairs(i: number): Promise<void> {
  for (let n = first; ; n++) {
    const value = Buffer.from(`${n}`);
    const success = ['left', 'right'].map(
      (s) => ({ kind: 'put', key: `${s}/${i}`, value }) as const,
    );
    const { revision } = await store.txn({ compare: [], success, failure: [] });
    say(`pair/${i}`, 'txn', n, revision);
    if (i === 0 && n % COMPACT_EVERY === 0) await compact(n, revision - KEEP_REVISIONS);
  }
}

async function compact(n: number, revision: number): Promise<void> {
  if (revision <= (await store.status()).compactRevision) return;
  await store.compact(revision, { physical: n % 2 === 0 });
  say('compact', 'compact', n, revision);
}

async function toggles(): Promise<void> {
  for (let n = first; ; n++) {
    const put = await store.put({ key: 'toggle', value: Buffer.from(`${n}`) });
    say('toggle', 'put', n, put.revision);
    const { revision } = await store.deleteRange({ key: 'toggle' });
    say('toggle', 'delete', n, revision);
  }
}

async function leases(): Promise<void> {
  // The oldest first, as far as anybody can still tell.
  const ids = [...(await store.leases())];
  for (let n = first; ; n++) {
    const { id } = await store.grantLease(HOUR_SECONDS);
    ids.push(id);
    say('lease', 'grant', n, 0, id);
    const request = { key: `leased/${n % 10}`, value: Buffer.from(`${n}`), lease: id };
    say('lease', 'put', n, (await store.put(request)).revision, id);
    if (ids.length <= LEASES_KEPT) continue;
    const oldest = ids.shift() ?? '';
    await store.revokeLease(oldest);
    say('lease', 'revoke', n, 0, oldest);
  }
}
