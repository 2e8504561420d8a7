// Page: one page of the site in one language, and how pages find each other.
//
// A page is named by its path, which is the same in every language: `labs/01-store/1-revisions.html`. The file it becomes lies below
// the language's folder, except for English, which is at the top: `zh/labs/01-store/1-revisions.html`. Links between files are
// relative and name the file, so that the site works from a folder on a disk as it does from a server.
import { posix } from 'node:path';
import type { Html } from './html.ts';

export const LANGS = ['en', 'zh'] as const;
export type Lang = (typeof LANGS)[number];

export interface PageLink {
  readonly title: string;
  /** Path of a page, without a language, perhaps with an anchor. */
  readonly path: string;
}

/** What the search knows of a page: one entry for each heading. */
export interface SearchSection {
  readonly anchor: string;
  readonly title: string;
  readonly text: string;
}

export interface Heading {
  readonly level: number;
  readonly id: string;
  readonly title: string;
}

export interface Page {
  readonly path: string;
  readonly lang: Lang;
  readonly title: string;
  /** The file that its text comes from, for messages about broken links. */
  readonly from: string;
  readonly main: Html;
  /** False when the text is English on a page of another language: the page says so. */
  readonly translated: boolean;
  readonly crumbs?: readonly PageLink[];
  readonly previous?: PageLink;
  readonly next?: PageLink;
  readonly headings?: readonly Heading[];
  /** Beside the text on a wide screen. */
  readonly aside?: Html;
  readonly search?: readonly SearchSection[];
  /** The lab whose steps stand in the navigation, and that the reader is now known to work on. */
  readonly lab?: string;
  /** Slides have a frame of their own; a source page is as wide as its code. */
  readonly frame?: 'book' | 'slides' | 'source' | 'home';
}

/** The file of a page, from the top of the site. */
export function outputPath(path: string, lang: Lang): string {
  return lang === 'en' ? path : `${lang}/${path}`;
}

/** From one file of the site to another, perhaps with an anchor: `../glossary.html#pod`. */
export function relativeHref(from: string, to: string): string {
  const [file = '', anchor] = to.split('#');
  const suffix = anchor === undefined ? '' : `#${anchor}`;
  if (file === from) return suffix === '' ? posix.basename(file) : suffix;
  return posix.relative(posix.dirname(from), file) + suffix;
}

/** As relativeHref(), for two pages of one language. */
export function pageHref(lang: Lang, from: string, to: string): string {
  return relativeHref(outputPath(from, lang), outputPath(to, lang));
}
