// BuildContext: what every kind of page is made from: the site so far, the catalog of labs, the glossary, the transcripts.
import type { Lab, Step } from '../course/model.ts';
import type { LabInfo } from './catalog.ts';
import type { GlossaryEntry } from './glossary.ts';
import { termLinks } from './glossary.ts';
import type { MarkdownContext } from './markdown.ts';
import type { Lang } from './page.ts';
import type { Site } from './site.ts';

export type TranscriptKind = 'red' | 'green';

/** What the tests of a step print, before it is written and when it is. Made by running them, never by hand. */
export interface Transcripts {
  of(lab: Lab, step: Step, kind: TranscriptKind): string;
}

export interface BuildContext {
  readonly site: Site;
  readonly labs: readonly LabInfo[];
  readonly glossary: Readonly<Record<Lang, readonly GlossaryEntry[]>>;
  /** Undefined in a draft: then pages say that nothing was run. */
  readonly transcripts: Transcripts | undefined;
}

/** A Markdown context for a page, with terms linked to the glossary or not. */
export function markdownFor(
  { site, glossary }: BuildContext,
  { file, lang, path }: { readonly file: string; readonly lang: Lang; readonly path: string },
  { terms = false }: { readonly terms?: boolean } = {},
): MarkdownContext {
  const links = terms ? termLinks(glossary[lang], { lang, path }) : undefined;
  const context = { site, file, lang, path, headings: [] };
  return links === undefined ? context : { ...context, terms: links };
}
