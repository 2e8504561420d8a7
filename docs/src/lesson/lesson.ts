// lesson(): a test that a learner reads when it fails.
//
// It is a vitest test that carries its idea, the invariant it belongs to, a command that shows the same by hand, and the
// symbols to look at. Rules of use
//   - One idea a test, and in the order of the lesson: after the first failure of a file the others are skipped as "not
//     reached", for they would only repeat it.
//   - event() says what the test is about to do. A test that hangs ends with the last of them.
//   - figure() is a number for the green line: how many revisions, watchers, rounds.
//   - `needs` names commands of the machine (etcdctl): where one is missing the machine is at fault, not the learner.
// The runner (../check) reads all this from task.meta.lesson; without it, under plain vitest, it is a test like others. There nobody
// waits for a result, and other tests run beside it: KUBE_LABS_PATIENCE says how many times as long it may take.
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
// Bound when this file is loaded: a test may put false timers in their place.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type TestContext, test } from 'vitest';
import type { LessonMeta } from '../course/model.ts';
import { takeLost, trace } from './trace.ts';

declare module 'vitest' {
  interface TaskMeta {
    lesson?: LessonRecord;
  }
}

/** What the runner finds in task.meta. Arrays are filled while the test runs. */
export interface LessonRecord extends LessonMeta {
  readonly events: string[];
  readonly figures: Record<string, number>;
}

export interface LessonOptions extends Omit<LessonMeta, 'idea'> {
  /** A test that hangs is ended after so long. Default 5,000. */
  readonly timeoutMs?: number;
  /** Commands that must be on the PATH, as `etcdctl`. */
  readonly needs?: readonly string[];
}

export interface LessonContext {
  event(text: string): void;
  figure(name: string, value: number): void;
  /** Aborts when the test ends, also by time. */
  readonly signal: AbortSignal;
}

const TIMEOUT_MS = 5_000;
const PATIENCE = Number(process.env.KUBE_LABS_PATIENCE ?? 1);
const EVENTS_MAX = 50;

let failed = false;

/** Declares one test of a step. */
export function lesson(
  idea: string,
  { timeoutMs: ownMs = TIMEOUT_MS, needs = [], ...meta }: LessonOptions,
  body: (context: LessonContext) => void | Promise<void>,
): void {
  const timeoutMs = ownMs * PATIENCE;
  const record: LessonRecord = { idea, ...meta, events: [], figures: {} };
  // In the options, so that the runner knows of a test that it never came to.
  test(idea, { timeout: timeoutMs, meta: { lesson: record } }, async (context) => {
    context.task.meta.lesson = record;
    if (failed) context.skip('not reached');
    failed = true; // Until the body has passed: a test that times out never comes back to say so.
    takeLost();
    trace(['test', idea, timeoutMs]);
    try {
      for (const command of needs) requireCommand(command);
      await body(contextOf(record, context));
      await nextTurn(); // Only then does the process tell of a rejection that nobody handled.
      for (const lost of takeLost()) throw lost;
    } catch (error) {
      trace(['end', 'failed', String(error)]);
      throw error;
    }
    trace(['end', 'passed']);
    failed = false;
  });
}

function contextOf(record: LessonRecord, { signal }: TestContext): LessonContext {
  return {
    signal,
    event(text) {
      if (record.events.length === EVENTS_MAX) record.events.shift();
      record.events.push(text);
      trace(['event', text]);
    },
    figure(name, value) {
      record.figures[name] = value;
    },
  };
}

function requireCommand(command: string): void {
  const folders = (process.env.PATH ?? '').split(delimiter);
  if (folders.some((folder) => isProgram(join(folder, command)))) return;
  throw Object.assign(
    new Error(
      `Cannot run this test as the command ${command} is not on this machine: see lab doctor`,
    ),
    { code: 'MACHINE' },
  );
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
