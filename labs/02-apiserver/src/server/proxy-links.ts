// proxy-links: what an answer says about its own address, put right for a client that sees it through the API server.
//
// A server behind `…/services/web/proxy/` knows nothing of that prefix: its redirects and the links in its pages begin at its own root.
// Absolute paths on the same host get the prefix; relative ones and other hosts' stay as they are. Only tags' attributes are touched, as a
// stream: text, scripts, comments and tags of more than 64 KiB pass unread.
//
// Same rules upstream: apimachinery, util/proxy/transport.go (rewriteURL, rewriteHTML). Left out: addresses in style sheets, as there.

import { Transform, type TransformCallback } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

export interface LinkBase {
  /** The path of the request without what was passed on. */
  readonly prefix: string;
  /** Hosts that mean this server: the one behind, and the one that the client named. */
  readonly ownHosts: readonly string[];
}

const ATTRIBUTES: Readonly<Record<string, readonly string[]>> = {
  a: ['href'],
  applet: ['codebase'],
  area: ['href'],
  audio: ['src'],
  base: ['href'],
  blockquote: ['cite'],
  body: ['background'],
  button: ['formaction'],
  command: ['icon'],
  del: ['cite'],
  embed: ['src'],
  form: ['action'],
  frame: ['longdesc', 'src'],
  head: ['profile'],
  html: ['manifest'],
  iframe: ['longdesc', 'src'],
  img: ['longdesc', 'src', 'usemap'],
  input: ['src', 'usemap', 'formaction'],
  ins: ['cite'],
  link: ['href'],
  object: ['classid', 'codebase', 'data', 'usemap'],
  q: ['cite'],
  script: ['src'],
  source: ['src'],
  video: ['poster', 'src'],
};
const TAG_CHARS_MAX = 64 * 1024;
/** Elements whose content is no markup. */
const RAW_TEXT: ReadonlySet<string> = new Set(['script', 'style', 'textarea', 'title', 'xmp']);
/** `</textarea`, the longest of their ends, without its last letter. */
const RAW_END_CHARS_MAX = 9;
const ATTRIBUTE = /([^\s"'<>/=]+)(\s*=\s*)(?:"([^"]*)"|'([^']*)'|([^\s"'=<>`]+))/g;

/** One address, for the Location header or out of a page. */
export function rewriteUrl(url: string, { prefix, ownHosts }: LinkBase): string {
  const [, origin = '', host = '', path = ''] =
    /^(?:((?:https?:)?\/\/([^/?#]*)))?(.*)$/i.exec(url) ?? [];
  const isOther = origin !== '' && !ownHosts.includes(host);
  if (isOther || !path.startsWith('/')) return url;
  return path.startsWith(`${prefix}/`) || path === prefix ? path : prefix + path;
}

/** Rewrites the links of a page that flows through; UTF-8, as upstream assumes. */
export class LinkRewriter extends Transform {
  readonly #base: LinkBase;
  readonly #decoder = new StringDecoder('utf8');
  #held = '';
  /** Inside an element whose text is no markup: how it ends. */
  #until: RegExp | undefined;

  constructor(base: LinkBase) {
    super();
    this.#base = base;
  }

  override _transform(chunk: Buffer, _encoding: string, done: TransformCallback): void {
    this.#held += this.#decoder.write(chunk);
    done(null, this.#rewritten());
  }

  override _flush(done: TransformCallback): void {
    done(null, this.#held + this.#decoder.end());
    this.#held = '';
  }

  /** All that is decided; what might still become a tag, or the end of a script, stays behind. */
  #rewritten(): string {
    const text = this.#held;
    let out = '';
    let at = 0;
    for (;;) {
      const next = this.#nextMark(text, at);
      out += text.slice(at, next);
      at = next;
      const end = this.#until === undefined ? endOfMarkup(text, at) : -1;
      if (end < 0) break;
      out += this.#tag(text.slice(at, end));
      at = end;
    }
    const isTooLong = text.length - at > TAG_CHARS_MAX;
    this.#held = isTooLong ? '' : text.slice(at);
    return isTooLong ? out + text.slice(at) : out;
  }

  /** Where the next tag begins; in a script, where its end does, or may. */
  #nextMark(text: string, at: number): number {
    if (this.#until === undefined) {
      const found = text.indexOf('<', at);
      return found < 0 ? text.length : found;
    }
    this.#until.lastIndex = at;
    const found = this.#until.exec(text);
    if (found === null) return Math.max(at, text.length - RAW_END_CHARS_MAX);
    this.#until = undefined;
    return found.index;
  }

  #tag(tag: string): string {
    const name = /^<([a-z][^\s/>]*)/i.exec(tag)?.[1]?.toLowerCase();
    if (name === undefined) return tag;
    if (RAW_TEXT.has(name)) this.#until = new RegExp(`</${name}`, 'gi');
    const attributes = Object.hasOwn(ATTRIBUTES, name) ? ATTRIBUTES[name] : undefined;
    if (attributes === undefined) return tag;
    return tag.replace(ATTRIBUTE, (whole: string, key: string, equals: string, ...values) => {
      if (!attributes.includes(key.toLowerCase())) return whole;
      const [double, single, bare] = values as (string | undefined)[];
      const rewritten = rewriteUrl(double ?? single ?? bare ?? '', this.#base);
      const quote = double === undefined && single !== undefined ? "'" : '"';
      return `${key}${equals}${quote}${rewritten}${quote}`;
    });
  }
}

/** Behind the tag or comment that begins here, or behind a '<' that means nothing; -1 when the end is not there yet. */
function endOfMarkup(text: string, at: number): number {
  if (at + 1 >= text.length) return -1;
  if (!/[a-z/!?]/i.test(text.charAt(at + 1))) return at + 1;
  if (text.startsWith('<!--', at)) {
    const end = text.indexOf('-->', at);
    return end < 0 ? -1 : end + 3;
  }
  return '<!--'.startsWith(text.slice(at)) ? -1 : endOfTag(text, at);
}

/** Behind the '>' that ends a tag; one in a quoted value does not, and only behind '=' is a quote one. */
function endOfTag(text: string, start: number): number {
  let quote = '';
  let before = '';
  for (let at = start + 1; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (quote !== '') quote = char === quote ? '' : quote;
    else if (before === '=' && (char === '"' || char === "'")) quote = char;
    else if (char === '>') return at + 1;
    if (char.trim() !== '') before = char;
  }
  return -1;
}
