// Build: the whole site, in memory. Writing it to a folder (write.ts) and serving it (serve.ts) are other people's work.
//
// In this order: read what there is; say which document becomes which page; render the pages; render the sources that they link to; frame
// everything; make the search indexes; check the links. Everything that is wrong is collected, and then the build fails with all of it.
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { agendaPage } from './agenda-page.ts';
import type { BuildContext, Transcripts } from './build-context.ts';
import { localized, readCatalog } from './catalog.ts';
import { changesPage } from './changes-page.ts';
import { docPages, registerDocuments } from './doc-pages.ts';
import { type GlossaryEntry, parseGlossary } from './glossary.ts';
import { homePage } from './home-page.ts';
import { labPage } from './lab-page.ts';
import { layout } from './layout.ts';
import { checkLinks } from './link-checker.ts';
import { LANGS, type Lang } from './page.ts';
import { SiteError } from './problems.ts';
import { searchScript } from './search-index.ts';
import { Site } from './site.ts';
import { slidesPage } from './slides-page.ts';
import { sourcePage } from './source-pages.ts';
import { stepPage } from './step-page.ts';

export interface BuildOptions {
  /** Absolute path of the repository. */
  readonly root: string;
  /** Undefined = a draft: no test is run, and the pages say so. */
  readonly transcripts: Transcripts | undefined;
}

export interface BuiltSite {
  /** By path from the top of the site: `zh/glossary.html`, `assets/base.css`. */
  readonly files: ReadonlyMap<string, string | Buffer>;
  readonly pageCount: number;
  /** Addresses outside the site, each with the files that link to it. Nobody has followed them. */
  readonly externalLinks: ReadonlyMap<string, ReadonlySet<string>>;
}

export const ASSETS = join(import.meta.dirname, 'assets');

/** Throws a SiteError that names everything that has to be mended. */
export function buildSite({ root, transcripts }: BuildOptions): BuiltSite {
  const site = new Site(root);
  const labs = readCatalog(root);
  registerDocuments({ site, labs });
  const glossary = { en: readGlossary(site, 'en'), zh: readGlossary(site, 'zh') };
  const build: BuildContext = { site, labs, glossary, transcripts };
  for (const lang of LANGS) addPages(build, lang);
  addSources(build);
  addAssets(site);
  const frame = { root, labs, draft: transcripts === undefined };
  const pages = [...site.pages].map(([file, page]) => ({
    file,
    from: page.from,
    markup: layout(page, frame),
  }));
  const problems = [...site.problems, ...checkLinks(pages, site.files.keys())];
  if (problems.length > 0) throw new SiteError(problems);
  const files = new Map([
    ...site.files,
    ...pages.map(({ file, markup }) => [file, markup] as const),
  ]);
  return { files, pageCount: pages.length, externalLinks: site.externalLinks };
}

/** A translation's own words, and the English ones too: a Chinese text says pod as well. */
function readGlossary(site: Site, lang: Lang): GlossaryEntry[] {
  if (!site.has('docs/glossary.md')) return [];
  const read = (file: string): GlossaryEntry[] =>
    parseGlossary(readFileSync(join(site.root, file), 'utf8'));
  const english = read('docs/glossary.md');
  const { file } = localized(site.root, 'docs/glossary.md', lang);
  const own = lang === 'en' ? english : read(file);
  return own.map((entry) => {
    const words = english.find(({ id }) => id === entry.id)?.words ?? [];
    return { ...entry, words: [...new Set([...entry.words, ...words])] };
  });
}

function addPages(build: BuildContext, lang: Lang): void {
  const { site, labs } = build;
  site.addPage(homePage(build, lang));
  for (const info of labs) {
    site.addPage(labPage(build, info, lang));
    const { course } = info;
    for (const step of course?.steps ?? []) {
      if (course === undefined) continue;
      site.addPage(stepPage(build, { info, lab: course, step, lang }));
      site.addPage(slidesPage(build, { info, lab: course, step, lang }));
    }
  }
  for (const page of docPages(build, lang)) site.addPage(page);
  site.addPage(changesPage(build, lang));
  site.addPage(agendaPage(build, lang));
}

/** A page of a source may ask for others: the loop meets those too, since they are added to the map that it walks. */
function addSources(build: BuildContext): void {
  for (const [path, ref] of build.site.sources) {
    for (const lang of LANGS) build.site.addPage(sourcePage(build, path, ref, lang));
  }
}

function addAssets(site: Site): void {
  for (const name of readdirSync(ASSETS)) {
    site.files.set(`assets/${name}`, readFileSync(join(ASSETS, name)));
  }
  site.files.set('assets/minisearch.js', miniSearch());
  for (const lang of LANGS) {
    site.files.set(`assets/search.${lang}.js`, searchScript(site.pages.values(), lang));
  }
}

/** The search library as a classic script; the package has one, but does not name it in its exports. */
function miniSearch(): string {
  const cjs = createRequire(import.meta.url).resolve('minisearch');
  const script = readFileSync(join(cjs, '../../umd/index.js'), 'utf8');
  return script.replace(/\/\/# sourceMappingURL=.*\n?/, '');
}
