// HomePage: what kube-labs is, for the three people who use it; the map; the labs in order.
//
// Its words are docs/pages/home.md: before the first heading what it is, then a section for each of the three. The map lights the first
// lab that has lessons, until the reader has been in another (site.js).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BuildContext, markdownFor } from './build-context.ts';
import { type LabInfo, labPath, labTitle, localized, readIntroduction } from './catalog.ts';
import { clusterMap } from './cluster-map.ts';
import { type Html, html } from './html.ts';
import { mapLabs } from './lab-page.ts';
import { type MarkdownContext, renderInline, renderMarkdown } from './markdown.ts';
import { type Lang, type Page, pageHref } from './page.ts';
import { searchSections } from './search-index.ts';
import { cutSections } from './sections.ts';
import { say, sayMinutes } from './ui.ts';

const PATH = 'index.html';

export function homePage(build: BuildContext, lang: Lang): Page {
  const { file, translated } = localized(build.site.root, 'docs/pages/home.md', lang);
  const { head, sections } = cutSections(readFileSync(join(build.site.root, file), 'utf8'), 2);
  const context = markdownFor(build, { file, lang, path: PATH });
  const title = /^# (.*)$/m.exec(head)?.[1] ?? say(lang, 'site');
  const lit = (build.labs.find(({ course }) => course !== undefined) ?? build.labs[0])?.id;
  const main = html`<header class="hero"><h1>${title}</h1><div class="lead">${renderMarkdown(head.replace(/^# .*$/m, ''), context)}</div>
<p class="continue" hidden><a href="#">${say(lang, 'continueHere')}</a></p></header>
<div class="doors">${sections.map(
    (section) =>
      html`<section class="door">${renderMarkdown(`## ${section.title}\n${section.body}`, context)}</section>`,
  )}</div>
${clusterMap({ lang, labs: mapLabs(build, lang, PATH), ...(lit !== undefined && { lit }) })}
<section><h2 id="labs">${say(lang, 'theLabs')}<a class="anchor" href="#labs" aria-hidden="true" tabindex="-1">#</a></h2>
<ol class="lab-list">${build.labs.map((lab) => labRow(build, lab, context))}</ol></section>`;
  return {
    path: PATH,
    lang,
    title,
    from: file,
    main,
    translated,
    frame: 'home',
    search: searchSections(main, title),
  };
}

function labRow(build: BuildContext, lab: LabInfo, context: MarkdownContext): Html {
  const { lang } = context;
  const { file, lead, translated } = readIntroduction(build.site.root, lab, lang);
  return html`<li><a href="${pageHref(lang, PATH, labPath(lab.id))}"><span class="number">${lab.number}</span><span class="name">${labTitle(build.site.root, lab, lang)}</span></a>
<p${!translated && html` lang="en"`}>${renderInline(lead, { ...context, file })}</p>
<p class="quiet">${lab.minutes === undefined ? '' : `${sayMinutes(lang, lab.minutes)}${lab.course ? '' : ' · '}`}${!lab.course && say(lang, 'noLessons')}</p></li>`;
}
