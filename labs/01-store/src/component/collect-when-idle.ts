// collectWhenIdle: what a process needed for a while and needs no more goes back to the system when nobody waits for it.
//
// V8 collects when something is allocated. A process that has become idle allocates nothing, so what its start or a rush of requests
// left behind stays, for days: loading some hundred modules alone widens V8's young generation to 40 MiB, a quarter of an idle API server.
// It is not done often: the young generation starts small again, and requests in the seconds after cost a third more. So the start's
// garbage goes as soon as the start is over, and after that a minute must have passed in which nothing happened.
// Node shows the collector only to those who asked for it on the command line; but the flag also works later, for contexts made after it.
// Upstream has no such code: Go's runtime collects every two minutes whatever happens, and returns pages in the background.

import { performance } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const LOOK_MS = 2000;
const IDLE_LOOKS_MIN = 30;
/** An event loop that does something for less of the time is idle. */
const IDLE_UTILIZATION_MAX = 0.1;
/** A collection stops everything for some 0.05 s: not for little. */
const GROWTH_MIN = 1.3;

interface Options {
  readonly type: 'major';
  readonly execution: 'sync';
  /** The last resort takes compiled code as well, and gives pages back at once; a regular one takes a third of the time. */
  readonly flavor: 'regular' | 'last-resort';
}

type Collect = (options: Options) => void;

export interface Idleness {
  /** So many looks in a row found nothing to be done. */
  readonly idleLooks: number;
  readonly heapBytes: number;
  /** What the heap held after the last collection; 0 before the first one. */
  readonly keptBytes: number;
}

export function isTimeToCollect({ idleLooks, heapBytes, keptBytes }: Idleness): boolean {
  if (keptBytes === 0) return idleLooks > 0;
  return idleLooks >= IDLE_LOOKS_MIN && heapBytes >= keptBytes * GROWTH_MIN;
}

/** Looks every two seconds. Keeps no process alive. */
export function collectWhenIdle(): void {
  const collect = collector();
  let last = performance.eventLoopUtilization();
  let idleLooks = 0;
  let keptBytes = 0;
  const look = (): void => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    idleLooks = utilization > IDLE_UTILIZATION_MAX ? 0 : idleLooks + 1;
    if (!isTimeToCollect({ idleLooks, heapBytes: heapBytes(), keptBytes })) return;
    // No code of the start is needed again.
    const flavor = keptBytes === 0 ? 'last-resort' : 'regular';
    collect({ type: 'major', execution: 'sync', flavor });
    keptBytes = heapBytes();
    idleLooks = 0;
  };
  setInterval(look, LOOK_MS).unref();
}

function collector(): Collect {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as Collect;
  setFlagsFromString('--no-expose-gc');
  return collect;
}

function heapBytes(): number {
  return process.memoryUsage().heapTotal;
}
