// Sections: a Markdown text cut at its headings, before it is rendered. Lessons and teacher's notes are made of sections
// (hints are read as the terminal reads them, by ../lesson/lesson-file.ts).
//
// A heading inside a fence is not a heading. The fixed sections of a lesson are known by their English names, by the names that a
// translation gives them, or, where a translation has other words, by their place: the order is fixed.

export interface Section {
  readonly title: string;
  /** What stands below the heading, without it. */
  readonly body: string;
}

export interface Cut {
  /** What stands before the first heading of that level. */
  readonly head: string;
  readonly sections: readonly Section[];
}

export function cutSections(text: string, level: number): Cut {
  const mark = `${'#'.repeat(level)} `;
  const head: string[] = [];
  const sections: { title: string; lines: string[] }[] = [];
  let fence: string | undefined;
  for (const line of text.split('\n')) {
    fence = fenceAfter(fence, line);
    if (fence === undefined && line.startsWith(mark)) {
      sections.push({ title: line.slice(mark.length).trim(), lines: [] });
    } else {
      (sections.at(-1)?.lines ?? head).push(line);
    }
  }
  return {
    head: head.join('\n'),
    sections: sections.map(({ title, lines }) => ({ title, body: lines.join('\n') })),
  };
}

/** Parts of a text that `---` on a line of its own divides, outside fences. */
export function cutAtRules(text: string): string[] {
  const parts: string[][] = [[]];
  let fence: string | undefined;
  for (const line of text.split('\n')) {
    fence = fenceAfter(fence, line);
    if (fence === undefined && /^---\s*$/.test(line)) parts.push([]);
    else parts.at(-1)?.push(line);
  }
  return parts.map((lines) => lines.join('\n').trim());
}

/** The fence that is open after this line. */
function fenceAfter(open: string | undefined, line: string): string | undefined {
  const mark = /^\s*(`{3,}|~{3,})/.exec(line)?.[1];
  if (mark === undefined) return open;
  if (open === undefined) return mark;
  return mark.startsWith(open) && line.trim() === mark ? undefined : open;
}

export const LESSON_SECTIONS = [
  'Why',
  'Keep true',
  'Predict',
  'Tasks',
  'Run',
  'In real Kubernetes',
  'Questions',
] as const;
export type LessonSection = (typeof LESSON_SECTIONS)[number];

export const TEACH_SECTIONS = [
  'Demonstrate',
  'Common mistakes',
  'When the class is stuck',
  'Minutes',
] as const;
export type TeachSection = (typeof TEACH_SECTIONS)[number];

/** Sections by their fixed names; what has none keeps its own and stands in `others`. */
export function nameSections<Name extends string>(
  sections: readonly Section[],
  names: readonly Name[],
): { readonly named: ReadonlyMap<Name, string>; readonly others: readonly Section[] } {
  const isKnown = sections.some(({ title }) => names.some((name) => sameName(name, title)));
  const byPlace = !isKnown && sections.length === names.length;
  const named = new Map<Name, string>();
  const others: Section[] = [];
  sections.forEach((section, index) => {
    const name = byPlace ? names[index] : names.find((known) => sameName(known, section.title));
    if (name === undefined || named.has(name)) others.push(section);
    else named.set(name, section.body);
  });
  return { named, others };
}

const sameName = (name: string, title: string): boolean =>
  title.toLowerCase().replace(/\s*\(.*\)$/, '') === name.toLowerCase();

export interface Lesson {
  readonly title: string;
  /** Between the title and the first section: an introduction, mostly empty. */
  readonly intro: string;
  readonly named: ReadonlyMap<LessonSection, string>;
  readonly others: readonly Section[];
}

export function parseLesson(text: string): Lesson {
  const { head, sections } = cutSections(text, 2);
  const title = /^# (.*)$/m.exec(head)?.[1]?.trim() ?? '';
  return {
    title,
    intro: head.replace(/^# .*$/m, '').trim(),
    ...nameSections(sections, LESSON_SECTIONS),
  };
}

export interface Teaching {
  readonly named: ReadonlyMap<TeachSection, string>;
  readonly others: readonly Section[];
  readonly slides: readonly string[];
}

/** Sections first, then slides: each is what stands under a `---`. */
export function parseTeaching(text: string): Teaching {
  const [notes = '', ...slides] = cutAtRules(text);
  return {
    ...nameSections(cutSections(notes, 2).sections, TEACH_SECTIONS),
    slides: slides.filter((slide) => slide !== ''),
  };
}
