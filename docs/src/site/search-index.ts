// SearchIndex: what the search finds, made when the site is built; one index a language.
//
// A page is cut at its headings, and each piece is found by itself. The index is written as a script that sets a global, since a page
// that was opened from a disk may load scripts but may not fetch. Words are cut by assets/tokenize.js, the same file that cuts what
// the reader types. What a learner should not stumble upon (hints, answers, solutions, transcripts, teacher's notes) is left out.
import MiniSearch from 'minisearch';
import './assets/tokenize.js';
import { type Html, raw, textOf } from './html.ts';
import { type Lang, outputPath, type Page, type SearchSection } from './page.ts';

declare global {
  var kubeLabsTokenize: (text: string) => string[];
}

/** What is stored for each hit, beside the index itself. */
interface SearchDocument {
  readonly id: number;
  readonly href: string;
  readonly page: string;
  readonly title: string;
  readonly text: string;
}

const TEXT_MAX = 3_000;

export const tokenize = (text: string): string[] => globalThis.kubeLabsTokenize(text);

/** The pieces of a page between its headings. */
export function searchSections(main: Html, title: string): SearchSection[] {
  const visible = withoutSpoilers(main.toString());
  const pieces = visible.split(/<h[1-4]\b[^>]*\bid="([^"]+)"[^>]*>/);
  const sections: SearchSection[] = [{ anchor: '', title, text: textOf(raw(pieces[0] ?? '')) }];
  for (let i = 1; i < pieces.length; i += 2) {
    const [heading = '', ...rest] = (pieces[i + 1] ?? '').split(/<\/h[1-4]>/);
    const name = textOf(raw(heading.replace(/<a class="anchor".*?<\/a>/g, '')));
    sections.push({ anchor: pieces[i] ?? '', title: name, text: textOf(raw(rest.join(' '))) });
  }
  return sections;
}

/** Takes out <details> with all that is in them, and teacher's notes. */
function withoutSpoilers(markup: string): string {
  let depth = 0;
  return markup
    .replace(/<aside class="teacher[\s\S]*?<\/aside>/g, '')
    .replace(/<figure class="code transcript[\s\S]*?<\/figure>/g, '')
    .split(/(<details\b[^>]*>|<\/details>)/)
    .filter((piece) => {
      if (piece.startsWith('<details')) depth += 1;
      else if (piece === '</details>') depth -= 1;
      else return depth === 0;
      return false;
    })
    .join('');
}

/** The script of one language. */
export function searchScript(pages: Iterable<Page>, lang: Lang): string {
  const index = new MiniSearch<SearchDocument>({
    fields: ['title', 'page', 'text'],
    storeFields: ['href', 'page', 'title', 'text'],
    tokenize,
    processTerm: (term) => term,
  });
  let id = 0;
  for (const page of pages) {
    if (page.lang !== lang) continue;
    for (const { anchor, title, text } of page.search ?? []) {
      const href = outputPath(page.path, lang) + (anchor === '' ? '' : `#${anchor}`);
      index.add({ id, href, page: page.title, title, text: text.slice(0, TEXT_MAX) });
      id += 1;
    }
  }
  return `window.kubeLabsSearchIndex = ${JSON.stringify(index.toJSON())};\n`;
}
