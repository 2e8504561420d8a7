// Trace: what a test says while it runs, one line of JSON each, in the file that KUBE_LABS_TRACE names.
//
// A worker that never yields (an endless loop) cannot report anything, and one that is killed loses what it wanted to
// report. So every word goes to the file at once, and the runner (../check/trace-file.ts) reads it from there.
//   - Without KUBE_LABS_TRACE, as under plain vitest, nothing is written.
//   - A loop that prints must not fill the disk: after LINES_MAX lines only the ends of tests are still written.
import { appendFileSync } from 'node:fs';

export type TraceEntry =
  /** The worker has started: its process id. What follows is loading, until the first test. */
  | readonly ['worker', number]
  /** A test begins: its idea, and how long it may take. */
  | readonly ['test', string, number]
  | readonly ['event', string]
  /** A line that the code under test printed. */
  | readonly ['output', string]
  /** An error that nobody caught: a rejection without a handler, a throw in a timer. */
  | readonly ['lost', LostError]
  | readonly ['end', 'passed' | 'failed' | 'skipped', string?];

export interface LostError {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  readonly code?: string;
}

const LINES_MAX = 5_000;
const TEXT_MAX = 2_000;

let lines = 0;
const lost: unknown[] = [];

/** Keeps an error that nobody caught, so that the test that runs can fail with it. */
export function noteLost(thrown: unknown): void {
  lost.push(thrown);
  trace(['lost', describe(thrown)]);
}

/** What was lost since the last call. */
export const takeLost = (): unknown[] => lost.splice(0);

export function trace(entry: TraceEntry): void {
  const file = process.env.KUBE_LABS_TRACE;
  if (file === undefined) return;
  if (lines++ >= LINES_MAX && entry[0] !== 'end' && entry[0] !== 'test') return;
  appendFileSync(file, `${JSON.stringify(entry, shorten)}\n`);
}

const shorten = (_key: string, value: unknown): unknown =>
  typeof value === 'string' && value.length > TEXT_MAX ? `${value.slice(0, TEXT_MAX)}…` : value;

function describe(thrown: unknown): LostError {
  if (!(thrown instanceof Error)) return { name: 'Error', message: String(thrown), stack: '' };
  const { name, message, stack = '' } = thrown;
  const code = (thrown as { code?: unknown }).code;
  return { name, message, stack, ...(typeof code === 'string' ? { code } : {}) };
}
