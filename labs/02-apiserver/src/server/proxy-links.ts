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
  #until: string | undefined;

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

  /** All that is decided; what might still become a tag stays behind. */
  #rewritten(): string {
    const text = this.#held;
    let out = '';
    let at = 0;
    while (at < text.length) {
      const next = this.#until === undefined ? text.indexOf('<', at) : this.#endOfRaw(text, at);
      if (next < 0) break;
      out += text.slice(at, next);
      at = next;
      const end = text.startsWith('<!--', at) ? endOf(text, '-->', at) : endOfTag(text, at);
      if (end < 0) break;
      out += this.#tag(text.slice(at, end));
      at = end;
    }
    // Text without a '<' is decided as well, as long as no raw element waits for its end.
    const rest = text.slice(at);
    const keeps = rest.includes('<') && rest.length <= TAG_CHARS_MAX;
    this.#held = keeps ? rest : '';
    return keeps ? out : out + rest;
  }

  #endOfRaw(text: string, at: number): number {
    const end = text.toLowerCase().indexOf(this.#until ?? '', at);
    if (end >= 0) this.#until = undefined;
    return end;
  }

  #tag(tag: string): string {
    const name = /^<([a-z][^\s/>]*)/i.exec(tag)?.[1]?.toLowerCase();
    if (name === undefined) return tag;
    if (RAW_TEXT.has(name)) this.#until = `</${name}`;
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

function endOf(text: string, mark: string, at: number): number {
  const found = text.indexOf(mark, at);
  return found < 0 ? -1 : found + mark.length;
}

/** Behind the '>' that ends a tag, not one in a quoted value; -1 when it is not there yet. */
function endOfTag(text: string, start: number): number {
  let quote = '';
  for (let at = start + 1; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (quote !== '') quote = char === quote ? '' : quote;
    else if (char === '"' || char === "'") quote = char;
    else if (char === '>') return at + 1;
  }
  return -1;
}
