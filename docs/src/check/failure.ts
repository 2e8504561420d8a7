// Failure: turns what a test threw into what a learner reads. No stack gets any further than here.
//
//   - expected and got where the test compares; else the sentence, without the test library's own words.
//   - the first place in the learner's own files, also of an error that lies inside others (`cause`).
//   - "not written yet" is found by the stub's code or its sentence, wherever it comes out: thrown, as a cause, printed by
//     a process, or sent over a wire inside somebody else's message.
import { relative, sep } from 'node:path';
import type { SymbolRef, TestFailure } from '../course/model.ts';
import type { LostError } from '../lesson/trace.ts';
import type { TracedTest } from './trace-file.ts';
import type { LostProcess } from './watchdog.ts';

/** An error as vitest sends it from the worker. */
export interface SeenError {
  readonly message: string;
  readonly name?: string;
  readonly stack?: string;
  readonly stacks?: readonly { readonly file: string; readonly line: number }[];
  readonly cause?: SeenError;
  readonly expected?: string;
  readonly actual?: string;
  readonly code?: unknown;
  /** Of node:assert: `==` for assert(…), `strictEqual`, …; and whether the message is Node's own. */
  readonly operator?: string;
  readonly generatedMessage?: boolean;
}

export type Place = NonNullable<TestFailure['at']>;

const MESSAGE_MAX = 2_000;
const NOT_WRITTEN = /Step \d+: (.+?) is not written yet/g;

/** What is known of a test when it ended badly. */
export interface Ended {
  readonly errors: readonly SeenError[];
  readonly traced: TracedTest | undefined;
  /** Its process was gone, or had to be killed, before it came to an end. */
  readonly lostProcess: LostProcess | undefined;
}

export function failureOf(ended: Ended, srcFolder: string): TestFailure {
  const { traced } = ended;
  const error = ended.errors[0] ?? lostAsSeen(traced?.lost[0]);
  const timedOut = isTimeout(ended);
  const at = placeOf(error, srcFolder);
  return {
    message: messageOf(ended, error, timedOut),
    ...comparisonOf(error),
    events: traced?.events ?? [],
    timedOut,
    notWritten: [],
    ...(at === undefined ? {} : { at }),
    output: traced?.output ?? [],
  };
}

export function isTimeout({ errors, lostProcess }: Ended): boolean {
  return lostProcess === 'killed' || /^Test timed out in \d+ms/.test(errors[0]?.message ?? '');
}

/** The names that stubs gave, `KeyIndex.get`, in anything that belongs to this test. */
export function namesNotWritten({ errors, traced }: Ended): readonly string[] {
  const texts = [
    ...errors.flatMap(textsOf),
    ...(traced?.lost ?? []).map((lost) => lost.message),
    ...(traced?.output ?? []),
  ];
  const names = texts.flatMap((text) =>
    [...text.matchAll(NOT_WRITTEN)].map((match) => match[1] ?? ''),
  );
  return [...new Set(names)];
}

function textsOf(error: SeenError): string[] {
  const inner = error.cause === undefined ? [] : textsOf(error.cause);
  return [error.message, error.actual ?? '', error.stack ?? '', ...inner].map(String);
}

function messageOf(
  { lostProcess, traced }: Ended,
  error: SeenError | undefined,
  timedOut: boolean,
): string {
  if (lostProcess === 'killed') {
    return traced?.idea === ''
      ? 'loading the file never came to an end'
      : `nothing came back for ${seconds(traced?.timeoutMs ?? 0)}, not even the event loop: an endless loop, or a wait that blocks`;
  }
  if (lostProcess === 'gone') {
    return 'the process ended in the middle of this test: killed, aborted, or out of memory';
  }
  if (timedOut) return `nothing more happened within ${seconds(traced?.timeoutMs ?? 0)}`;
  if (error === undefined) return 'the test failed and gave no reason';
  const [lost] = traced?.lost ?? [];
  if (lost !== undefined && error.message === lost.message) {
    return `an error was thrown where nobody waits for it: ${ownWords(error)}`;
  }
  return ownWords(error);
}

