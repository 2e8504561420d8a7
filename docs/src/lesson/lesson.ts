// lesson(): a test that a learner reads when it fails.
//
// It is a vitest test that carries its idea, the invariant it belongs to, a command that shows the same by hand, and the
// symbols to look at. Rules of use
//   - One idea a test, and in the order of the lesson: after the first failure of a file the others are skipped as "not
//     reached", for they would only repeat it.
//   - event() says what the test is about to do. A test that hangs ends with the last of them.
//   - figure() is a number for the green line: how many revisions, watchers, rounds.
// The runner (../check) reads all this from task.meta.lesson; without it, under plain vitest, it is a test like others.
import { appendFileSync } from 'node:fs';
import { type TestContext, test } from 'vitest';
import type { LessonMeta } from '../course/model.ts';

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
}

export interface LessonContext {
  event(text: string): void;
  figure(name: string, value: number): void;
  /** Aborts when the test ends, also by time. */
  readonly signal: AbortSignal;
}

const TIMEOUT_MS = 5_000;
const EVENTS_MAX = 50;

let failed = false;

/** Declares one test of a step. */
export function lesson(
  idea: string,
  { timeoutMs = TIMEOUT_MS, ...meta }: LessonOptions,
  body: (context: LessonContext) => void | Promise<void>,
): void {
  test(idea, { timeout: timeoutMs }, async (context) => {
    const record: LessonRecord = { idea, ...meta, events: [], figures: {} };
    context.task.meta.lesson = record;
    if (failed) context.skip('not reached');
    failed = true; // Until the body has passed: a test that times out never comes back to say so.
    await body(contextOf(record, context));
    failed = false;
  });
}

function contextOf(record: LessonRecord, { signal }: TestContext): LessonContext {
  return {
    signal,
    event(text) {
      if (record.events.length === EVENTS_MAX) record.events.shift();
      record.events.push(text);
      // A test that never yields cannot report: its last word is in a file.
      const trace = process.env.KUBE_LABS_TRACE;
      if (trace !== undefined) appendFileSync(trace, `${JSON.stringify([record.idea, text])}\n`);
    },
    figure(name, value) {
      record.figures[name] = value;
    },
  };
}
