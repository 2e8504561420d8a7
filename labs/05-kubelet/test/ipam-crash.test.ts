// kill -9 of a process that takes and gives back addresses, again and again on the same directory: none is handed out twice, none is lost.
//
// CRASH_ROUNDS=500 repeats it as often as you like; SEED repeats a run's moments.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { expect, onTestFinished, test } from 'vitest';
import { parseCidr, podAddressRange } from '#src/network/cidr.ts';
import { Ipam } from '#src/network/ipam.ts';
import { randomOf, seedOf } from './fake-faults.ts';

const ROUNDS = Number(process.env.CRASH_ROUNDS ?? 25);
/** Where a disk is slow there are more rounds, until so much has been done. */
const STEPS_MIN = ROUNDS * 10;
const ROUND_MS_MAX = 10_000;
const KILL_AFTER_MS_MAX = 30;
const CIDR = '10.9.8.0/26';
/** Of 61: the search for a free one goes round and round. */
const HELD_MAX = 45;

/** What the process has said about each sandbox. `taking` and `freeing` may have happened, or not. */
class Record {
  readonly #addresses = new Map<string, string>();
  readonly #doubtful = new Set<string>();
  readonly #free = new Set<string>();
  steps = 0;

  add(line: string): void {
    const [verb = '', id = '', address = ''] = line.split(' ');
    if (verb === 'take' || verb === 'free') this.#doubtful.add(id);
    if (verb === 'freed') this.#isFreed(id);
    if (verb === 'took') this.#isHeld(id, address);
    this.steps += 1;
  }

  /** After a kill: what is on disk decides what was doubtful, and nothing else. */
  compare(ipam: Ipam): void {
    const owners = ipam.owners();
    expect(new Set(owners).size, 'a sandbox has one address').toBe(owners.length);
    for (const id of this.#doubtful) {
      const address = ipam.addressOf(id);
      if (address === undefined) this.#isFreed(id);
      else this.#isHeld(id, address);
    }
    for (const id of this.#free) expect(ipam.addressOf(id), id).toBeUndefined();
    for (const [id, address] of this.#addresses) expect(ipam.addressOf(id), id).toBe(address);
    expect(owners.length).toBe(this.#addresses.size);
    this.#free.clear();
  }

  #isHeld(id: string, address: string): void {
    this.#doubtful.delete(id);
    const other = [...this.#addresses].find(([one, theirs]) => theirs === address && one !== id);
    // The other may be about to give it back, and not yet have said that it has.
    if (other !== undefined) expect(this.#doubtful, `${address} of ${id}`).toContain(other[0]);
    this.#addresses.set(id, address);
  }

  #isFreed(id: string): void {
    this.#doubtful.delete(id);
    this.#addresses.delete(id);
    this.#free.add(id);
  }
}

async function bundleWorker(directory: string): Promise<string> {
  const outfile = join(directory, 'ipam-worker.mjs');
  const entryPoints = [join(import.meta.dirname, 'support/ipam-worker.ts')];
  const options = { bundle: true, platform: 'node', format: 'esm', logLevel: 'error' } as const;
  await build({ ...options, entryPoints, outfile });
  return outfile;
}

async function workAndKill(args: readonly string[], afterMs: number, record: Record) {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  let timer: NodeJS.Timeout | undefined;
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      timer ??= setTimeout(() => child.kill('SIGKILL'), afterMs);
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
  `of addresses none is handed out twice, and none is lost, in ${ROUNDS} kills`,
  async () => {
    const root = await mkdtemp(join(tmpdir(), 'kubelet-crash-'));
    onTestFinished(() => rm(root, { recursive: true, force: true }));
    const [worker, directory] = [await bundleWorker(root), join(root, 'addresses')];
    const random = randomOf(seedOf('ipam-crash'));
    const record = new Record();
    const cidr = parseCidr(CIDR);
    for (let round = 0; round < ROUNDS || record.steps < STEPS_MIN; round++) {
      const args = [worker, directory, CIDR, String(round), String(HELD_MAX)];
      await workAndKill(args, random() * KILL_AFTER_MS_MAX, record);
      const ipam = await Ipam.open(directory, cidr);
      record.compare(ipam);
      const files = await readdir(directory);
      expect(files.filter((file) => file.startsWith('.new-'))).toEqual([]);
    }
    // Not one is lost: with all given back, all can be had.
    const ipam = await Ipam.open(directory, cidr);
    for (const id of ipam.owners()) await ipam.release(id);
    const { first, last } = podAddressRange(cidr);
    const all: string[] = [];
    for (let number = first; number <= last; number++) all.push(await ipam.allocate(`${number}`));
    expect(new Set(all).size).toBe(last - first + 1);
    await expect(ipam.allocate('one more')).rejects.toThrow('no IP addresses available');
  },
  10_000 + ROUNDS * ROUND_MS_MAX,
);
