// Disk: kills a piece of work with -9 between two of its file operations, as often as there are such places.
//
// Everything of node:fs/promises is counted while the work runs. After the given number of operations nothing happens any
// more: the work's next one never ends, so not even its `finally` runs. A file that is being written then is left half
// written. Tests look at what is left with the calls of node:fs, which are not counted.

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

type Operation = (...args: readonly unknown[]) => Promise<unknown>;
type Operations = Record<string, Operation>;

/** A file system in memory, where there is one: a busy disk would make thousands of operations slow. */
const BASE = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
/** A work that does more than this turns in a circle. */
const OPERATIONS_MAX = 500;

export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(BASE, 'kubelet-places-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Lets the work do so many operations. Resolves with whether it came to its end; what it throws is thrown. */
export async function killAfter(
  operations: number,
  work: () => Promise<unknown>,
): Promise<boolean> {
  let done = 0;
  let kill = () => {};
  const killed = new Promise<boolean>((resolve) => (kill = () => resolve(false)));
  const restore = wrap((name, original) => (...args) => {
    done += 1;
    if (done <= operations) return original(...args);
    if (done === operations + 1 && name === 'writeFile') writeHalf(args);
    kill();
    return new Promise(() => {});
  });
  try {
    return await Promise.race([work().then(() => true), killed]);
  } finally {
    restore();
  }
}

/** Calls back once for each place at which the work can be killed, and a last time when it was not. Resolves with how many those were. */
export async function killEverywhere(
  one: (
    operations: number,
    kill: (work: () => Promise<unknown>) => Promise<boolean>,
  ) => Promise<void>,
): Promise<number> {
  for (let operations = 0; operations < OPERATIONS_MAX; operations++) {
    let isWhole = false;
    await one(operations, async (work) => {
      isWhole = await killAfter(operations, work);
      return isWhole;
    });
    if (isWhole) return operations;
  }
  throw new Error(`the work is not over after ${OPERATIONS_MAX} file operations`);
}

/** Calls back before each operation of the work. */
export async function watch(look: (name: string) => void, work: () => Promise<unknown>) {
  const restore = wrap((name, original) => (...args) => {
    look(name);
    return original(...args);
  });
  try {
    await work();
  } finally {
    restore();
  }
}

function wrap(change: (name: string, original: Operation) => Operation): () => void {
  const operations = fs as unknown as Operations;
  const originals = { ...operations };
  for (const [name, original] of Object.entries(originals)) {
    if (typeof original === 'function') operations[name] = change(name, original);
  }
  syncBuiltinESMExports();
  return () => {
    Object.assign(operations, originals);
    syncBuiltinESMExports();
  };
}

function writeHalf([path, data, options]: readonly unknown[]): void {
  const bytes = Buffer.from(data as Uint8Array);
  writeFileSync(String(path), bytes.subarray(0, Math.ceil(bytes.length / 2)), options as object);
}
