// What happens on a disk that gets full, the same steps on any kind of disk: an account of it, for a test to judge.
import type { Disk } from '#src/disk.ts';
import { StoreError } from '#src/kv.ts';
import { openStore } from '#src/open-store.ts';

const VALUE_BYTES = 10_000;
const PUTS_MAX = 10_000;
const everything = { key: '\0', rangeEnd: '\0' };

export interface Place {
  readonly dataDir: string;
  readonly disk?: Disk;
  makeRoom(): Promise<void>;
}

export interface Account {
  /** How many puts were acknowledged before the first was refused, and what that one was told. */
  readonly acknowledged: number;
  readonly refusal: string;
  /** What the next put, a delete and a grant were told. */
  readonly others: readonly string[];
  readonly alarms: readonly string[];
  /** Keys that were read while the disk was full, and what a watch from the beginning saw. */
  readonly readable: number;
  readonly watched: number;
  /** With room, before and after the alarm was disarmed. */
  readonly beforeDisarm: string;
  readonly afterDisarm: string;
  /** After a restart: the alarms, the keys, and the revision of the last put. */
  readonly reopened: { readonly alarms: readonly string[]; readonly keys: readonly string[] };
}

export async function fillTheDisk({ dataDir, disk, makeRoom }: Place): Promise<Account> {
  const options = { dataDir, ...(disk && { disk }) };
  const store = await openStore(options);
  const value = Buffer.alloc(VALUE_BYTES, 'v');
  const put = (key: string) => outcomeOf(store.put({ key, value }));
  let acknowledged = 0;
  let refusal = 'ok';
  while (acknowledged < PUTS_MAX) {
    refusal = await put(keyOf(acknowledged));
    if (refusal !== 'ok') break;
    acknowledged++;
  }
  const others = [await put('other'), await outcomeOf(store.grantLease(100))];
  const alarms = await store.maintenance.alarms();
  const readable = (await store.range(everything)).count;
  let watched = 0;
  const request = { ...everything, startRevision: 2 };
  for await (const { events } of store.watch(request, AbortSignal.timeout(20_000))) {
    watched += events.length;
    if (watched === acknowledged) break;
  }
  await makeRoom();
  const beforeDisarm = await put('before');
  await store.maintenance.disarm('NOSPACE');
  const afterDisarm = await put('after');
  store.check();
  await store[Symbol.asyncDispose]();
  const again = await openStore(options);
  again.check();
  const { kvs } = await again.range(everything);
  const reopened = {
    alarms: await again.maintenance.alarms(),
    keys: kvs.filter((kv) => value.equals(kv.value)).map(({ key }) => key),
  };
  await again[Symbol.asyncDispose]();
  return {
    acknowledged,
    refusal,
    others,
    alarms,
    readable,
    watched,
    beforeDisarm,
    afterDisarm,
    reopened,
  };
}

export function keyOf(n: number): string {
  return `key-${`${n}`.padStart(5, '0')}`;
}

async function outcomeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'ok';
  } catch (error) {
    if (StoreError.is(error)) return `${error.code}: ${error.message}`;
    throw error;
  }
}
