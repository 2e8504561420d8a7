// collectWhenIdle: what a process needed for a while and needs no more goes back to the system when nobody waits for it.
//
// V8 collects when something is allocated. A process that has become idle allocates nothing, so what its start or a rush of requests
// left behind stays, for days: loading some hundred modules alone widens V8's young generation to 40 MiB, a quarter of an idle API server.
// Node shows the collector only to those who asked for it on the command line; but the flag also works later, for contexts made after it.
// Upstream has no such code: Go's runtime collects every two minutes whatever happens, and returns pages in the background.

import { performance } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const INTERVAL_MS = 2000;
/** An event loop that does something for less of an interval is idle. */
const IDLE_UTILIZATION_MAX = 0.1;
/** A collection stops everything for 0.1 s or more: not for little. */
const GROWTH_MIN = 1.3;

type Collect = (options: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void;

/** Looks every two seconds. Keeps no process alive. */
export function collectWhenIdle(): void {
  const collect = collector();
  let keptBytes = 0;
  let last = performance.eventLoopUtilization();
  const look = (): void => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    if (utilization > IDLE_UTILIZATION_MAX || heapBytes() < keptBytes * GROWTH_MIN) return;
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    keptBytes = heapBytes();
  };
  setInterval(look, INTERVAL_MS).unref();
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
