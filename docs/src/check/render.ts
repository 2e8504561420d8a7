// Render: a check's result as a learner reads it, and as it is stored beside a wrong overlay (expected.txt).
//
// Rules of use
//   - With `times` and `color` off the text is the same on every machine: no durations, no figures, no absolute paths.
//   - A stack is never shown. A place is `work/01-store/src/mvcc.ts:12`, which a terminal makes clickable; `pathOf` may
//     name it from where the learner stands.
//   - Passed, failed, not written and not reached look different also without color: ✓ ✗ ○ ·
import type { CheckResult, Lab, Step, TestResult, TestState } from '../course/model.ts';
import { readLesson } from '../lesson/lesson-file.ts';
import { renderFailure } from './render-failure.ts';
import { count, type Paint, paintIf, widthOf, wrap } from './text.ts';

export interface RenderOptions {
  readonly lab: Lab;
  /** Where the tested code lies: for the lines of symbols. */
  readonly srcFolder: string;
  readonly color: boolean;
  /** Durations and figures, which differ from run to run. */
  readonly times: boolean;
  readonly width: number;
  /** How a path of the lab (`src/mvcc.ts`) is shown. Default: `work/<lab>/src/mvcc.ts`. */
  readonly pathOf?: (file: string) => string;
  /** What is already running need not be advised. */
  readonly watching?: boolean;
  /** The learner is at another step than this: there is no going on from here. */
  readonly elsewhere?: boolean;
}

export const MARKS = {
  passed: '✓',
  failed: '✗',
  'not-written': '○',
  'not-reached': '·',
} as const satisfies Record<TestState, string>;

const WIDTH_MIN = 40;
/** Columns kept free for marks and the note at the right. */
const NOTE_ROOM = 24;
const IDEA_MIN = 24;

export function renderCheck(result: CheckResult, given: RenderOptions): string {
  const options = { ...given, width: Math.max(WIDTH_MIN, given.width) };
  const paint = paintIf(options.color);
  const { steps } = options.lab;
  const shown = steps.filter(({ id }) => result.tests.some(({ step }) => step === id));
  const current = shown.filter(({ id }) => id === result.step);
  const others = shown.filter(({ id }) => id !== result.step);
  const broken = result.tests.find(({ failure }) => failure !== undefined);
  const blocks = [
    header(result, options, paint),
    ...current.map((step) => stepLines(step, { result, options, paint }, '')),
    othersLines(others, { result, options, paint }),
    notReachedSteps(shown, { result, options, paint }),
    ...(broken === undefined ? [] : [failureLines(broken, { result, options, paint })]),
    summary(result, options, paint),
  ];
  return `${blocks
    .filter((block) => block.length > 0)
    .map((block) => block.join('\n'))
    .join('\n\n')}\n`;
}

interface View {
  readonly result: CheckResult;
  readonly options: RenderOptions;
  readonly paint: Paint;
}

function header({ step }: CheckResult, { lab }: RenderOptions, paint: Paint): string[] {
  const current = lab.steps.find(({ id }) => id === step);
  const title =
    current === undefined
      ? step
      : `step ${current.number} of ${lab.steps.length} · ${current.title}`;
  return [paint.bold(`${lab.id} · ${title}`)];
}

function stepLines(step: Step, { result, options, paint }: View, indent: string): string[] {
  const inside = { ...options, width: options.width - indent.length };
  return result.tests
    .filter((test) => test.step === step.id)
    .flatMap((test) => testLines(test, inside, paint))
    .map((line) => `${indent}${line}`);
}

/** A line for each step that is green; one that is not shows its tests. */
function othersLines(steps: readonly Step[], view: View): string[] {
  return steps.flatMap((step) => {
    const tests = view.result.tests.filter((test) => test.step === step.id);
    const title = `step ${step.number} · ${step.title}`;
    if (tests.every(({ state }) => state === 'passed')) {
      const ms = tests.reduce((sum, test) => sum + test.durationMs, 0);
      const right = view.options.times
        ? `${count(tests.length, 'test')}, ${ms} ms`
        : count(tests.length, 'test');
      return [columns(`  ${MARKS.passed} ${title}`, right, view)];
    }
    return [`  ${title}`, ...stepLines(step, view, '  ')];
  });
}

