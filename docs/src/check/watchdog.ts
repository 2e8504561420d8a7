// Watchdog: ends a worker that never yields.
//
// vitest ends a test by a timer in the test's own process, which an endless loop never lets fire. So the runner watches
// from outside: a test that is over its time by GRACE_MS, a file that takes longer than LOADING_MS to load, or ENDING_MS to
// end, is killed with everything it started. What it said last is in its trace.
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { TraceFile } from './trace-file.ts';

export interface Watched {
  readonly trace: TraceFile;
  killed: boolean;
  finished: boolean;
}

const POLL_MS = 100;
const GRACE_MS = 1_500;
const LOADING_MS = 30_000;
const ENDING_MS = 3_000;
const GONE_ROUNDS_MAX = 80;

/** Watches until the function that it gives back is called. After an abort nobody gets any more time. */
export function watchWorkers(workers: readonly Watched[], signal: AbortSignal): () => void {
  const sinceMs = new Map<Watched, { phase: unknown; atMs: number }>();
  /** Finished, and looked after once: looking again would cost a scan of all processes, ten times a second. */
  const settled = new Set<Watched>();
  const timer = setInterval(() => {
    for (const worker of workers) {
      if (worker.killed || settled.has(worker)) continue;
      worker.trace.read();
      const { current, pid } = worker.trace;
      if (pid === undefined) continue;
      const phase = worker.finished ? 'ending' : current.end === undefined ? current : 'between';
      const since = sinceMs.get(worker);
      if (since?.phase !== phase) sinceMs.set(worker, { phase, atMs: Date.now() });
      else if (Date.now() - since.atMs > (signal.aborted ? 0 : limitMs(worker))) {
        if (worker.finished) settled.add(worker);
        void kill(worker, pid);
      }
    }
  }, POLL_MS);
  return () => clearInterval(timer);
}

function limitMs({ trace: { current }, finished }: Watched): number {
  if (finished) return ENDING_MS;
  const inTest = current.timeoutMs > 0 && current.end === undefined;
  return inTest ? current.timeoutMs + GRACE_MS : LOADING_MS;
}

/** Ends a worker and all that it started. */
export async function kill(worker: Watched, pid: number): Promise<void> {
  // A number may have passed on to somebody else's process: only what this process started is ended.
  if (!(await descendantsOf(process.pid)).includes(pid)) return;
  worker.killed = true;
  // Children first: once their parent is gone nobody can tell whose they were.
  for (const each of [...(await descendantsOf(pid)), pid]) {
    try {
      process.kill(each, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
  // Its parent stays until it is gone, or nobody would be left to take leave of it.
  for (let round = 0; round < GONE_ROUNDS_MAX && isThere(pid); round++) await delay(POLL_MS / 4);
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** All processes below this one, the youngest first. */
async function descendantsOf(pid: number): Promise<number[]> {
  const pairs = await parentsOfAll();
  const found = [pid];
  for (const parent of found) {
    for (const [child, of] of pairs) if (of === parent) found.push(child);
  }
  return found.slice(1).reverse();
}

/** Every process of the machine and its parent; Linux tells in /proc, where a slim image has no ps. */
async function parentsOfAll(): Promise<[number, number][]> {
  if (existsSync('/proc/self/stat')) {
    const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    return pids.flatMap((pid): [number, number][] => {
      try {
        // `42 (node) S 7 …`: the name may hold anything, also brackets and blanks.
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        return [[Number(pid), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])]];
      } catch {
        return []; // It has ended meanwhile.
      }
    });
  }
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=']);
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  return rows.map(([pid, parent]) => [Number(pid), Number(parent)]);
}
