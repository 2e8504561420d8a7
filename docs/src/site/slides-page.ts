// SlidesPage: the slides of a step, made from the text of the lesson, so that there is nothing to keep in step.
//
//   ---                      in teach.md, behind its sections: what follows is a slide
//   {{lesson Keep true}}     in a slide: the section of the lesson, in the language of the page
//   > Ask before you turn.   in a slide: a note for the speaker, shown by N and printed below the slide
// A teach.md without slides gives the sections of the lesson, one a slide. The first slide is always the title, with the time plan as its note.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BuildContext, markdownFor } from './build-context.ts';
import { labTitle, localized, slidesPath, stepPath, stepTitle } from './catalog.ts';
import { labLink } from './code-links.ts';
import { type Html, html } from './html.ts';
import { fillFence } from './lesson-fences.ts';
import { type MarkdownContext, renderMarkdown } from './markdown.ts';
import { type Page, pageHref } from './page.ts';
import {
  LESSON_SECTIONS,
  type Lesson,
  type LessonSection,
  parseLesson,
  parseTeaching,
} from './sections.ts';
import type { StepPlace } from './step-place.ts';
import { say, sayLab, sayMinutes, type UiKey } from './ui.ts';

interface Slide {
  readonly text: string;
  readonly notes: string;
}

const TITLES: Readonly<Record<LessonSection, UiKey>> = {
  Why: 'sectionWhy',
  'Keep true': 'sectionKeepTrue',
  Predict: 'sectionPredict',
  Tasks: 'sectionTasks',
  Run: 'sectionRun',
  'In real Kubernetes': 'sectionReal',
  Questions: 'sectionQuestions',
};

export function slidesPage(build: BuildContext, place: StepPlace): Page {
  const { info, lab, step, lang } = place;
  const { root } = build.site;
  const folder = `${info.folder}/steps/${step.id}`;
  const { file } = localized(root, `${folder}/lesson.md`, lang);
  const teach = localized(root, `${folder}/teach.md`, lang);
  const from = build.site.has(teach.file) ? teach.file : file;
  const lesson = parseLesson(readFileSync(join(root, file), 'utf8'));
  const teaching = parseTeaching(from === file ? '' : readFileSync(join(root, from), 'utf8'));
  const path = slidesPath(lab.id, step.id);
  const context = slidesContext(build, place, { file: from, path });
  const written = teaching.slides.length > 0 ? teaching.slides : defaultSlides(lesson);
  const slides = written.map((text) => readSlide(build, context, { text, lesson }));
  const title = `${stepTitle(step, lang)} · ${say(lang, 'slides')}`;
  const plan = teaching.named.get('Minutes') ?? '';
  const first = html`<p class="eyebrow">${sayLab(lang, info)} · ${labTitle(root, info, lang)}</p><h1>${stepTitle(step, lang)}</h1><p>${say(lang, 'stepOf', { n: step.number, m: lab.steps.length })} · ${sayMinutes(lang, step.minutes)}</p>`;
  const bodies = [
    { body: first, notes: plan },
    ...slides.map(({ text, notes }) => ({ body: renderMarkdown(text, context), notes })),
  ];
  const main = html`<main id="main" class="slides" tabindex="-1">
${bodies.map(({ body, notes }, index) => slideMarkup(context, { body, notes }, { n: index + 1, m: bodies.length }))}
</main>${controls(place, path)}`;
  return { path, lang, title, from, main, translated: true, frame: 'slides', lab: lab.id };
}

function slidesContext(
  build: BuildContext,
  place: StepPlace,
  { file, path }: { file: string; path: string },
): MarkdownContext {
  const { info, lang } = place;
  const context: MarkdownContext = {
    ...markdownFor(build, { file, lang, path }),
    codeLink: labLink(build.site, info, file),
    foldQuotes: say(lang, 'criteria'),
  };
  const renderer = { ...place, build, context, shown: new Set<'red' | 'green'>() };
  return { ...context, fence: (info) => fillFence(renderer, info) };
}

/** Notes are the quotes that stand in the slide itself; quotes of the lesson are answers, and fold. */
function readSlide(
  { site }: BuildContext,
  { file, lang }: MarkdownContext,
  { text, lesson }: { readonly text: string; readonly lesson: Lesson },
): Slide {
  const lines = text.split('\n');
  const isNote = (line: string): boolean => /^>/.test(line);
  const notes = lines.filter(isNote).map((line) => line.replace(/^> ?/, ''));
  const body = lines.filter((line) => !isNote(line)).join('\n');
  const filled = body.replace(/\{\{\s*lesson\s+([^}]+?)\s*\}\}/g, (insertion, wanted: string) => {
    const name = LESSON_SECTIONS.find((known) => known.toLowerCase() === wanted.toLowerCase());
    const section = name && lesson.named.get(name);
    if (name !== undefined && section !== undefined) {
      const startsWithTitle = new RegExp(`^#{1,3} .*\\n+${escapeRegExp(insertion)}`, 'm').test(
        body,
      );
      return startsWithTitle ? section : `## ${say(lang, TITLES[name])}\n\n${section}`;
    }
    site.complain(file, `inserts ${insertion}, and the lesson has no section of that name`);
    return '';
  });
  return { text: filled, notes: notes.join('\n') };
}

const escapeRegExp = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

function defaultSlides(lesson: Lesson): string[] {
  return LESSON_SECTIONS.filter((name) => name !== 'Run' && lesson.named.has(name)).map(
    (name) => `{{lesson ${name}}}`,
  );
}

function slideMarkup(
  context: MarkdownContext,
  { body, notes }: { readonly body: Html; readonly notes: string },
  { n, m }: { readonly n: number; readonly m: number },
): Html {
  const { lang } = context;
  const note =
    notes.trim() !== '' &&
    html`<aside class="slide-notes"><p class="label">${say(lang, 'notes')}</p>${renderMarkdown(notes, { ...context, headings: [], shift: 2 })}</aside>`;
  return html`<section class="slide" id="slide-${n}" aria-label="${say(lang, 'slideOf', { n, m })}"><div class="slide-body">${body}</div>${note}<p class="slide-number" aria-hidden="true">${n} / ${m}</p></section>`;
}

function controls({ lab, step, lang }: StepPlace, path: string): Html {
  const lesson = pageHref(lang, path, stepPath(lab.id, step.id));
  return html`<footer class="slide-controls"><a class="tool" id="slides-exit" href="${lesson}">${say(lang, 'backToLesson')}</a><p>${say(lang, 'slidesKeys')}</p><div><button type="button" class="tool" data-turn="-1" aria-label="${say(lang, 'previous')}">←</button><button type="button" class="tool" data-turn="1" aria-label="${say(lang, 'next')}">→</button><button type="button" class="tool" id="slides-notes" aria-pressed="false">${say(lang, 'notes')}</button></div><p class="hidden" role="status" id="slides-status"></p></footer>`;
}
