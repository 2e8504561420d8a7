// Markdown: the text of lessons and pages becomes markup, by markdown-it with a few rules of our own.
//
//   headings    get an id, the one that GitHub gives them or the one written behind them: `### Pod {#pod}`
//   links       are resolved against the repository (site.ts); one that leads nowhere fails the build
//   code        is coloured when the site is built; `src/kv.ts#KeyValueStore` in backticks leads to the source
//   quotes      fold under a summary where the context asks for it: answers and criteria
//   terms       of the glossary are linked where they first stand on a page (glossary.ts)
// HTML in Markdown is not markup here: it is shown as text. Comments are taken out.
import MarkdownIt, { type Env, type StateCore, type Token } from 'markdown-it';
import { linkTerms, type TermLinks } from './glossary.ts';
import { highlight, looksLikeShell } from './highlight.ts';
import { escapeHtml, type Html, raw } from './html.ts';
import { type Heading, outputPath, pageHref, relativeHref } from './page.ts';
import { type Place, resolveLink } from './site.ts';

export interface MarkdownContext extends Place {
  readonly headings: Heading[];
  /** Fills a fenced block by its info string; undefined = it is ordinary code. */
  readonly fence?: (info: string, code: string) => Html | undefined;
  /** A place in the code, as `src/kv.ts` or `src/kv.ts#KeyValueStore`, becomes a path of a page. */
  readonly codeLink?: (reference: string) => string | undefined;
  readonly terms?: TermLinks;
  /** Quotes fold under this summary. */
  readonly foldQuotes?: string;
  /** Items of a numbered list get the ids `<prefix>-1`, `<prefix>-2` …. */
  readonly numberItems?: string;
  /** Added to the level of each heading: a README's `##` below a page's own. */
  readonly shift?: number;
}

const parser = new MarkdownIt({ html: false, linkify: false, typographer: false });
const contexts = new WeakMap<Env, MarkdownContext>();

export function renderMarkdown(text: string, context: MarkdownContext): Html {
  const env: Env = {};
  contexts.set(env, context);
  return raw(parser.render(withoutComments(text), env));
}

/** One line of text, without a paragraph around it: titles, table cells. */
export function renderInline(text: string, context: MarkdownContext): Html {
  const env: Env = {};
  contexts.set(env, context);
  return raw(parser.renderInline(text, env));
}

