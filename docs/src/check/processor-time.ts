// Processor time: what a process has had of the processors, and how long it stood ready and got none. Linux tells both.
//
// A loop burns time, a wait does not, and on a busy machine a process waits for a processor instead of using one: so an
// endless loop is told from a machine that is too slow. Of the process's first thread, which runs the JavaScript.
import { readFileSync } from 'node:fs';

export interface ProcessorTime {
  /** Of all its threads. */
  readonly cpuMs: number;
  readonly waitMs: number;
}

/** The kernel counts in ticks, and has told user programs 100 a second ever since. */
const TICK_MS = 10;
/** In /proc/<pid>/stat after the name in brackets: the 14th and 15th field of all are user and system time. */
const USER_FIELD = 11;

/** Undefined where the process is gone, or the system has no /proc. */
export function processorTimeOf(pid: number): ProcessorTime | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [user = 0, system = 0] = fields.slice(USER_FIELD, USER_FIELD + 2).map(Number);
    return { cpuMs: (user + system) * TICK_MS, waitMs: waitOf(pid) };
  } catch {
    return undefined;
  }
}

/** Nanoseconds running, nanoseconds ready, turns; not every kernel keeps it. */
function waitOf(pid: number): number {
  try {
    const [, readyNs] = readFileSync(`/proc/${pid}/schedstat`, 'utf8').trim().split(' ');
    return Number(readyNs) / 1e6;
  } catch {
    return 0;
  }
}
