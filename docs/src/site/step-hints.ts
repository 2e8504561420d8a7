// StepHints: what a learner opens when stuck: hints in three levels for each task, and behind "I have tried" the difference that the step makes.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { stepDiff } from '../course/derive.ts';
import { type Hints, parseHints } from '../lesson/lesson-file.ts';
import { localized } from './catalog.ts';
import { referencePath } from './code-links.ts';
import { renderDiff } from './diff-view.ts';
import { type Html, html, NOTHING } from './html.ts';
import { fillFence } from './lesson-fences.ts';
import { type MarkdownContext, renderMarkdown } from './markdown.ts';
import { pageHref } from './page.ts';
import { readText, type StepRenderer } from './step-place.ts';
import { say } from './ui.ts';

export function hintsSection(renderer: StepRenderer): Html {
  const { build, info, step, lang, context } = renderer;
  const { file } = localized(build.site.root, `${info.folder}/steps/${step.id}/hints.md`, lang);
  if (!existsSync(join(build.site.root, file))) return NOTHING;
  const hints = parseHints(readText(build, file));
  const place: MarkdownContext = { ...context, file, fence: (fence) => fillFence(renderer, fence) };
  context.headings.push({ level: 2, id: 'hints', title: say(lang, 'hints') });
  return html`<section class="hints" aria-labelledby="hints">
<h2 id="hints">${say(lang, 'hints')}<a class="anchor" href="#hints" aria-hidden="true" tabindex="-1">#</a></h2>
<p class="quiet">${say(lang, 'hintsIntro')}</p>
${hints.map((hint) => oneHint(hint, place))}
</section>`;
}

/** Each level is inside the one before, so nobody opens the third by chance. */
function oneHint({ symbol, levels }: Hints, context: MarkdownContext): Html {
  const { lang } = context;
  const keys = ['hint1', 'hint2', 'hint3'] as const;
  const folded = keys.reduceRight<Html>((inner, key, index) => {
    const text = levels[index];
    if (text === undefined) return inner;
    return html`<details class="hint"><summary><span class="number">${index + 1}</span>${say(lang, key)}</summary><div>${renderMarkdown(text, { ...context, headings: [] })}${inner}</div></details>`;
  }, NOTHING);
  const [file, ...rest] = (symbol ?? '').split('#');
  const name =
    symbol === undefined
      ? say(lang, 'theStep')
      : html`<code>${rest.join('#')}</code> <span class="quiet">${file}</span>`;
  return html`<div class="hint-of"><h3>${name}</h3>${folded}</div>`;
}

export function solutionSection({ lab, step, lang, context, build }: StepRenderer): Html {
  const diff = stepDiff(lab, step.number - 1, step.number);
  context.headings.push({ level: 2, id: 'solution', title: say(lang, 'solution') });
  const hrefOf = (path: string): string =>
    pageHref(lang, context.path, referencePath(build.site, `labs/${lab.id}/${path}`));
  return html`<section class="solution" aria-labelledby="solution">
<h2 id="solution">${say(lang, 'solution')}<a class="anchor" href="#solution" aria-hidden="true" tabindex="-1">#</a></h2>
<details class="tried"><summary><span class="closed">${say(lang, 'tried')}</span><span class="opened">${say(lang, 'triedHide')}</span></summary>
<p class="quiet">${say(lang, 'solutionIntro')}</p>
${renderDiff(diff, hrefOf)}</details></section>`;
}
