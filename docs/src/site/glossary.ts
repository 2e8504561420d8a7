// Glossary: the entries of docs/glossary.md, and the links that lessons have to them.
//
//   ### Pod {#pod}
//   <!-- also: pods -->                     other words for it; `link: no` = too common a word to link by itself;
//                                           `except: Node, Node's` = spelt so it means something else
//   One or more containers that …           the first sentence is shown when the pointer rests on a link
// The id is the same in every language, so that a link keeps its aim when the reader changes the language. A lesson links a term
// where it first stands on the page, never in code, in a heading or in another link.
import type { StateCore, Token } from 'markdown-it';
import { type Lang, pageHref } from './page.ts';

export interface GlossaryEntry {
  readonly id: string;
  readonly title: string;
  readonly words: readonly string[];
  /** Words and phrases that look like this entry and are not; their case counts. */
  readonly except: readonly string[];
  readonly gist: string;
}

export const GLOSSARY_PATH = 'glossary.html';

export function parseGlossary(text: string): GlossaryEntry[] {
  return text
    .split(/^### /m)
    .slice(1)
    .map((block) => {
      const [heading = '', ...rest] = block.split('\n');
      const [, title = heading, id = ''] = /^(.*?)\s*\{#([\w-]+)\}\s*$/.exec(heading) ?? [];
      const body = rest.join('\n');
      const note = /<!--([\s\S]*?)-->/.exec(body)?.[1] ?? '';
      const also = listIn(note, 'also');
      const names = title.split(/[（(/,，）)]/).concat(also);
      const words = /link:\s*no/.test(note) ? [] : names.map((word) => word.trim()).filter(Boolean);
      const except = listIn(note, 'except');
      return { id, title, words: [...new Set(words)], except, gist: gistOf(body) };
    });
}

/** `also: pods, a pod; …` */
function listIn(note: string, name: string): string[] {
  const list = new RegExp(`${name}:([^;]*)`).exec(note)?.[1] ?? '';
  return list
    .split(/[,，]/)
    .map((word) => word.trim())
    .filter(Boolean);
}

/** The first sentence, without its Markdown. */
function gistOf(body: string): string {
  const text = body.replace(/<!--[\s\S]*?-->/g, '').trim();
  const plain = text
    .split('\n\n')[0]
    ?.replace(/\s+/g, ' ')
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/[`*]/g, '');
  return /^.*?(?:[.:](?= |$)|[。：])/.exec(plain ?? '')?.[0] ?? plain ?? '';
}

/** The links of one page: what has been linked already is remembered here, so make one a page. */
export interface TermLinks {
  readonly pattern: RegExp;
  readonly entryOf: (word: string) => GlossaryEntry | undefined;
  readonly hrefOf: (entry: GlossaryEntry) => string;
  readonly linked: Set<string>;
}

export function termLinks(
  entries: readonly GlossaryEntry[],
  { lang, path }: { readonly lang: Lang; readonly path: string },
): TermLinks | undefined {
  const byWord = new Map<string, GlossaryEntry>();
  for (const entry of entries) {
    for (const word of entry.words)
      if (!byWord.has(word.toLowerCase())) byWord.set(word.toLowerCase(), entry);
  }
  if (byWord.size === 0) return undefined;
  const except = new Set(entries.flatMap((entry) => entry.except));
  const phrases = [...byWord.keys(), ...except];
  const longestFirst = phrases.sort((a, b) => b.length - a.length);
  return {
    pattern: new RegExp(longestFirst.map(wordPattern).join('|'), 'giu'),
    entryOf: (word) => (except.has(word) ? undefined : byWord.get(word.toLowerCase())),
    hrefOf: ({ id }) => pageHref(lang, path, `${GLOSSARY_PATH}#${id}`),
    linked: new Set(),
  };
}

/** Latin words have ends; Chinese ones stand in the middle of a sentence. */
function wordPattern(word: string): string {
  const escaped = word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return /^[\x20-\x7e]+$/.test(word) ? `(?<![\\w.#/-])${escaped}(?![\\w#/-]|\\.\\w)` : escaped;
}

/** Splits the text tokens of a parsed document where a term is linked. */
export function linkTerms(state: StateCore, terms: TermLinks): void {
  state.tokens.forEach((token, index) => {
    if (token.type !== 'inline' || token.children === null) return;
    if (state.tokens[index - 1]?.type === 'heading_open') return;
    let depth = 0;
    token.children = token.children.flatMap((child) => {
      if (child.type === 'link_open') depth += 1;
      if (child.type === 'link_close') depth -= 1;
      return child.type === 'text' && depth === 0 ? splitText(state, child, terms) : [child];
    });
  });
}

function splitText(state: StateCore, token: Token, terms: TermLinks): Token[] {
  const pieces: Token[] = [];
  let from = 0;
  for (const match of token.content.matchAll(terms.pattern)) {
    const entry = terms.entryOf(match[0]);
    if (entry === undefined || terms.linked.has(entry.id)) continue;
    terms.linked.add(entry.id);
    pieces.push(textToken(state, token.content.slice(from, match.index)));
    pieces.push(...linkTokens(state, match[0], entry, terms));
    from = match.index + match[0].length;
  }
  if (from === 0) return [token];
  return [...pieces, textToken(state, token.content.slice(from))];
}

function textToken(state: StateCore, content: string): Token {
  const token = new state.Token('text', '', 0);
  token.content = content;
  return token;
}

function linkTokens(
  state: StateCore,
  word: string,
  entry: GlossaryEntry,
  terms: TermLinks,
): Token[] {
  const open = new state.Token('link_open', 'a', 1);
  open.attrs = [
    ['class', 'term'],
    ['href', terms.hrefOf(entry)],
    ['title', entry.gist],
  ];
  open.meta = { term: true };
  return [open, textToken(state, word), new state.Token('link_close', 'a', -1)];
}
