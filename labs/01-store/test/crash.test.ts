// kill -9 at random moments of a busy store, again and again on the same directory: nothing acknowledged is lost, nothing is half there.
//
// CRASH_ROUNDS=500 repeats it as often as you like; SEED repeats a run's moments.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { openStore } from '#src/open-store.ts';
import { bundle } from './support/bundle.ts';
import { CrashRecord } from './support/crash-record.ts';
import { randomOf, seedOf, temporaryDirectory } from './support/store-helpers.ts';

const ROUNDS = Number(process.env.CRASH_ROUNDS ?? 20);
const ROUND_MS_MAX = 10_000;
/** One round in so many is killed while it starts, recovers and cuts its log. */
const EARLY_EVERY = 5;
const EARLY_MS_MAX = 120;
const LATE_MS_MAX = 150;

interface Kill {
  /** After the start, or after the first line. */
  readonly from: 'start' | 'first line';
  readonly afterMs: number;
}

/** Runs the writer until it is killed, and reads everything that it said. */
async function writeAndKill(args: string[], { from, afterMs }: Kill, record: CrashRecord) {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  let timer: NodeJS.Timeout | undefined;
  const killSoon = () => {
    timer ??= setTimeout(() => child.kill('SIGKILL'), afterMs);
  };
  try {
    if (from === 'start') killSoon();
    for await (const line of createInterface({ input: child.stdout })) {
      killSoon();
      record.add(line);
    }
  } finally {
    child.kill('SIGKILL');
    clearTimeout(timer);
    await exited;
  }
  expect(child.signalCode).toBe('SIGKILL');
}

test(
  `a store that is killed ${ROUNDS} times keeps every acknowledged revision, and none by half`,
  async () => {
    await using directory = await temporaryDirectory();
    const writer = await bundle('crash-writer.ts', directory.path);
    const dataDir = join(directory.path, 'data');
    const random = randomOf(seedOf('crash'));
    const record = new CrashRecord();
    // Where a disk is slow there are more rounds, until so much has been acknowledged.
    for (let round = 0; round < ROUNDS || record.lines <= ROUNDS; round++) {
      const kill: Kill =
        round % EARLY_EVERY === EARLY_EVERY - 1
          ? { from: 'start', afterMs: random(EARLY_MS_MAX) }
          : { from: 'first line', afterMs: random(LATE_MS_MAX) };
      await writeAndKill([writer, dataDir, `${record.lastNumber + 1}`], kill, record);
      await using store = await openStore({ dataDir });
      store.check();
      await record.check(store);
    }
    const lines = `${record.lines} acknowledged operations in ${ROUNDS} rounds`;
    console.log(`crash: ${lines}`);
  },
  ROUNDS * ROUND_MS_MAX,
);
