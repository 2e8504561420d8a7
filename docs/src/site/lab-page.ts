// LabPage: a lab's own page: where it is on the map, its steps, the way into it (steps/intro.md), and its README.
//
// A lab without lessons has its README only, and says so.
import { type BuildContext, markdownFor } from './build-context.ts';
import {
  type Introduction,
  type LabInfo,
  labPath,
  labTitle,
  readIntroduction,
  readReadme,
  stepPath,
  stepTitle,
} from './catalog.ts';
import { clusterMap } from './cluster-map.ts';
import { labLink } from './code-links.ts';
import { type Html, html } from './html.ts';
import { codeBlock, type MarkdownContext, renderInline, renderMarkdown } from './markdown.ts';
import { type Lang, type Page, type PageLink, pageHref } from './page.ts';
import { searchSections } from './search-index.ts';
import { say, sayLab, sayMinutes } from './ui.ts';

export function labPage(build: BuildContext, info: LabInfo, lang: Lang): Page {
  const { site } = build;
  const intro = readIntroduction(site.root, info, lang);
  const path = labPath(info.id);
  const title = labTitle(site.root, info, lang);
  const context = {
    ...markdownFor(build, { file: intro.file, lang, path }, { terms: true }),
    codeLink: labLink(site, info, intro.file),
  };
  const lead = html`<p class="lead">${renderInline(intro.lead, context)}</p>`;
  const main = html`<header class="page-head"><p class="eyebrow">${sayLab(lang, info)}${info.minutes !== undefined && ` · ${sayMinutes(lang, info.minutes)}`}</p>
<h1>${title}</h1>${lead}</header>
${clusterMap({ lang, lit: info.id, labs: mapLabs(build, lang, path) })}
${info.course ? steps(info, context) : html`<p class="notice">${say(lang, 'noLessonsLong')}</p>`}
${intro.body === '' ? info.course && startCommands(info, lang) : renderMarkdown(intro.body, context)}
${aboutSection(build, info, { intro, context })}`;
  return {
    path,
    lang,
    title,
    from: intro.file,
    main,
    translated: intro.translated,
    lab: info.id,
    crumbs: [{ title: say(lang, 'navLabs'), path: 'index.html#labs' }],
    headings: context.headings,
    search: searchSections(main, title),
    ...neighbours(build, info, lang),
  };
}

/** The README. Where only the way into the lab is translated, it is English on a page that is not, and says so. */
function aboutSection(
  build: BuildContext,
  info: LabInfo,
  { intro, context }: { readonly intro: Introduction; readonly context: MarkdownContext },
): Html {
  const { lang, site } = context;
  const readme = readReadme(build.site.root, info, lang);
  const place = {
    ...context,
    file: readme.file,
    codeLink: labLink(site, info, readme.file),
  };
  const paragraphs = readme.text
    .replace(/^# .*$/m, '')
    .trim()
    .split(/\n\s*\n/);
  const facts = paragraphs.map(readFacts).find((found) => found.length > 0);
  const shown = intro.file === readme.file ? paragraphs.slice(1) : paragraphs;
  const rest = shown.filter((paragraph) => readFacts(paragraph).length === 0);
  context.headings.push({ level: 2, id: 'about', title: say(lang, 'aboutLab') });
  const foreign = intro.translated && !readme.translated;
  return html`<section class="readme"><h2 id="about">${say(lang, 'aboutLab')}<a class="anchor" href="#about" aria-hidden="true" tabindex="-1">#</a></h2>
${foreign && html`<p class="notice">${say(lang, 'untranslatedPart')}</p>`}
<div${foreign && html` lang="en"`}>${facts && factList(facts, place)}
${renderMarkdown(rest.join('\n\n'), place)}</div></section>`;
}

function neighbours(
  { site, labs }: BuildContext,
  info: LabInfo,
  lang: Lang,
): Pick<Page, 'previous' | 'next'> {
  const link = (lab: LabInfo | undefined): PageLink | undefined =>
    lab && { title: labTitle(site.root, lab, lang), path: labPath(lab.id) };
  const [first] = info.course?.steps ?? [];
  const previous = link(labs.find(({ number }) => number === info.number - 1));
  const next = first
    ? { title: `1 · ${stepTitle(first, lang)}`, path: stepPath(info.id, first.id) }
    : link(labs.find(({ number }) => number === info.number + 1));
  return { ...(previous && { previous }), ...(next && { next }) };
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

function steps(info: LabInfo, { lang, path, headings }: MarkdownContext): Html {
  headings.push({ level: 2, id: 'steps', title: say(lang, 'steps') });
  return html`<section><h2 id="steps">${say(lang, 'steps')}<a class="anchor" href="#steps" aria-hidden="true" tabindex="-1">#</a></h2>
<ol class="step-list">${info.course?.steps.map(
    (step) =>
      html`<li><a href="${pageHref(lang, path, stepPath(info.id, step.id))}"><span class="number">${step.number}</span><span class="name">${stepTitle(step, lang)}</span></a><span class="quiet">${say(lang, 'minutes', { n: step.minutes })}</span></li>`,
  )}</ol></section>`;
}

/** For a lab whose steps/ has no intro.md. */
function startCommands({ id }: LabInfo, lang: Lang): Html {
  const commands = [`start ${id}`, 'task', 'check --watch'].map((verb) => `npm run lab -- ${verb}`);
  return html`<p>${say(lang, 'startLab')}:</p>${codeBlock(commands.join('\n'), 'sh')}`;
}

/** All labs, for the map of some page. */
export function mapLabs(
  { labs }: BuildContext,
  lang: Lang,
  path: string,
): { id: string; part: LabInfo['part']; href: string }[] {
  return labs.map(({ id, part }) => ({ id, part, href: pageHref(lang, path, labPath(id)) }));
}
