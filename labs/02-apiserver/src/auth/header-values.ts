// header-values: headers that may come more than once, and those of which only the beginning of the name is known.
//
// Node joins the values of such headers with commas, and a comma may be part of a group's name; so they are read as they arrived. Go's
// clients send UTF-8, which Node takes for Latin-1.
//
// Same idea upstream: Go's http.Header, which keeps the values apart.

import type { IncomingMessage } from 'node:http';

export type RawHeaders = Pick<IncomingMessage, 'rawHeaders'>;

/** Whether any header's name begins so; made for every request, so it looks at as little as it can. */
export function hasHeaderBehind({ rawHeaders }: RawHeaders, prefix: string): boolean {
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    if (name.length >= prefix.length && name.slice(0, prefix.length).toLowerCase() === prefix) {
      return true;
    }
  }
  return false;
}

/** Every value of the header that is not empty, in their order. */
export function headerValues(request: RawHeaders, name: string): readonly string[] {
  return pairs(request)
    .filter(([found, value]) => found === name.toLowerCase() && value !== '')
    .map(([, value]) => value);
}

/** By the rest of their names, in lower case and decoded: headers cannot hold every character that a key may have. */
export function headersBehind(
  request: RawHeaders,
  prefix: string,
): Readonly<Record<string, readonly string[]>> {
  const found = new Map<string, string[]>();
  for (const [name, value] of pairs(request)) {
    if (!name.startsWith(prefix.toLowerCase())) continue;
    const key = unescapeKey(name.slice(prefix.length));
    found.set(key, [...(found.get(key) ?? []), value]);
  }
  return Object.fromEntries(found);
}

function pairs({ rawHeaders }: RawHeaders): (readonly [name: string, value: string])[] {
  const found: (readonly [string, string])[] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const value = Buffer.from(rawHeaders[index + 1] ?? '', 'latin1').toString('utf8');
    found.push([(rawHeaders[index] ?? '').toLowerCase(), value]);
  }
  return found;
}

/** A key that is encoded wrongly stands for itself. */
function unescapeKey(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
