// LabPage: a lab's own page: where it is on the map, its steps, how to start, and its README.
//
// A lab without lessons has its README only, and says so.
import { type BuildContext, markdownFor } from './build-context.ts';
import { type LabInfo, labPath, labTitle, readReadme, stepPath, stepTitle } from './catalog.ts';
import { clusterMap } from './cluster-map.ts';
import { labLink } from './code-links.ts';
import { type Html, html } from './html.ts';
import { codeBlock, type MarkdownContext, renderInline, renderMarkdown } from './markdown.ts';
import { type Lang, type Page, pageHref } from './page.ts';
import { searchSections } from './search-index.ts';
import { say, sayLab, sayMinutes } from './ui.ts';

export function labPage(build: BuildContext, info: LabInfo, lang: Lang): Page {
  const { site, labs } = build;
  const readme = readReadme(site.root, info, lang);
  const path = labPath(info.id);
  const title = labTitle(site.root, info, lang);
  const context = {
    ...markdownFor(build, { file: readme.file, lang, path }, { terms: true }),
    codeLink: labLink(site, info, readme.file),
  };
  const [, ...paragraphs] = readme.text
    .replace(/^# .*$/m, '')
    .trim()
    .split(/\n\s*\n/);
  const facts = paragraphs.map(readFacts).find((found) => found.length > 0);
  const rest = paragraphs.filter((paragraph) => readFacts(paragraph).length === 0);
  const main = html`<header class="page-head"><p class="eyebrow">${sayLab(lang, info)}${info.minutes !== undefined && ` · ${sayMinutes(lang, info.minutes)}`}</p>
<h1>${title}</h1><p class="lead">${renderInline(readme.intro, context)}</p></header>
${facts && factList(facts, context)}
${clusterMap({ lang, lit: info.id, labs: mapLabs(build, lang, path) })}
${info.course ? steps(info, lang) : html`<p class="notice">${say(lang, 'noLessonsLong')}</p>`}
<section class="readme"><h2 id="about">${say(lang, 'aboutLab')}<a class="anchor" href="#about" aria-hidden="true" tabindex="-1">#</a></h2>
${renderMarkdown(rest.join('\n\n'), context)}</section>`;
  const first = info.course?.steps[0];
  const nextLab = labs.find(({ number }) => number === info.number + 1);
  const next = first
    ? { title: `1 · ${stepTitle(first, lang)}`, path: stepPath(info.id, first.id) }
    : nextLab && { title: labTitle(site.root, nextLab, lang), path: labPath(nextLab.id) };
  const before = labs.find(({ number }) => number === info.number - 1);
  return {
    path,
    lang,
    title,
    from: readme.file,
    main,
    translated: readme.translated,
    lab: info.id,
    crumbs: [{ title: say(lang, 'navLabs'), path: 'index.html#labs' }],
    headings: [...context.headings],
    search: searchSections(main, title),
    ...(before && {
      previous: { title: labTitle(site.root, before, lang), path: labPath(before.id) },
    }),
    ...(next && { next }),
  };
}

type Fact = readonly [label: string, text: string];

/** "After this lab you can: … | You need: … | Real Kubernetes: …", the line on the first screen of every README; [] for another one. */
function readFacts(paragraph: string): Fact[] {
  const matches = paragraph
    .replace(/\s+/g, ' ')
    .split('|')
    .map((part) => /^\s*([^:：]{2,40})[:：]\s*(.+?)\s*$/.exec(part));
  if (matches.length < 2 || matches.includes(null)) return [];
  return matches.map((match) => [match?.[1] ?? '', match?.[2] ?? '']);
}

function factList(facts: readonly Fact[], context: MarkdownContext): Html {
  return html`<dl class="facts tall">${facts.map(
    ([label, text]) => html`<div><dt>${label}</dt><dd>${renderInline(text, context)}</dd></div>`,
  )}</dl>`;
}

function steps(info: LabInfo, lang: Lang): Html {
  const path = labPath(info.id);
  return html`<section><h2 id="steps">${say(lang, 'steps')}<a class="anchor" href="#steps" aria-hidden="true" tabindex="-1">#</a></h2>
<ol class="step-list">${info.course?.steps.map(
    (step) =>
      html`<li><a href="${pageHref(lang, path, stepPath(info.id, step.id))}"><span class="number">${step.number}</span><span class="name">${stepTitle(step, lang)}</span></a><span class="quiet">${say(lang, 'minutes', { n: step.minutes })}</span></li>`,
  )}</ol>
<p>${say(lang, 'startLab')}:</p>
${codeBlock(`npm run lab -- start ${info.id}\nnpm run lab -- task\nnpm run lab -- check --watch`, 'sh')}</section>`;
}

/** All labs, for the map of some page. */
export function mapLabs(
  { labs }: BuildContext,
  lang: Lang,
  path: string,
): { id: string; part: LabInfo['part']; href: string }[] {
  return labs.map(({ id, part }) => ({ id, part, href: pageHref(lang, path, labPath(id)) }));
}
