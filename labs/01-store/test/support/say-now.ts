// SayNow: a line on stdout that is with the parent before anything else happens, whatever kills us next.
//
// What process.stdout cannot write at once it keeps for later, and that would die with us. A pipe whose reader is slow is full
// at times, and does not make us wait by itself: Node opens it so.
import { writeSync } from 'node:fs';

const STDOUT = 1;
const PAUSE_MS = 1;
const pause = new Int32Array(new SharedArrayBuffer(4));

export function sayNow(text: string): void {
  let rest = Buffer.from(`${text}\n`);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(STDOUT, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(pause, 0, 0, PAUSE_MS);
    }
  }
}
