// Site: what a build knows while it runs: pages, files, which document becomes which page, and everything that is wrong so far.
//
// Pages are added in any order; links may point to pages that come later, since they are checked at the end (link-checker.ts). A link to
// a file of the repository makes a page for it (source-pages.ts), so a source that nobody points to has none.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { type Lang, outputPath, type Page, pageHref } from './page.ts';
import type { Problem } from './problems.ts';

/** A file or folder of the repository that has a page, because something links to it. */
export interface SourceRef {
  readonly file: string;
  readonly form: 'reference' | 'skeleton' | 'folder';
}

export class Site {
  /** Absolute path of the repository. */
  readonly root: string;
  readonly pages = new Map<string, Page>();
  /** Files that are not pages: style sheets, scripts, the search index. By path from the top of the site. */
  readonly files = new Map<string, string | Buffer>();
  readonly problems: Problem[] = [];
  /** Links that leave the site, each with the files that have them. Nobody follows them: they are only listed. */
  readonly externalLinks = new Map<string, Set<string>>();
  /** Pages that show a file of the repository, by their path. Filled by whoever links to one. */
  readonly sources = new Map<string, SourceRef>();
  readonly #documents = new Map<string, string>();

  constructor(root: string) {
    this.root = root;
  }

  addPage(page: Page): void {
    const file = outputPath(page.path, page.lang);
    const other = this.pages.get(file);
    if (other !== undefined) {
      this.complain(page.from, `would become ${file}, and so would ${other.from}`);
      return;
    }
    this.pages.set(file, page);
  }

  /** The same thing is said once, though a page is made in each language. */
  complain(where: string, what: string): void {
    if (this.problems.some((known) => known.where === where && known.what === what)) return;
    this.problems.push({ where, what });
  }

  /** Links to this Markdown file, or to its translation, lead to that page. */
  addDocument(file: string, path: string): void {
    this.#documents.set(file, path);
  }

  /** The page of a file of the repository, which is made if there is none. */
  pageOf(file: string): string {
    const document = this.#documents.get(file.replace(/\.[a-z]{2}\.md$/, '.md'));
    if (document !== undefined) return document;
    const isFolder = statSync(join(this.root, file)).isDirectory();
    const path = isFolder ? `source/${file}/index.html` : `source/${file}.html`;
    this.sources.set(path, { file, form: isFolder ? 'folder' : 'reference' });
    return path;
  }

  /** The page of a file as a learner first finds it, with the bodies that the lab asks for still to be written. */
  skeletonOf(file: string): string {
    const path = `skeleton/${file}.html`;
    this.sources.set(path, { file, form: 'skeleton' });
    return path;
  }

  addImage(file: string): void {
    this.files.set(`images/${file}`, readFileSync(join(this.root, file)));
  }

  has(file: string): boolean {
    return existsSync(join(this.root, file));
  }
}

/** Where a piece of text stands: its file, and the page that it becomes a part of. */
export interface Place {
  readonly site: Site;
  readonly file: string;
  readonly lang: Lang;
  readonly path: string;
}

/** What a link of a Markdown file becomes on its page. */
export function resolveLink({ site, file, lang, path }: Place, href: string): string {
  if (href.startsWith('#')) return href;
  if (/^[a-z][a-z0-9+.-]*:|^\/\//i.test(href)) {
    const users = site.externalLinks.get(href) ?? new Set();
    site.externalLinks.set(href, users.add(file));
    return href;
  }
  const [target = '', anchor] = href.split('#');
  const named = posix.normalize(posix.join(posix.dirname(file), decodeURI(target)));
  const wanted = named.replace(/\/$/, '');
  if (wanted.startsWith('..') || posix.isAbsolute(wanted) || !site.has(wanted)) {
    site.complain(file, `links to ${href}, and there is no ${wanted}`);
    return '#';
  }
  return pageHref(lang, path, site.pageOf(wanted) + (anchor === undefined ? '' : `#${anchor}`));
}
