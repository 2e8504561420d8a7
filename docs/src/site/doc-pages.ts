// DocPages: pages that are one Markdown file each: architecture, decisions, glossary, teaching, troubleshooting, and whatever is in docs/pages.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BuildContext, markdownFor } from './build-context.ts';
import { labPath, localized } from './catalog.ts';
import { repositoryLink } from './code-links.ts';
import { GLOSSARY_PATH, parseGlossary } from './glossary.ts';
import { type Html, html } from './html.ts';
import { renderInline, renderMarkdown } from './markdown.ts';
import { type Lang, type Page, pageHref } from './page.ts';
import { searchSections } from './search-index.ts';
import type { Site } from './site.ts';
import { say } from './ui.ts';

interface Document {
  readonly file: string;
  readonly path: string;
}

const DECISIONS = 'decisions/index.html';
/** These are made from docs/pages too, each by a file of its own. */
const MADE_ELSEWHERE = ['home.md', 'changes.md'];

/** Says which Markdown file becomes which page, before anything is rendered, so that links find them. */
export function registerDocuments({ site, labs }: Pick<BuildContext, 'site' | 'labs'>): void {
  for (const { file, path } of documents(site)) site.addDocument(file, path);
  site.addDocument('README.md', 'index.html');
  site.addDocument('docs/pages/home.md', 'index.html');
  site.addDocument('docs/pages/changes.md', 'changes.html');
  for (const { id, folder, course } of labs) {
    site.addDocument(`${folder}/README.md`, labPath(id));
    if (course !== undefined) site.addDocument(`${folder}/steps/intro.md`, labPath(id));
    for (const step of course?.steps ?? []) {
      site.addDocument(`${folder}/steps/${step.id}/lesson.md`, `labs/${id}/${step.id}.html`);
    }
  }
}

function documents(site: Site): Document[] {
  const found: Document[] = [];
  if (site.has('docs/architecture.md'))
    found.push({ file: 'docs/architecture.md', path: 'architecture.html' });
  if (site.has('docs/glossary.md')) found.push({ file: 'docs/glossary.md', path: GLOSSARY_PATH });
  for (const name of markdownIn(site, 'docs/pages')) {
    if (!MADE_ELSEWHERE.includes(name))
      found.push({ file: `docs/pages/${name}`, path: htmlName(name) });
  }
  for (const name of markdownIn(site, 'docs/decisions')) {
    found.push({ file: `docs/decisions/${name}`, path: `decisions/${htmlName(name)}` });
  }
  return found;
}

const htmlName = (name: string): string => name.replace(/\.md$/, '.html');

/** English files only: translations stand beside them. */
function markdownIn(site: Site, folder: string): string[] {
  const path = join(site.root, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path)
    .filter((name) => name.endsWith('.md') && !/\.[a-z]{2}\.md$/.test(name))
    .sort();
}

export function docPages(build: BuildContext, lang: Lang): Page[] {
  const pages = documents(build.site).map((document) => docPage(build, document, lang));
  return [...pages, decisionsPage(build, lang)];
}

function docPage(build: BuildContext, { file: english, path }: Document, lang: Lang): Page {
  const { file, translated } = localized(build.site.root, english, lang);
  const text = readFileSync(join(build.site.root, file), 'utf8');
  const context = {
    ...markdownFor(build, { file, lang, path }),
    codeLink: repositoryLink(build.site),
  };
  const isGlossary = path === GLOSSARY_PATH;
  const title = titleOf(text);
  const body = renderMarkdown(text.replace(/^# .*$/m, ''), context);
  const main = html`<header class="page-head"><h1>${renderInline(title, context)}</h1></header>
${isGlossary && glossaryIndex(text)}<div class="${isGlossary ? 'glossary' : 'document'}">${body}</div>`;
  const isDecision = path.startsWith('decisions/');
  return {
    path,
    lang,
    title: title.replace(/`/g, ''),
    from: file,
    main,
    translated,
    headings: context.headings,
    search: searchSections(main, title),
    ...(isDecision && { crumbs: [{ title: say(lang, 'decisions'), path: DECISIONS }] }),
  };
}

const titleOf = (text: string): string => /^# (.*)$/m.exec(text)?.[1]?.trim() ?? '';

function glossaryIndex(text: string): Html {
  return html`<ul class="term-index">${parseGlossary(text).map(
    ({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`,
  )}</ul>`;
}

function decisionsPage({ site }: BuildContext, lang: Lang): Page {
  const title = say(lang, 'decisions');
  const entries = markdownIn(site, 'docs/decisions').map((name) => {
    const { file } = localized(site.root, `docs/decisions/${name}`, lang);
    const own = titleOf(readFileSync(join(site.root, file), 'utf8'));
    return { title: own.replace(/`/g, ''), path: `decisions/${htmlName(name)}` };
  });
  const main = html`<header class="page-head"><h1>${title}</h1></header>
<ul class="plain-list">${entries.map(
    (entry) => html`<li><a href="${pageHref(lang, DECISIONS, entry.path)}">${entry.title}</a></li>`,
  )}</ul>`;
  return {
    path: DECISIONS,
    lang,
    title,
    from: 'docs/decisions',
    main,
    translated: true,
    search: searchSections(main, title),
  };
}
