// StepHead: the top of a step's page: where it is, how long it takes, what it needs, what one writes; and the teacher's notes.
import type { BuildContext } from './build-context.ts';
import { labPath, labTitle, slidesPath, stepPath, stepTitle } from './catalog.ts';
import { type Html, html } from './html.ts';
import { type MarkdownContext, renderMarkdown } from './markdown.ts';
import { type Lang, pageHref } from './page.ts';
import type { StepPlace, StepRenderer } from './step-place.ts';
import { say, sayLab, sayMinutes } from './ui.ts';

export function stepHead({ build, info, lab, step, lang, teaching, context }: StepRenderer): Html {
  const minutes = teaching.named.get('Minutes');
  const files = [...new Set(step.owns.map(({ symbol }) => symbol.split('#')[0] ?? ''))];
  const eyebrow = `${sayLab(lang, info)} · ${labTitle(build.site.root, info, lang)} · ${say(lang, 'stepOf', { n: step.number, m: lab.steps.length })}`;
  return html`<header class="page-head"><p class="eyebrow">${eyebrow}</p>
<h1>${stepTitle(step, lang)}</h1>
<dl class="facts">
<div><dt>${say(lang, 'minutesColumn')}</dt><dd>${sayMinutes(lang, step.minutes)}</dd></div>
<div><dt>${say(lang, 'needs')}</dt><dd>${prerequisites(build, { info, lab, step, lang }, context)}</dd></div>
<div><dt>${say(lang, 'writes')}</dt><dd>${say(lang, 'functionsIn', { n: step.owns.length, files: files.join(', ') })}</dd></div>
<div class="teacher"><dt>${say(lang, 'slides')}</dt><dd><a href="${pageHref(lang, context.path, slidesPath(lab.id, step.id))}">${say(lang, 'slides')}: ${stepTitle(step, lang)}</a></dd></div>
</dl>
${minutes !== undefined && teacherNote(lang, say(lang, 'teacherMinutes'), noteText(minutes, context))}
</header>`;
}

function prerequisites(build: BuildContext, place: StepPlace, { path }: MarkdownContext): Html {
  const { info, lab, step, lang } = place;
  const before = lab.steps.slice(0, step.number - 1);
  if (before.length === 0) {
    const title = labTitle(build.site.root, info, lang);
    return html`<a href="${pageHref(lang, path, labPath(lab.id))}">${say(lang, 'startLab')}: ${title}</a>`;
  }
  return html`${before.map(
    ({ id, number, titles, title }, index) =>
      html`${index > 0 && ', '}<a href="${pageHref(lang, path, stepPath(lab.id, id))}">${number} ${titles[lang] ?? title}</a>`,
  )}`;
}

/** A term is linked where a learner first reads it, so not in a note that learners do not see. */
export function noteText(text: string, { terms: _terms, ...context }: MarkdownContext): Html {
  return renderMarkdown(text, { ...context, headings: [], shift: 2 });
}

export function teacherNote(lang: Lang, title: string, text: Html): Html {
  return html`<aside class="teacher note" aria-label="${say(lang, 'forTeacher')}: ${title}"><p class="label">${say(lang, 'forTeacher')} · ${title}</p>${text}</aside>`;
}
