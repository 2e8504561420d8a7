// ipam-worker: a process that takes and gives back addresses as fast as it can, and says what it does, until it is killed.
//
// A line before each step and one after it, each with one write: `take ID`, `took ID ADDRESS`, `free ID`, `freed ID`.

import { writeSync } from 'node:fs';
import { parseCidr } from '#src/network/cidr.ts';
import { Ipam } from '#src/network/ipam.ts';

const [directory = '', cidr = '', round = '', heldMax = ''] = process.argv.slice(2);
const pause = new Int32Array(new SharedArrayBuffer(4));

/** Waits where the pipe is full, as its reader is slow: Node opens it so that a write fails then, with all or nothing written. */
function say(...words: string[]): void {
  for (;;) {
    try {
      writeSync(1, `${words.join(' ')}\n`);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(pause, 0, 0, 1);
    }
  }
}

async function take(ipam: Ipam, id: string): Promise<void> {
  say('take', id);
  say('took', id, await ipam.allocate(id));
}

async function free(ipam: Ipam, id: string): Promise<void> {
  say('free', id);
  await ipam.release(id);
  say('freed', id);
}

const ipam = await Ipam.open(directory, parseCidr(cidr));
for (let step = 0; ; step++) {
  const held = ipam.owners();
  const isFull = held.length > Number(heldMax);
  // Several at once, as pods come and go.
  const fresh = isFull ? [] : [0, 1, 2].map((one) => `r${round}s${step}n${one}`);
  const old = held.filter((_, index) => (index + step) % 5 === 0).slice(0, isFull ? 6 : 2);
  await Promise.all([...fresh.map((id) => take(ipam, id)), ...old.map((id) => free(ipam, id))]);
}
