// Lesson file: steps/K-name/lesson.md and hints.md as data. Their form is in ../../decisions/005-course.md.
//
// Only what stands at the left margin makes structure; a heading inside a fenced block is code.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab, Step, SymbolRef } from '../course/model.ts';

export interface LessonFile {
  /** The whole, as it is in the file; empty when there is none. */
  readonly text: string;
  readonly title: string;
  /** `Why` → its markdown, in the order of the file. */
  readonly sections: ReadonlyMap<string, string>;
  /** The numbered list of `Keep true`; number 1 is at index 0. */
  readonly invariants: readonly string[];
}

/** A question, where to look, the shape of the code. */
export interface Hints {
  /** A symbol, or undefined for the step as a whole. */
  readonly symbol: SymbolRef | undefined;
  readonly levels: readonly string[];
}

/** A lesson in a language, or in English where there is no translation. */
export function readLesson(lab: Lab, step: Step, language = 'en'): LessonFile {
  return parseLesson(readOf(folderOf(lab, step), { name: 'lesson', language }));
}

export function readHints(lab: Lab, step: Step, language = 'en'): readonly Hints[] {
  return parseHints(readOf(folderOf(lab, step), { name: 'hints', language }));
}

/** The way into a lab, before its first step; empty when there is none. */
export function readIntro(lab: Lab, language = 'en'): string {
  return readOf(join(lab.folder, 'steps'), { name: 'intro', language });
}

const folderOf = (lab: Lab, step: Step) => join(lab.folder, 'steps', step.id);

function readOf(folder: string, { name, language }: { name: string; language: string }): string {
  const translated = join(folder, `${name}.${language}.md`);
  const file = existsSync(translated) ? translated : join(folder, `${name}.md`);
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

export function parseLesson(text: string): LessonFile {
  const title = /^# (.+)$/m.exec(text)?.[1]?.trim() ?? '';
  const sections = new Map(splitAt(text, '## '));
  // A translation names its sections in its own language: the list of invariants is the second section in any.
  const keepTrue = sections.get('Keep true') ?? [...sections.values()][1] ?? '';
  return { text, title, sections, invariants: numberedList(keepTrue) };
}

export function parseHints(text: string): readonly Hints[] {
  return splitAt(text, '## ').map(([heading, body]) => ({
    symbol: heading.includes('#') ? heading.replaceAll('`', '') : undefined,
    levels: splitAt(body, '### ').map(([, level]) => level),
  }));
}

/** The text without the answers to its questions: in any language a question is a heading `###`, and the quote below it its answer. */
export function withoutAnswers(text: string): string {
  let isQuestion = false;
  const kept: string[] = [];
  for (const { line, isCode } of linesOf(text)) {
    const heading = isCode ? undefined : /^(#{1,6}) /.exec(line)?.[1];
    if (heading !== undefined) isQuestion = heading === '###';
    if (isCode || !isQuestion || !line.startsWith('>')) kept.push(line);
  }
  return kept.join('\n');
}

/** Heading and what follows it, for each heading of this mark. */
function splitAt(text: string, mark: string): [string, string][] {
  const found: [string, string[]][] = [];
  for (const { line, isCode } of linesOf(text)) {
    if (!isCode && line.startsWith(mark)) found.push([line.slice(mark.length).trim(), []]);
    else found.at(-1)?.[1].push(line);
  }
  return found.map(([heading, lines]) => [heading, lines.join('\n').trim()]);
}

/** Each line, and whether it stands in a fence, or opens one. */
function* linesOf(text: string): Generator<{ readonly line: string; readonly isCode: boolean }> {
  let fence: string | undefined;
  for (const line of text.split('\n')) {
    const ticks = /^(`{3,}|~{3,})/.exec(line)?.[1];
    if (ticks !== undefined && (fence === undefined || line.startsWith(fence))) {
      fence = fence === undefined ? ticks : undefined;
    }
    yield { line, isCode: fence !== undefined };
  }
}

/** The items of a list `1. …`, each on one line. */
function numberedList(text: string): string[] {
  const items: string[] = [];
  let open = false;
  for (const line of text.split('\n')) {
    const item = /^\d+[.)]\s+(.*)$/.exec(line);
    if (item !== null) {
      items.push(item[1] ?? '');
      open = true;
    } else if (line.trim() === '') {
      open = false;
    } else if (open || (items.length > 0 && /^\s+\S/.test(line))) {
      items.push(`${items.pop()} ${line.trim()}`);
    }
  }
  return items;
}

/** Without what markdown adds to words: for a line in a terminal. */
export const plain = (markdown: string): string =>
  markdown
    .replace(/\[([^\]]+)\]\([^)]*\)/g, '$1')
    .replace(/`([^`]+)`/g, '$1')
    .replace(/(\*\*|__)(.+?)\1/g, '$2')
    .replace(/(^|\W)[*_](\S(?:.*?\S)?)[*_](?=\W|$)/g, '$1$2');
