// StepPage: one step of a lab on one page, in the fixed order of a lesson.
//
// The words are lesson.md's and hints.md's; the minutes, what is written and the difference are lab.yaml's and the reference's; the
// transcripts are what the tests printed when the site was built; the teacher's notes stand where they are needed and are shown in
// the teacher view only. Spoilers fold: predictions, hints (each level inside the one before), criteria, and the solution.
import { type BuildContext, markdownFor } from './build-context.ts';
import { localized, stepPath, stepTitle } from './catalog.ts';
import { labLink } from './code-links.ts';
import { type Html, html, NOTHING } from './html.ts';
import { fillFence } from './lesson-fences.ts';
import { type MarkdownContext, renderMarkdown } from './markdown.ts';
import type { Lang, Page } from './page.ts';
import { searchSections } from './search-index.ts';
import {
  type LessonSection,
  parseLesson,
  parseTeaching,
  type Teaching,
  type TeachSection,
} from './sections.ts';
import { noteText, stepHead, teacherNote } from './step-head.ts';
import { hintsSection, solutionSection } from './step-hints.ts';
import { crumbsOf, neighbours, readText, type StepPlace, type StepRenderer } from './step-place.ts';
import { transcriptBlock } from './transcript-view.ts';
import { say, type UiKey } from './ui.ts';

const SECTIONS: readonly (readonly [LessonSection, string, UiKey])[] = [
  ['Why', 'why', 'sectionWhy'],
  ['Keep true', 'keep-true', 'sectionKeepTrue'],
  ['Predict', 'predict', 'sectionPredict'],
  ['Tasks', 'tasks', 'sectionTasks'],
  ['Run', 'run', 'sectionRun'],
  ['In real Kubernetes', 'in-real-kubernetes', 'sectionReal'],
  ['Questions', 'questions', 'sectionQuestions'],
];

/** Where a teacher needs which note. */
const NOTES: Readonly<Partial<Record<LessonSection, readonly [TeachSection, UiKey]>>> = {
  Why: ['Demonstrate', 'teacherDemonstrate'],
  Tasks: ['Common mistakes', 'teacherMistakes'],
  Run: ['When the class is stuck', 'teacherStuck'],
};

export function stepPage(build: BuildContext, place: StepPlace): Page {
  const { info, lab, step, lang } = place;
  const folder = `${info.folder}/steps/${step.id}`;
  const { file, translated } = localized(build.site.root, `${folder}/lesson.md`, lang);
  const lesson = parseLesson(readText(build, file));
  const context = lessonContext(build, place, file);
  const teaching = readTeaching(build, folder, lang);
  const renderer: StepRenderer = { ...place, build, context, teaching, shown: new Set() };
  const main = html`${stepHead(renderer)}
${lesson.intro !== '' && renderMarkdown(lesson.intro, context)}
${SECTIONS.map(([name, id, key]) => section(renderer, lesson.named.get(name), { name, id, key }))}
${lesson.others.map(({ title, body }) => renderMarkdown(`## ${title}\n${body}`, context))}`;
  if (translated) complainOfMissing(build, file, [...lesson.named.keys()]);
  const title = stepTitle(step, lang);
  const path = stepPath(lab.id, step.id);
  return {
    path,
    lang,
    title,
    from: file,
    main,
    translated,
    lab: lab.id,
    crumbs: crumbsOf(build, place),
    headings: context.headings,
    search: searchSections(main, title),
    ...neighbours(build, place),
  };
}

function lessonContext(build: BuildContext, place: StepPlace, file: string): MarkdownContext {
  const { info, lab, step, lang } = place;
  const path = stepPath(lab.id, step.id);
  return {
    ...markdownFor(build, { file, lang, path }, { terms: true }),
    codeLink: labLink(build.site, info, file),
  };
}

function readTeaching(build: BuildContext, folder: string, lang: Lang): Teaching {
  const { file } = localized(build.site.root, `${folder}/teach.md`, lang);
  return parseTeaching(build.site.has(file) ? readText(build, file) : '');
}

function complainOfMissing({ site }: BuildContext, file: string, found: readonly string[]): void {
  for (const [name] of SECTIONS) {
    if (!found.includes(name)) site.complain(file, `lacks its section \`## ${name}\``);
  }
}

interface SectionNames {
  readonly name: LessonSection;
  readonly id: string;
  readonly key: UiKey;
}

function section(renderer: StepRenderer, text: string | undefined, names: SectionNames): Html {
  if (text === undefined) return NOTHING;
  const { lang, context, teaching } = renderer;
  const { name, id, key } = names;
  const title = say(lang, key);
  context.headings.push({ level: 2, id, title });
  const body = renderMarkdown(text, { ...context, ...rulesFor(renderer, name) });
  const [noteName, noteKey] = NOTES[name] ?? [];
  const note = noteName && teaching.named.get(noteName);
  return html`<section class="lesson-${id}" aria-labelledby="${id}">
<h2 id="${id}">${title}<a class="anchor" href="#${id}" aria-hidden="true" tabindex="-1">#</a></h2>
${body}
${name === 'Run' && missingTranscripts(renderer)}
${note && noteKey && teacherNote(lang, say(lang, noteKey), noteText(note, context))}
</section>
${name === 'Tasks' && hintsSection(renderer)}
${name === 'Run' && solutionSection(renderer)}`;
}

/** What is special about a section's Markdown. */
function rulesFor(renderer: StepRenderer, name: LessonSection): Partial<MarkdownContext> {
  const { lang } = renderer;
  const fence = (info: string): Html | undefined => fillFence(renderer, info);
  if (name === 'Keep true') return { fence, numberItems: 'invariant' };
  if (name === 'Predict') return { fence, foldQuotes: say(lang, 'predictAnswer') };
  if (name === 'Questions') return { fence, foldQuotes: say(lang, 'criteria') };
  return { fence };
}

/** A lesson that does not say where its transcripts stand has them at the end of its section Run. */
function missingTranscripts({ build, lab, step, lang, shown }: StepRenderer): Html {
  const kinds = (['red', 'green'] as const).filter((kind) => !shown.has(kind));
  return html`${kinds.map((kind) => transcriptBlock(build, { lab, step, lang }, kind))}`;
}
