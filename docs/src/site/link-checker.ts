// LinkChecker: every link inside the site leads to a file that is there, and to an anchor that is there.
//
// It reads the finished pages, as a browser would, so it does not matter who made a link. Links that leave the site are not followed.
import { posix } from 'node:path';
import type { Problem } from './problems.ts';

export interface CheckedPage {
  /** The file of the page, from the top of the site. */
  readonly file: string;
  /** What a person has to edit. */
  readonly from: string;
  readonly markup: string;
}

const LINK = / (?:href|src)="([^"]*)"/g;
const ID = / id="([^"]+)"/g;

export function checkLinks(pages: readonly CheckedPage[], otherFiles: Iterable<string>): Problem[] {
  const idsOf = new Map(
    pages.map(({ file, markup }) => [
      file,
      new Set([...markup.matchAll(ID)].map((match) => match[1])),
    ]),
  );
  const files = new Set([...idsOf.keys(), ...otherFiles]);
  return pages.flatMap(({ file, from, markup }) => {
    const links = new Set([...markup.matchAll(LINK)].map((match) => unescapeHtml(match[1] ?? '')));
    const complain = (what: string): Problem => ({ where: `${file} (from ${from})`, what });
    return [...links].flatMap((link) => {
      if (/^[a-z][a-z0-9+.-]*:/i.test(link)) return [];
      const [target = '', anchor] = link.split('#');
      const path = target === '' ? file : posix.join(posix.dirname(file), target);
      if (!files.has(path)) return [complain(`links to ${link}, and the site has no ${path}`)];
      const ids = idsOf.get(path);
      if (anchor === undefined || anchor === '' || ids === undefined) return [];
      if (ids.has(decodeURIComponent(anchor))) return [];
      return [complain(`links to ${link}, and ${path} has no anchor #${anchor}`)];
    });
  });
}

function unescapeHtml(text: string): string {
  return text.replace(/&quot;/g, '"').replace(/&amp;/g, '&');
}
