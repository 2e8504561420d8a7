// Render failure: one test that did not pass, with all that helps: how to see it by hand, what was expected and what came,
// which invariant that is, where to look, what the code printed, where it hung, and what to do next.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Step, SymbolRef, TestFailure, TestResult } from '../course/model.ts';
import { type SymbolState, symbolsWritten } from '../course/symbols-written.ts';
import { plain } from '../lesson/lesson-file.ts';
import { firstDifference } from './first-difference.ts';
import type { RenderOptions } from './render.ts';
import { type Paint, widthOf, wrap, wrapItems } from './text.ts';

export interface FailureView {
  readonly step: Step;
  /** Its text from lesson.md. */
  readonly invariant: string | undefined;
  readonly options: RenderOptions;
  readonly paint: Paint;
}

/** Labels stand in a column of this width. */
const LABEL = 14;
const OUTPUT_LINES_MAX = 12;
const EVENTS_SHOWN = 5;

export function renderFailure(test: TestResult, view: FailureView): string[] {
  const { failure } = test;
  if (failure === undefined) return [];
  const lines = [
    ...title(test, view),
    '',
    ...reason(test, failure, view),
    ...comparison(failure, view),
    ...events(test, failure, view),
    ...invariantLines(test, view),
    ...places(test, failure, view),
    ...labelled('by hand', test.byHand === '' ? [] : [test.byHand]),
    ...output(failure, view),
    '',
    ...labelled('next', nextVerbs(test, failure, view)),
  ];
  return lines;
}

function title({ idea, state }: TestResult, { options, paint }: FailureView): string[] {
  const color = state === 'not-written' ? paint.yellow : paint.red;
  const mark = state === 'not-written' ? '○' : '✗';
  return wrap(idea, options.width - 2).map((line, index) =>
    index === 0 ? `${color(mark)} ${paint.bold(line)}` : `  ${paint.bold(line)}`,
  );
}

function reason(
  { state }: TestResult,
  { message, timedOut }: TestFailure,
  { options }: FailureView,
): string[] {
  // What a stub threw says nothing that the place below does not say better.
  if (message === '' || (state === 'not-written' && !timedOut)) return [];
  const paragraphs = message.split('\n').slice(0, 6);
  return labelled(
    'because',
    paragraphs.flatMap((line) => wrap(line, options.width - LABEL - 2)),
  );
}

function comparison({ expected, actual }: TestFailure, { options, paint }: FailureView): string[] {
  if (expected === undefined || actual === undefined) return [];
  const width = options.width - LABEL - 2;
  if (expected === actual) {
    return [
      ...labelled('expected', expected.split('\n').slice(0, 8)),
      ...labelled('got', ['another one that only looks the same']),
    ];
  }
  const { kind, lines } = firstDifference(expected, actual, width);
  if (kind === 'lines')
    return labelled('- expected', ['+ got', ...lines.map((line) => colored(line, paint))]);
  const [wanted = '', got = '', caret = ''] = lines;
  return [
    ...labelled('expected', [paint.green(wanted)]),
    ...labelled('got', [paint.red(got)]),
    ...labelled('', [paint.bold(caret)]),
  ];
}

function colored(line: string, paint: Paint): string {
  if (line.startsWith('-')) return paint.green(line);
  return line.startsWith('+') ? paint.red(line) : line;
}

/** Where it hung; in a test that compared wrong, what it did last. */
function events(
  { state }: TestResult,
  { events: all, timedOut }: TestFailure,
  { options }: FailureView,
): string[] {
  const last = all.slice(-EVENTS_SHOWN);
  if (last.length === 0 || (state === 'not-written' && !timedOut)) return [];
  const earlier = all.length - last.length;
  const lines = last.flatMap((text) => wrap(text, options.width - LABEL - 2));
  return labelled(
    timedOut ? 'it was doing' : 'it did',
    earlier > 0 ? [`… (${earlier} before)`, ...lines] : lines,
  );
}

function invariantLines(
  { invariant: number }: TestResult,
  { invariant, options, step }: FailureView,
): string[] {
  if (number === 0) return [];
  const text =
    invariant === undefined
      ? `number ${number} of the lesson of step ${step.number}`
      : plain(invariant);
  return labelled(`keep true ${number}`, wrap(text, options.width - LABEL - 2));
}

