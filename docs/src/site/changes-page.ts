// ChangesPage: what changed since the reader's version, lab by lab, from the contract numbers of lab.yaml.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BuildContext, markdownFor } from './build-context.ts';
import { labTitle, localized } from './catalog.ts';
import { type Html, html } from './html.ts';
import { type MarkdownContext, renderInline, renderMarkdown } from './markdown.ts';
import type { Lang, Page } from './page.ts';
import { searchSections } from './search-index.ts';
import { say, sayLab } from './ui.ts';

const PATH = 'changes.html';

export function changesPage(build: BuildContext, lang: Lang): Page {
  const { root } = build.site;
  const { file, translated } = localized(root, 'docs/pages/changes.md', lang);
  const context = markdownFor(build, { file, lang, path: PATH });
  const title = say(lang, 'changesTitle');
  const intro = existsSync(join(root, file)) ? readFileSync(join(root, file), 'utf8') : '';
  const main = html`<header class="page-head"><h1>${title}</h1></header>
${renderMarkdown(intro.replace(/^# .*$/m, ''), context)}
${build.labs.map((lab) => {
  if (lab.course === undefined) return undefined;
  const name = `${sayLab(lang, lab)} · ${labTitle(root, lab, lang)}`;
  context.headings.push({ level: 2, id: lab.id, title: name });
  return html`<section><h2 id="${lab.id}">${name}</h2>${contracts(lab.course, context)}</section>`;
})}`;
  return {
    path: PATH,
    lang,
    title,
    from: file,
    main,
    translated,
    headings: context.headings,
    search: searchSections(main, title),
  };
}

/** The newest first: that is what a reader who updates looks for. */
function contracts(
  {
    id,
    contract,
    changes,
  }: {
    readonly id: string;
    readonly contract: number;
    readonly changes: Readonly<Record<string, string>>;
  },
  context: MarkdownContext,
): Html {
  const { lang } = context;
  const newestFirst = Object.entries(changes).sort(([a], [b]) => Number(b) - Number(a));
  return html`<dl class="changes">${newestFirst.map(
    ([number, change]) =>
      html`<dt id="${id}-${number}">${say(lang, 'contract', { n: number })}${Number(number) === contract && html` <span class="quiet">${say(lang, 'contractNow')}</span>`}</dt><dd lang="en">${renderInline(change, context)}</dd>`,
  )}</dl>`;
}
