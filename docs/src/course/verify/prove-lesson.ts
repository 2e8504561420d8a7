// Prove lesson: the texts of a step fit its tests and its lab.yaml.
//
// lesson.md has its sections in their order and a task for each owned symbol and no other; hints.md has three levels
// everywhere; teach.md has its sections; a translation has the same bones; and every test speaks of an invariant that the
// lesson numbers and of symbols that the reference has.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseHints, parseLesson } from '../../lesson/lesson-file.ts';
import { missingFiles } from '../load-lab.ts';
import type { Lab, LessonMeta, Step, SymbolRef } from '../model.ts';
import { hasSymbol, parseRef, parseSource } from '../symbols.ts';
import { type Complaint, countOf, type Proof } from './proof.ts';

const LESSON_SECTIONS = [
  'Why',
  'Keep true',
  'Predict',
  'Tasks',
  'Run',
  'In real Kubernetes',
  'Questions',
];
const TEACH_SECTIONS = ['Demonstrate', 'Common mistakes', 'When the class is stuck', 'Minutes'];
const HINT_LEVELS = 3;

/** `tests`: what the step's tests say about themselves; undefined when they could not be run. */
export function proveLesson(lab: Lab, step: Step, tests: readonly LessonMeta[] | undefined): Proof {
  const folder = join(lab.folder, 'steps', step.id);
  const missing = [
    ...missingFiles(lab, step),
    ...['hints.md', 'teach.md'].flatMap((name) =>
      existsSync(join(folder, name)) ? [] : [`steps/${step.id}/${name}`],
    ),
  ];
  const read = (name: string) =>
    existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8') : '';
  const lesson = read('lesson.md');
  const complaints = [
    ...missing.map((file) => complaint(`there is no ${file}`, 'write it')),
    ...(step.owns.length > 0
      ? []
      : [complaint('it owns no symbol', 'list what the learner writes')]),
    ...(lesson === '' ? [] : lessonComplaints(step, lesson)),
    ...(missing.includes(`steps/${step.id}/hints.md`)
      ? []
      : hintComplaints(step, read('hints.md'))),
    ...(missing.includes(`steps/${step.id}/teach.md`) ? [] : teachComplaints(read('teach.md'))),
    ...translations(folder).flatMap((name) =>
      translationComplaints(step, lesson, [name, read(name)]),
    ),
    ...testComplaints(lab, tests ?? [], parseLesson(lesson).invariants.length),
  ];
  const says = `${countOf(parseLesson(lesson).invariants.length, 'invariant')}, ${countOf(step.owns.length, 'task')}`;
  return { kind: 'lesson', name: `lesson ${step.id}`, says, complaints, remembered: false };
}

function lessonComplaints(step: Step, text: string): readonly Complaint[] {
  const { title, sections, invariants } = parseLesson(text);
  const has = [...sections.keys()];
  const tasks = symbolsIn(sections.get('Tasks') ?? '');
  const owned = step.owns.map(({ symbol }) => symbol);
  return [
    ...(title === '' ? [complaint('lesson.md has no title', 'begin it with `# Title`')] : []),
    ...orderComplaints('lesson.md', has, LESSON_SECTIONS),
    ...(invariants.length > 0
      ? []
      : [
          complaint(
            '`Keep true` has no numbered list',
            'number the invariants: tests refer to them',
          ),
        ]),
    ...owned
      .filter((symbol) => !tasks.includes(symbol))
      .map((symbol) =>
        complaint(`no task for ${symbol}`, 'add it to `Tasks`, or take it from `owns`'),
      ),
    ...tasks
      .filter((symbol) => !owned.includes(symbol))
      .map((symbol) =>
        complaint(
          `a task for ${symbol}, which the step does not own`,
          'add it to `owns` in lab.yaml, or reword the task',
        ),
      ),
    ...questionComplaints(sections.get('Questions') ?? ''),
  ];
}

function orderComplaints(
  file: string,
  has: readonly string[],
  wanted: readonly string[],
): readonly Complaint[] {
  if (has.length === wanted.length && has.every((name, i) => name === wanted[i])) return [];
  const what = `${file} has the sections ${has.join(', ') || '(none)'}`;
  return [complaint(what, `it has exactly, in this order: ${wanted.join(', ')}`)];
}