/** The earlier steps wait for the current one. */
function notReachedSteps(shown: readonly Step[], { result, options, paint }: View): string[] {
  const number = options.lab.steps.find(({ id }) => id === result.step)?.number ?? 0;
  const earlier = options.lab.steps.filter((step) => step.number < number && !shown.includes(step));
  return earlier.map((step) => {
    const line = columns(
      `  ${MARKS['not-reached']} step ${step.number} · ${step.title}`,
      'not reached',
      { options, paint },
    );
    return paint.dim(line);
  });
}

function testLines(test: TestResult, options: RenderOptions, paint: Paint): string[] {
  const { state, idea } = test;
  const note = {
    passed: options.times ? figuresOf(test) : '',
    failed: 'failed',
    'not-written': 'not written yet',
    'not-reached': 'not reached',
  }[state];
  const shade = state === 'not-reached' ? paint.dim : (text: string) => text;
  // A long note leaves less room for the sentence; one that leaves too little stands below it.
  const beside = options.width - '  ✓ '.length - 2 - widthOf(note);
  const fits = beside >= IDEA_MIN;
  const room = Math.min(options.width - NOTE_ROOM, fits ? beside : options.width);
  const [first = '', ...more] = wrap(idea, room);
  const head = columns(`  ${MARKS[state]} ${first}`, fits ? note : '', { options, paint });
  return [
    shade(head.replace(MARKS[state], markOf(state, paint))),
    ...more.map((line) => shade(`    ${line}`)),
    ...(fits ? [] : wrap(note, options.width - 6).map((line) => `      ${paint.dim(line)}`)),
  ];
}

function figuresOf({ durationMs, figures }: TestResult): string {
  return [
    ...Object.entries(figures).map(([name, value]) => `${value} ${name}`),
    `${durationMs} ms`,
  ].join(', ');
}

function markOf(state: TestState, paint: Paint): string {
  const colors = {
    passed: paint.green,
    failed: paint.red,
    'not-written': paint.yellow,
    'not-reached': paint.dim,
  };
  return colors[state](MARKS[state]);
}

/** Left and right on one line, the right end at the width. */
function columns(left: string, right: string, { options, paint }: Omit<View, 'result'>): string {
  if (right === '') return left;
  const room = options.width - widthOf(left) - widthOf(right);
  return `${left}${' '.repeat(Math.max(2, room))}${paint.dim(right)}`;
}

function failureLines(test: TestResult, { result, options, paint }: View): string[] {
  const { lab } = options;
  const step = lab.steps.find(({ id }) => id === test.step);
  if (step === undefined) return [];
  const earlier =
    test.step !== result.step ? [`Step ${step.number} does not pass with this code:`, ''] : [];
  const invariant = readLesson(lab, step).invariants[test.invariant - 1];
  return [...earlier, ...renderFailure(test, { step, invariant, options, paint })];
}

function summary(result: CheckResult, options: RenderOptions, paint: Paint): string[] {
  const number = (state: TestState) => result.tests.filter((test) => test.state === state).length;
  const parts = (Object.keys(MARKS) as TestState[])
    .filter((state) => state === 'passed' || number(state) > 0)
    .map((state) => `${number(state)} ${state.replaceAll('-', ' ')}`);
  const problem = result.problem === undefined ? [] : problemLines(result, options, paint);
  if (result.exitCode !== 0) return [...problem, parts.join(', ')];
  return [paint.green(parts.join(', ')), ...nextAfterPass(result, options)];
}

function problemLines(
  { exitCode, problem = '' }: CheckResult,
  { width }: RenderOptions,
  paint: Paint,
): string[] {
  const whose =
    exitCode === 2
      ? 'This is a fault of the machine, not of your code:'
      : 'This is a fault of the course, not of your code. Please report it:';
  return [paint.red(whose), ...wrap(problem, width - 2).map((line) => `  ${line}`), ''];
}

function nextAfterPass({ step: id }: CheckResult, { lab, elsewhere }: RenderOptions): string[] {
  const number = lab.steps.find((step) => step.id === id)?.number ?? 1;
  // With its number, as it still means this step when the learner has gone on.
  const mine = `npx lab diff mine ${number}`;
  if (elsewhere === true) return ['', `next: ${mine}`];
  const isLast = number === lab.steps.length;
  return ['', isLast ? `next: ${mine} · npx lab status` : `next: npx lab next · ${mine}`];
}