const seconds = (ms: number): string => `${ms / 1_000} s`;

/** The message as its author meant it. */
function ownWords(error: SeenError): string {
  const missing = /__vi(?:te_ssr)?_import_\d+__\.(\w+)\)? is not a (?:function|constructor)/.exec(
    error.stack ?? '',
  );
  if (missing !== null)
    return `${missing[1]} is imported, but what comes is nothing that can be called: is it still exported under this name?`;
  const exit = /^process\.exit unexpectedly called with "(.*)"/.exec(error.message);
  if (exit !== null) return `the code under test called process.exit(${exit[1]})`;
  const message = withoutColors(error.message).trim().slice(0, MESSAGE_MAX);
  if (isNodeAssertion(error)) return `an assertion does not hold: ${assertionOf(error, message)}`;
  if (
    error.name === 'AssertionError' &&
    error.expected !== undefined &&
    error.actual !== undefined
  ) {
    return customPart(message);
  }
  const named = error.name === undefined || /^(Error|AssertionError)$/.test(error.name);
  return named ? message : `${error.name}: ${message}`;
}

/** Of node:assert, as code states what must be true in itself; a test's expect() has no such code. */
const isNodeAssertion = ({ code }: SeenError): boolean => code === 'ERR_ASSERTION';

/** Two values that should be alike. Of assert(…) they would be `true` and `false`, which says nothing. */
const comparesValues = ({ operator = '' }: SeenError): boolean =>
  /^(deepStrict|strict|deep|)[eE]qual$/.test(operator);

/** The author's words, or Node's; without the values, which stand below anyway, but with the expression. */
function assertionOf({ generatedMessage }: SeenError, message: string): string {
  const [words = '', ...rest] = message.split('\n\n');
  const [expression = ''] = rest;
  if (generatedMessage === true && /^\s*assert/.test(expression)) return expression.trim();
  return words.replace(/:$/, '');
}

/** What a test says in its own words before the library's `expected 1 to be 2`; often nothing. */
function customPart(message: string): string {
  const at = message.search(/(^|: )expected /);
  return at > 0 ? message.slice(0, at) : '';
}

function comparisonOf(error: SeenError | undefined): { expected?: string; actual?: string } {
  if (error?.expected === undefined || error.actual === undefined) return {};
  if (isNodeAssertion(error) && !comparesValues(error)) return {};
  if (error.expected === error.actual && error.name !== 'AssertionError') return {};
  return {
    expected: withoutColors(String(error.expected)),
    actual: withoutColors(String(error.actual)),
  };
}

/** The first place in the learner's folder: of the error, or of what caused it. */
export function placeOf(error: SeenError | undefined, srcFolder: string): Place | undefined {
  if (error === undefined) return undefined;
  const inside = (file: string) => file.startsWith(srcFolder + sep);
  const inCause = placeOf(error.cause, srcFolder);
  if (inCause !== undefined) return inCause;
  const frame = error.stacks?.find(({ file }) => inside(file));
  if (frame !== undefined) return { file: inLab(frame.file, srcFolder), line: frame.line };
  for (const match of (error.stack ?? '').matchAll(
    /\(?(?:file:\/\/)?(\/[^\s():]+):(\d+):\d+\)?/g,
  )) {
    const [, file = '', line] = match;
    if (inside(file)) return { file: inLab(file, srcFolder), line: Number(line) };
  }
  return undefined;
}

/** `src/mvcc.ts`: the same in the reference, in work/ and in a derived prefix. */
export const inLab = (file: string, srcFolder: string): string =>
  `src/${relative(srcFolder, file).split(sep).join('/')}`;

export const withoutColors = (text: string): string => text.replace(/\u001b\[[0-9;]*m/g, '');

function lostAsSeen(lost: LostError | undefined): SeenError | undefined {
  return lost === undefined ? undefined : { ...lost };
}

/** The owned symbols that these names mean. */
export function refsOf(
  names: readonly string[],
  owned: readonly SymbolRef[],
): readonly SymbolRef[] {
  return names.flatMap((name) => owned.filter((ref) => ref.slice(ref.indexOf('#') + 1) === name));
}
