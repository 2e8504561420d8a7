// SourcePages: the files of the repository that something links to, coloured, with a line number that can be linked to on every line.
//
// A file of a lab with lessons has two pages: the skeleton, which is what tasks link to, and the reference. Each says which it is and
// leads to the other. A folder's page lists its files, each with what its header says it is.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { BuildContext } from './build-context.ts';
import type { LabInfo } from './catalog.ts';
import { skeletonOf } from './code-links.ts';
import { highlightLines } from './highlight.ts';
import { type Html, html, raw } from './html.ts';
import { type Lang, type Page, type PageLink, pageHref } from './page.ts';
import type { Site, SourceRef } from './site.ts';
import { say, sayLab } from './ui.ts';

const BYTES_MAX = 400_000;
const COLOURED_MAX = 2_000;

export function sourcePage(build: BuildContext, path: string, ref: SourceRef, lang: Lang): Page {
  const { file, form } = ref;
  const main =
    form === 'folder'
      ? folder(build.site, { path, file, lang })
      : source(build, { path, ref, lang });
  const lab = build.labs.find((info) => file.startsWith(`${info.folder}/`));
  return {
    path,
    lang,
    title: file,
    from: file,
    main,
    translated: true,
    frame: 'source',
    ...(lab && { crumbs: crumbs(lab, lang) }),
  };
}

function crumbs(lab: LabInfo, lang: Lang): PageLink[] {
  return [{ title: sayLab(lang, lab), path: `labs/${lab.id}/index.html` }];
}

interface FolderPlace {
  readonly path: string;
  readonly file: string;
  readonly lang: Lang;
}

function folder(site: Site, { path, file, lang }: FolderPlace): Html {
  const entries = readdirSync(join(site.root, file), { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.') && name !== 'node_modules')
    .sort((a, b) => a.name.localeCompare(b.name));
  return html`<header class="page-head"><p class="eyebrow">${say(lang, 'source')}</p><h1><code>${file}/</code></h1></header>
<ul class="plain-list">${entries.map((entry) => {
    const child = `${file}/${entry.name}`;
    const isFolder = entry.isDirectory();
    return html`<li><a href="${pageHref(lang, path, site.pageOf(child))}"><code>${entry.name}${isFolder && '/'}</code></a> ${!isFolder && purposeOf(readFileSync(join(site.root, child), 'utf8'))}</li>`;
  })}</ul>`;
}

/** "// Store: the parts put together." says what the file is. */
function purposeOf(text: string): string {
  const line = text.split('\n').find((candidate) => !candidate.startsWith('#!')) ?? '';
  return /^\/\/ (?:[\w.\-/ ]+: )?(.*)$/.exec(line)?.[1] ?? '';
}

interface SourcePlace {
  readonly path: string;
  readonly ref: SourceRef;
  readonly lang: Lang;
}

function source(build: BuildContext, { path, ref, lang }: SourcePlace): Html {
  const { file, form } = ref;
  const text = textOf(build, ref);
  const lines = linesOf(text.replace(/\n$/, ''), file);
  return html`<header class="page-head"><p class="eyebrow">${say(lang, form === 'skeleton' ? 'sourceSkeleton' : 'source')} · ${say(lang, 'lineCount', { n: lines.length })}</p>
<h1><code>${file}</code></h1>${otherForm(build, { path, ref, lang })}</header>
<figure class="code source"><pre tabindex="0"><code>${lines.map(
    (line, index) =>
      html`<span class="line" id="L${index + 1}"><a class="line-number" href="#L${index + 1}" tabindex="-1" aria-hidden="true">${index + 1}</a>${raw(line)}\n</span>`,
  )}</code></pre></figure>`;
}

const coloured = new Map<string, readonly string[]>();

/** Colouring is the slow part of a build, and both languages and every rebuild ask for the same. */
function linesOf(text: string, file: string): readonly string[] {
  const known = coloured.get(text);
  if (known !== undefined) return known;
  const lines = highlightLines(text, file.split('.').at(-1) ?? '');
  if (coloured.size >= COLOURED_MAX) coloured.clear();
  coloured.set(text, lines);
  return lines;
}

function textOf({ site, labs }: BuildContext, { file, form }: SourceRef): string {
  const absolute = join(site.root, file);
  if (statSync(absolute).size > BYTES_MAX) {
    site.complain(file, `is linked to, and is too large for a page (${BYTES_MAX} bytes at most)`);
    return '';
  }
  const lab = labs.find(({ folder: prefix }) => file.startsWith(`${prefix}/`));
  const skeleton = form === 'skeleton' && lab?.course ? skeletonOf(lab.course) : undefined;
  return (
    (lab && skeleton?.get(file.slice(lab.folder.length + 1))) ?? readFileSync(absolute, 'utf8')
  );
}

/** From skeleton to reference and back. */
function otherForm(
  { site, labs }: BuildContext,
  { path, ref, lang }: SourcePlace,
): Html | undefined {
  const { file, form } = ref;
  const lab = labs.find(({ folder: prefix }) => file.startsWith(`${prefix}/src/`));
  if (lab?.course === undefined) return undefined;
  if (form === 'skeleton') {
    const href = pageHref(lang, path, site.pageOf(file));
    return html`<p class="quiet">${say(lang, 'isSkeleton')} <a href="${href}">${say(lang, 'toReference')}</a></p>`;
  }
  const skeleton = skeletonOf(lab.course).get(file.slice(lab.folder.length + 1));
  if (skeleton === undefined || skeleton === readFileSync(join(site.root, file), 'utf8'))
    return undefined;
  const href = pageHref(lang, path, site.skeletonOf(file));
  return html`<p class="quiet">${say(lang, 'isReference')} <a href="${href}">${say(lang, 'toSkeleton')}</a></p>`;
}