/** Comments that stand on lines of their own; inside a fence nothing is a comment. */
export function withoutComments(text: string): string {
  const pieces = text.split(/(^(`{3,}|~{3,})[\s\S]*?^\2\s*$)/m);
  return pieces
    .filter((_, index) => index % 3 !== 2) // The third is the fence's own marker, caught by its group.
    .map((piece, index) =>
      index % 2 === 1 ? piece : piece.replace(/^<!--[\s\S]*?-->[ \t]*$/gm, ''),
    )
    .join('');
}

/** The id that GitHub gives a heading: lower case, no punctuation, spaces as hyphens. */
export function slugOf(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-');
}

function contextOf(env: Env | undefined): MarkdownContext {
  const context = env && contexts.get(env);
  if (context === undefined) throw new Error('Markdown is rendered by renderMarkdown() only');
  return context;
}

function uniqueId(wanted: string, { headings }: MarkdownContext): string {
  const taken = new Set(headings.map(({ id }) => id));
  let id = wanted;
  for (let n = 1; taken.has(id); n += 1) id = `${wanted}-${n}`;
  return id;
}

/** Gives every heading its id and level, and takes `{#id}` out of its text. */
function nameHeadings(state: StateCore): void {
  const context = contextOf(state.env);
  state.tokens.forEach((token, index) => {
    if (token.type !== 'heading_open') return;
    const inline = state.tokens[index + 1];
    const close = state.tokens[index + 2];
    if (inline === undefined || close === undefined) return;
    const given = takeGivenId(inline);
    const title = (inline.children ?? []).map(({ content }) => content).join('');
    const level = Number(token.tag.slice(1));
    const tag = `h${Math.min(6, level + (context.shift ?? 0))}`;
    const id = uniqueId(given ?? slugOf(title), context);
    token.attrSet('id', id);
    token.tag = tag;
    close.tag = tag;
    context.headings.push({ level: Number(tag.slice(1)), id, title });
  });
}

function takeGivenId(inline: Token): string | undefined {
  const last = inline.children?.at(-1);
  const match = last && /\s*\{#([\w-]+)\}\s*$/.exec(last.content);
  if (!last || !match) return undefined;
  last.content = last.content.slice(0, match.index);
  return match[1];
}

parser.core.ruler.push('name_headings', nameHeadings);
parser.core.ruler.push('link_terms', (state) => {
  const { terms } = contextOf(state.env);
  if (terms !== undefined) linkTerms(state, terms);
});

const rules = parser.renderer.rules;

rules.link_open = (tokens, index, options, env, self) => {
  const token = tokens[index];
  if (token === undefined) return '';
  const href = String(token.attrGet('href') ?? '');
  if (token.meta?.term !== true) token.attrSet('href', resolveLink(contextOf(env), href));
  if (/^https?:/.test(href)) token.attrSet('rel', 'noreferrer');
  return self.renderToken(tokens, index, options);
};

rules.image = (tokens, index, options, env, self) => {
  const token = tokens[index];
  if (token === undefined) return '';
  const place = contextOf(env);
  const file = imageFile(place, String(token.attrGet('src') ?? ''));
  token.attrSet('src', relativeHref(outputPath(place.path, place.lang), file));
  token.attrSet('alt', self.renderInlineAsText(token.children ?? [], options, env ?? {}));
  token.attrSet('loading', 'lazy');
  return self.renderToken(tokens, index, options);
};

rules.heading_close = (tokens, index) => {
  const open = tokens[index - 2];
  const id = open?.attrGet('id') ?? '';
  return `<a class="anchor" href="#${id}" aria-hidden="true" tabindex="-1">#</a></${tokens[index]?.tag}>\n`;
};

rules.fence = (tokens, index, _options, env) => {
  const token = tokens[index];
  if (token === undefined) return '';
  const info = token.info.trim();
  const filled = contextOf(env).fence?.(info, token.content);
  return (filled ?? codeBlock(token.content, info.split(/\s+/)[0] ?? '')).toString();
};

rules.code_block = (tokens, index) => {
  const code = tokens[index]?.content ?? '';
  return codeBlock(code, looksLikeShell(code) ? 'sh' : '').toString();
};

rules.code_inline = (tokens, index, _options, env) => {
  const text = tokens[index]?.content ?? '';
  const code = `<code>${escapeHtml(text)}</code>`;
  const place = contextOf(env);
  const insideLink = tokens.slice(0, index).findLast(({ type }) => type.startsWith('link_'));
  const path = insideLink?.type === 'link_open' ? undefined : place.codeLink?.(text);
  if (path === undefined) return code;
  return `<a class="code-link" href="${escapeHtml(pageHref(place.lang, place.path, path))}">${code}</a>`;
};

rules.blockquote_open = (_tokens, _index, _options, env) => {
  const { foldQuotes } = contextOf(env);
  if (foldQuotes === undefined) return '<blockquote>\n';
  return `<details class="answer"><summary>${escapeHtml(foldQuotes)}</summary><div>\n`;
};
rules.blockquote_close = (_tokens, _index, _options, env) =>
  contextOf(env).foldQuotes === undefined ? '</blockquote>\n' : '</div></details>\n';

rules.list_item_open = (tokens, index, _options, env) => {
  const token = tokens[index];
  const { numberItems } = contextOf(env);
  if (numberItems === undefined || token?.level !== 1 || token.info === '') return '<li>';
  return `<li id="${numberItems}-${token.info}">`;
};

rules.table_open = () => '<div class="table" tabindex="0"><table>\n';
rules.table_close = () => '</table></div>\n';

/** A block of code. It scrolls by itself, so it can be reached by the keyboard. */
export function codeBlock(code: string, language: string, caption?: Html): Html {
  const text = code.replace(/\n$/, '');
  const kind = /^(sh|bash|shell)$/.test(language) ? ' data-shell' : '';
  const head = caption === undefined ? '' : `<figcaption>${caption}</figcaption>`;
  return raw(
    `<figure class="code"${kind}>${head}<pre tabindex="0"><code>${highlight(text, language)}</code></pre></figure>\n`,
  );
}

/** An image lies beside its Markdown file; its copy keeps its path below images/. */
function imageFile(place: Place, source: string): string {
  const { site, file } = place;
  const wanted = new URL(source, `file:///${file}`).pathname.slice(1);
  if (!site.has(wanted)) site.complain(file, `shows ${source}, and there is no ${wanted}`);
  else site.addImage(wanted);
  return `images/${wanted}`;
}
