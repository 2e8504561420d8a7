// urls: `url(self.link).getHost()`.
//
// Parsed as Go does it: what is not an absolute path has a scheme, ports that are usual stay, an empty path stays empty.
//
// Same functions upstream: apiserver, pkg/cel/library/urls.go, and Go, net/url.

import type { Environment } from '@marcbachmann/cel-js';
import { declare, succeeds } from './declare.ts';
import { EQUALS } from './equality.ts';

/** Named otherwise than JavaScript's own, which knows better than Go what a URL should be. */
class Link {
  readonly text: string;
  readonly scheme: string;
  /** With its port. */
  readonly host: string;
  readonly path: string;
  readonly query: string;

  constructor(text: string) {
    const parts = SPLIT.exec(text);
    const [, scheme = '', authority = '', path = '', query = ''] = parts ?? [];
    const host = authority.slice(authority.lastIndexOf('@') + 1);
    const isWhole = scheme !== '' || path.startsWith('/');
    if (parts === null || !isWhole || !HOST.test(host) || BAD_ESCAPE.test(text)) {
      const why = `parse ${JSON.stringify(text)}: invalid URI for request`;
      throw new Error(`URL parse error during conversion from string: ${why}`);
    }
    this.text = text;
    this.scheme = scheme.toLowerCase();
    this.host = host;
    this.path = path;
    this.query = query;
  }

  [EQUALS](other: unknown): boolean {
    return other instanceof Link && other.text === this.text;
  }
}

const SPLIT = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#.*)?$/s;
const HOST = /^(?:\[[0-9A-Fa-f:.%]+\]|[^:[\]\s<>"]*)(?::\d*)?$/;
/** Control characters among them. */
const BAD_ESCAPE = /%(?![0-9A-Fa-f]{2})|[\x00-\x1f\x7f]/;

export function registerUrls(environment: Environment): void {
  environment
    .registerType('URL', Link)
    .registerOperator('URL == URL', (a: Link, b: Link) => a[EQUALS](b));
  declare(environment, {
    'url(string): URL': (text: string) => new Link(text),
    'isURL(string): bool': (text: string) => succeeds(() => new Link(text)),
    'URL.getScheme(): string': ({ scheme }: Link) => scheme,
    'URL.getHost(): string': ({ host }: Link) => host,
    'URL.getHostname(): string': ({ host }: Link) =>
      host.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1'),
    'URL.getPort(): string': ({ host }: Link) => /:(\d*)$/.exec(host)?.[1] ?? '',
    'URL.getEscapedPath(): string': ({ path }: Link) => encodeURI(path).replaceAll('%25', '%'),
    'URL.getQuery(): map<string, list<string>>': queryOf,
  });
}

/** A key may be there several times: its values in order. */
function queryOf({ query }: Link): Map<string, string[]> {
  const values = new Map<string, string[]>();
  for (const [key, value] of new URLSearchParams(query)) {
    const before = values.get(key);
    if (before === undefined) values.set(key, [value]);
    else before.push(value);
  }
  return values;
}
