// Watchdog: ends a worker that never yields.
//
// vitest ends a test by a timer in the test's own process, which an endless loop never lets fire. So the runner watches
// from outside: a test that is over its time by GRACE_MS, a file that takes longer than LOADING_MS to load, or ENDING_MS to
// end, is killed with everything it started. What it said last is in its trace.
//   - A file that loads slowly because others use the processors gets LOADING_MAX_MS; then the machine is to blame. An
//     endless loop is told from that by the processor time that it burns (processor-time.ts).
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type ProcessorTime, processorTimeOf } from './processor-time.ts';
import type { TraceFile } from './trace-file.ts';

/**
 * What became of a process that never said that it had ended: the watchdog ended it, it went away by itself, it got too
 * little processor time to load its file, or it never came so far as to say who it is.
 */
export type LostProcess = 'killed' | 'gone' | 'starved' | 'not-started';

export interface Watched {
  readonly trace: TraceFile;
  killed: boolean;
  finished: boolean;
  /** Killed while it loaded, and not for anything that it did. */
  starved: boolean;
}

const POLL_MS = 100;
const GRACE_MS = 1_500;
const LOADING_MS = 30_000;
const LOADING_MAX_MS = 120_000;
/** No file needs so much to load: whoever burns it turns in a loop. */
const LOADING_CPU_MS = 10_000;
/** Of the wall time, waiting for a processor: more, and the machine is busy. */
const STARVED_SHARE = 0.2;
const ENDING_MS = 3_000;
const GONE_ROUNDS_MAX = 80;

/** Watches until the function that it gives back is called. After an abort nobody gets any more time. */
export function watchWorkers(workers: readonly Watched[], signal: AbortSignal): () => void {
  const sinceMs = new Map<Watched, { phase: unknown; atMs: number; before: Spent }>();
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
      if (since?.phase !== phase) {
        sinceMs.set(worker, { phase, atMs: Date.now(), before: spentBy(pid) });
        continue;
      }
      const wallMs = Date.now() - since.atMs;
      if (wallMs <= (signal.aborted ? 0 : limitMs(worker))) continue;
      if (!signal.aborted && isLoading(worker)) {
        const verdict = loadingVerdict(wallMs, between(since.before, spentBy(pid)));
        if (verdict === 'wait') continue;
        worker.starved = verdict === 'starved';
      }
      if (worker.finished) settled.add(worker);
      void kill(worker, pid);
    }
  }, POLL_MS);
  return () => clearInterval(timer);
}

const isLoading = ({ trace, finished }: Watched): boolean =>
  !finished && trace.current === trace.loading;

/** What a worker has had of the processors, and how long it and we, who read its files for it, waited for one. */
interface Spent {
  readonly worker: ProcessorTime | undefined;
  readonly own: ProcessorTime | undefined;
}

const spentBy = (pid: number): Spent => ({
  worker: processorTimeOf(pid),
  own: processorTimeOf(process.pid),
});

/** Undefined where the system does not tell. */
function between(before: Spent, now: Spent): ProcessorTime | undefined {
  if (before.worker === undefined || now.worker === undefined) return undefined;
  const ownWaitMs = (now.own?.waitMs ?? 0) - (before.own?.waitMs ?? 0);
  return {
    cpuMs: now.worker.cpuMs - before.worker.cpuMs,
    waitMs: now.worker.waitMs - before.worker.waitMs + ownWaitMs,
  };
}

/**
 * Of a file that has been loading for longer than LOADING_MS. `stuck`: it turns in a loop, or waits for what never comes;
 * `starved`: it would have come to its end on a machine with time for it. Pure.
 */
export function loadingVerdict(
  wallMs: number,
  spent: ProcessorTime | undefined,
): 'stuck' | 'starved' | 'wait' {
  if (spent === undefined || spent.cpuMs >= LOADING_CPU_MS) return 'stuck';
  if (spent.waitMs < wallMs * STARVED_SHARE) return 'stuck';
  return wallMs < LOADING_MAX_MS ? 'wait' : 'starved';
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
