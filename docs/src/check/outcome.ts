// Outcome: from what vitest saw and what the trace holds to passed, failed, not written and not reached. Pure.
//
//   passed       the body came to its end, and nothing was thrown behind its back
//   not written  it failed, and a stub was reached; or it compared wrong while its own symbols are still stubs
//   failed       anything else that is wrong. A test that ran out of time is always failed unless a stub was reached: the
//                stubs that it may have passed in silence are named beside it
//   not reached  an earlier test of the file failed, or the file could not be loaded
// Where the worker was lost, vitest knows nothing and the trace decides.
import type { SymbolRef, TestFailure, TestResult, TestState } from '../course/model.ts';
import type { LessonRecord } from '../lesson/lesson.ts';
import {
  type Ended,
  failureOf,
  isTimeout,
  namesNotWritten,
  refsOf,
  type SeenError,
} from './failure.ts';
import { type LoadFailure, loadFailureOf } from './load-failure.ts';
import { machineProblemOf } from './machine-problem.ts';
import type { TracedTest } from './trace-file.ts';
import type { LostProcess } from './watchdog.ts';

export interface SeenTest {
  readonly name: string;
  readonly lesson: LessonRecord | undefined;
  readonly state: 'passed' | 'failed' | 'skipped' | 'pending';
  readonly durationMs: number;
  readonly errors: readonly SeenError[];
}

/** One test file after its run. */
export interface SeenFile {
  /** `1-revisions` */
  readonly step: string;
  readonly srcFolder: string;
  readonly loadErrors: readonly SeenError[];
  readonly tests: readonly SeenTest[];
  readonly loading: TracedTest;
  readonly traced: readonly TracedTest[];
  readonly lostProcess: LostProcess | undefined;
  /** All symbols of the lab, to know a stub by the name it throws. */
  readonly owned: readonly SymbolRef[];
  /** The symbols of this step that are still stubs. */
  readonly stubs: readonly SymbolRef[];
  /** Those of them that do nothing and throw nothing (`stub:` in lab.yaml). */
  readonly silentStubs: readonly SymbolRef[];
}

export interface Outcome {
  readonly tests: readonly TestResult[];
  /** The machine (2) or the course (3) is at fault. */
  readonly fault?: 2 | 3;
  readonly problem?: string;
}

/** A file that cannot be loaded has one test that failed: this one. */
export const LOADING_IDEA = 'the code can be loaded';

export function outcomeOf(seen: SeenFile): Outcome {
  const loadError = seen.loadErrors[0];
  if (loadError !== undefined) return notLoaded(seen, loadFailureOf(loadError, seen.srcFolder));
  if (seen.tests.length === 0) return lostWhileLoading(seen);
  const nameless = seen.tests.find((test) => test.lesson === undefined);
  if (nameless !== undefined) {
    return {
      tests: [],
      fault: 3,
      problem: `the test "${nameless.name}" of step ${seen.step} is not written with lesson()`,
    };
  }
  let lost = seen.lostProcess;
  const tests = seen.tests.map((test, index) => {
    const result = resultOf(seen, test, { number: index + 1, lost });
    if (result.state !== 'passed') lost = undefined; // The process is lost once: in the test that was running.
    return result;
  });
  const machine = seen.tests
    .map((test) => machineProblemOf(test.errors))
    .find((problem) => problem !== undefined);
  return machine === undefined ? { tests } : { tests, fault: 2, problem: machine };
}

function resultOf(
  seen: SeenFile,
  test: SeenTest,
  { number, lost }: { number: number; lost: SeenFile['lostProcess'] },
): TestResult {
  const lesson = test.lesson as LessonRecord;
  const traced = seen.traced.find(({ idea }) => idea === lesson.idea);
  const state = rawState(test, traced, lost);
  const { idea, invariant, byHand, symbols, figures } = lesson;
  const common = {
    id: `${seen.step}/${number}`,
    step: seen.step,
    idea,
    invariant,
    byHand,
    symbols,
    figures,
  };
  const durationMs = Math.round(test.durationMs);
  if (state !== 'failed') return { ...common, state, durationMs };
  const ended: Ended = {
    errors: test.errors,
    traced,
    lostProcess: traced?.end === undefined ? lost : undefined,
  };
  const failure = failureOf(ended, seen.srcFolder);
  const reached = refsOf(namesNotWritten(ended), seen.owned);
  const notWritten = reached.length > 0 ? reached : notReachedStubs(seen, ended, symbols);
  const isHang = failure.timedOut && reached.length === 0;
  return {
    ...common,
    state: notWritten.length > 0 && !isHang ? 'not-written' : 'failed',
    durationMs,
    failure: { ...failure, notWritten },
  };
}

function rawState(
  test: SeenTest,
  traced: TracedTest | undefined,
  lost: SeenFile['lostProcess'],
): TestState {
  if ((traced?.lost.length ?? 0) > 0) return 'failed';
  if (test.state === 'passed' || test.state === 'failed') return test.state;
  if (test.state === 'skipped' || lost === undefined || traced === undefined) return 'not-reached';
  // The worker was lost before vitest heard of this test's end.
  return traced.end === 'passed' ? 'passed' : 'failed';
}

/** Stubs that may be why, though none of them spoke. */
function notReachedStubs(
  { stubs, silentStubs }: SeenFile,
  ended: Ended,
  symbols: readonly SymbolRef[],
): readonly SymbolRef[] {
  // Nothing that is missing turns for ever: whoever blocks the event loop has been written.
  if (ended.lostProcess === 'killed') return [];
  const own = symbols.filter((symbol) => stubs.includes(symbol));
  return isTimeout(ended) ? [...new Set([...own, ...silentStubs])] : own;
}

function lostWhileLoading(seen: SeenFile): Outcome {
  switch (seen.lostProcess) {
    case undefined:
      return { tests: [], fault: 3, problem: `the tests of step ${seen.step} declare no test` };
    case 'starved':
    case 'not-started':
      return { tests: [], fault: 2, problem: tooBusy(seen.lostProcess) };
    case 'killed':
      return notLoaded(seen, {
        message:
          'loading the code never came to an end: an endless loop outside of any function, or an await there that nothing ends',
        inLearnersCode: true,
      });
    case 'gone':
      return notLoaded(seen, {
        message: 'the process ended while the code was loaded',
        inLearnersCode: true,
      });
    default:
      return seen.lostProcess satisfies never;
  }
}

function tooBusy(lost: 'starved' | 'not-started'): string {
  const what =
    lost === 'starved'
      ? 'the tests could not be loaded in time, as they got hardly any processor time'
      : 'the process for the tests did not start in time';
  return `${what}: this machine may be too busy; close what you do not need, and check again`;
}

function notLoaded(seen: SeenFile, { message, at, inLearnersCode }: LoadFailure): Outcome {
  const failure: TestFailure = {
    message,
    events: [],
    timedOut: seen.lostProcess === 'killed',
    notWritten: [],
    ...(at === undefined ? {} : { at }),
    output: seen.loading.output,
  };
  const test: TestResult = {
    id: `${seen.step}/0`,
    step: seen.step,
    idea: LOADING_IDEA,
    invariant: 0,
    byHand: '',
    symbols: [],
    state: 'failed',
    durationMs: 0,
    failure,
    figures: {},
  };
  if (inLearnersCode) return { tests: [test] };
  return {
    tests: [test],
    fault: 3,
    problem: `the tests of step ${seen.step} cannot be loaded: ${message}`,
  };
}