/** The symbol that a task is for stands at the beginning of its item; others may be spoken of. */
function symbolsIn(tasks: string): readonly SymbolRef[] {
  return [...tasks.matchAll(/^(?:[-*]|\d+\.)\s+\**`(src\/[^`#]+#[^`]+)`/gm)].map((m) => m[1] ?? '');
}

function questionComplaints(text: string): readonly Complaint[] {
  const [, ...questions] = text.split(/^### /m);
  if (questions.length === 0)
    return [complaint('`Questions` has none', 'ask two or three: `### question`')];
  return questions
    .filter((question) => !/^> /m.test(question))
    .map((question) => {
      const [title] = question.split('\n');
      return complaint(
        `the question "${title}" has no answer criteria`,
        'write them below it: `> …`',
      );
    });
}

function hintComplaints(step: Step, text: string): readonly Complaint[] {
  const hints = parseHints(text);
  const about = hints.flatMap(({ symbol }) => (symbol === undefined ? [] : [symbol]));
  const owned = step.owns.map(({ symbol }) => symbol);
  const ofStep = hints.some(({ symbol }) => symbol === undefined);
  const levels = hints.filter(
    (hint) => hint.levels.length !== HINT_LEVELS || hint.levels.includes(''),
  );
  return [
    ...about
      .filter((symbol) => !owned.includes(symbol))
      .map((symbol) =>
        complaint(`hints for ${symbol}, which the step does not own`, 'name an owned symbol'),
      ),
    ...(ofStep ? [] : owned.filter((symbol) => !about.includes(symbol))).map((symbol) =>
      complaint(`no hints for ${symbol}`, 'add them, or hints for `## The step`'),
    ),
    ...levels.map(({ symbol = 'the step' }) =>
      complaint(`the hints for ${symbol} do not have three levels`, 'write ### 1, ### 2 and ### 3'),
    ),
  ];
}

function teachComplaints(text: string): readonly Complaint[] {
  const has = [...parseLesson(text).sections.keys()].filter((name) =>
    TEACH_SECTIONS.includes(name),
  );
  return orderComplaints('teach.md', has, TEACH_SECTIONS);
}

const translations = (folder: string): readonly string[] =>
  existsSync(folder) ? readdirSync(folder).filter((name) => /^lesson\.\w+\.md$/.test(name)) : [];

/** The same bones: as many sections and invariants, and the same tasks. Its headings are in its own language. */
function translationComplaints(
  step: Step,
  original: string,
  [name, text]: readonly [string, string],
): readonly Complaint[] {
  const [from, to] = [parseLesson(original), parseLesson(text)];
  const tasks = symbolsIn([...to.sections.values()].join('\n'));
  const lacking = step.owns.filter(({ symbol }) => !tasks.includes(symbol));
  const same = (what: string, a: number, b: number) =>
    a === b
      ? []
      : [complaint(`${name} has ${countOf(b, what)}, lesson.md ${a}`, 'translate it again')];
  return [
    ...same('section', from.sections.size, to.sections.size),
    ...same('invariant', from.invariants.length, to.invariants.length),
    ...lacking.map(({ symbol }) =>
      complaint(`${name} has no task for ${symbol}`, 'translate it again'),
    ),
  ];
}

function testComplaints(
  lab: Lab,
  tests: readonly LessonMeta[],
  invariants: number,
): readonly Complaint[] {
  return tests.flatMap(({ idea, invariant, byHand, symbols }) => [
    ...(invariant >= 1 && invariant <= invariants
      ? []
      : [
          complaint(
            `the test "${idea}" is about invariant ${invariant}`,
            `lesson.md has 1 to ${invariants}`,
          ),
        ]),
    ...(byHand.trim() === ''
      ? [complaint(`the test "${idea}" has no command`, 'say in byHand how to see it by hand')]
      : []),
    ...(symbols.length > 0
      ? []
      : [complaint(`the test "${idea}" names no symbol`, 'say where to look')]),
    ...symbols
      .filter((symbol) => !exists(lab, symbol))
      .map((symbol) =>
        complaint(`the test "${idea}" names ${symbol}`, 'there is no such symbol; rename it'),
      ),
  ]);
}

function exists({ folder }: Lab, symbol: SymbolRef): boolean {
  const { file, name } = parseRef(symbol, { file: folder });
  const path = join(folder, file);
  return existsSync(path) && hasSymbol(parseSource(readFileSync(path, 'utf8'), path), name);
}

const complaint = (what: string, todo: string): Complaint => ({ what, todo });