/** Symbols to write or to look at, and the line where it went wrong. */
function places(
  { state, symbols }: TestResult,
  { notWritten, at }: TestFailure,
  { options, paint }: FailureView,
): string[] {
  const pathOf = options.pathOf ?? ((file: string) => `work/${options.lab.id}/${file}`);
  const states = symbolStates(options);
  const isWritten = state !== 'not-written';
  const lookAt = (isWritten ? symbols : []).map((ref) => placeOf(ref, states, pathOf));
  const toWrite = notWritten.map((ref) => placeOf(ref, states, pathOf));
  const rows = [...lookAt, ...toWrite];
  const widest = Math.max(0, ...rows.map(({ place }) => widthOf(place)));
  const line = ({ place, name }: { place: string; name: string }) =>
    `${place}${' '.repeat(widest - widthOf(place) + 2)}${paint.dim(name)}`;
  const unread = [
    ...new Set(rows.flatMap(({ problem }) => (problem === undefined ? [] : [problem]))),
  ];
  const broke = at === undefined || !isWritten ? [] : [`${pathOf(at.file)}:${at.line}`];
  const source = broke.length === 0 || at === undefined ? [] : sourceLine(at, options);
  return [
    ...labelled('look at', lookAt.map(line)),
    ...labelled('to write', toWrite.map(line)),
    ...labelled('', unread),
    ...labelled('it broke at', [...broke, ...source]),
  ];
}

function placeOf(
  ref: SymbolRef,
  states: ReadonlyMap<SymbolRef, SymbolState>,
  pathOf: (file: string) => string,
): { place: string; name: string; problem?: string } {
  const [file = '', ...rest] = ref.split('#');
  const state = states.get(ref);
  return {
    place: `${pathOf(file)}${state === undefined ? '' : `:${state.line}`}`,
    name: rest.join('#'),
    ...(state?.state === 'missing'
      ? { problem: `${ref} is not there any more: npx lab reset ${rest.join('#')}` }
      : {}),
  };
}

function symbolStates({ lab, srcFolder }: RenderOptions): Map<SymbolRef, SymbolState> {
  const states = lab.steps.flatMap(({ number }) => symbolsWritten(lab, dirname(srcFolder), number));
  return new Map(states.map((state) => [state.symbol, state]));
}

function sourceLine(
  { file, line }: { file: string; line: number },
  { srcFolder, width }: RenderOptions,
): string[] {
  const path = join(dirname(srcFolder), file);
  const text = existsSync(path)
    ? readFileSync(path, 'utf8').split('\n')[line - 1]?.trim()
    : undefined;
  if (text === undefined || text === '') return [];
  const room = width - LABEL - 6;
  return [`  ${text.length > room ? `${text.slice(0, room)}…` : text}`];
}

/** Every line says whose it is. */
function output({ output: lines }: TestFailure, { options }: FailureView): string[] {
  if (lines.length === 0) return [];
  const shown = lines.slice(-OUTPUT_LINES_MAX);
  const room = options.width - 'your output | '.length;
  const cut = lines.length - shown.length;
  const all = cut > 0 ? [`… (${cut} lines before)`, ...shown] : shown;
  return [
    '',
    ...all.map(
      (line) => `your output | ${line.length > room ? `${line.slice(0, room - 1)}…` : line}`,
    ),
  ];
}

/** What helps now; a command is never broken in two. */
function nextVerbs(
  { state, symbols }: TestResult,
  { notWritten }: TestFailure,
  { step, options }: FailureView,
): string[] {
  const [first] = state === 'not-written' ? notWritten : symbols;
  const name = first?.split('#').slice(1).join('#');
  const hint =
    name === undefined ? 'npx lab hint' : `npx lab hint ${/[\s#]/.test(name) ? `'${name}'` : name}`;
  const lesson = state === 'not-written' ? [`npx lab task ${step.number}`] : [];
  const watch = options.watching === true ? [] : ['npx lab check --watch'];
  return wrapItems([...lesson, hint, ...watch], options.width - LABEL - 2);
}

/** A label on the first line, nothing in front of the others; no lines, no label. */
function labelled(label: string, lines: readonly string[]): string[] {
  return lines.map((line, index) =>
    `  ${(index === 0 ? label : '').padEnd(LABEL)}${line}`.trimEnd(),
  );
}
