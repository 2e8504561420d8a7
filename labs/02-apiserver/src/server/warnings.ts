// warnings: `Warning: 299 - "unknown field \"spec.foo\""` headers, which clients print.
//
// Each text once; 4,096 characters in all. When they would become more, each is cut to 256 characters, and what still does not fit is left
// out: a body with many faults must not make headers that no client reads. Headers carry bytes: a text is sent as its UTF-8.
//
// Same rule upstream: apiserver, endpoints/filters/warning.go, and apimachinery, util/net/http.go (NewWarningHeader).

import type { ServerResponse } from 'node:http';

const TOTAL_CHARS_MAX = 4096;
const CUT_CHARS = 256;

const recorded = new WeakMap<ServerResponse, Set<string>>();

/** Adds warnings to an answer whose head has not left yet. */
export function addWarnings(response: ServerResponse, texts: readonly string[]): void {
  if (texts.length === 0 || response.headersSent) return;
  const all = recorded.get(response) ?? new Set<string>();
  recorded.set(response, all);
  for (const text of texts) if (isSendable(text)) all.add(text);
  const headers = warningHeaders([...all]);
  if (headers.length > 0) response.setHeader('warning', headers);
}

/** The values of the Warning headers, in Node's one byte a character. */
export function warningHeaders(texts: readonly string[]): string[] {
  const characters = texts.map((text) => [...text]);
  const total = characters.reduce((sum, { length }) => sum + length, 0);
  const isCut = total > TOTAL_CHARS_MAX;
  const headers: string[] = [];
  let used = 0;
  for (const text of characters) {
    const kept = isCut ? text.slice(0, CUT_CHARS) : text;
    if (used + kept.length > TOTAL_CHARS_MAX) break;
    used += kept.length;
    headers.push(`299 - ${quoted(kept.join(''))}`);
  }
  return headers;
}

/** Control characters would end the header; upstream drops such a text too. */
function isSendable(text: string): boolean {
  return text !== '' && !/\p{Cc}/u.test(text);
}

function quoted(text: string): string {
  const escaped = text.replace(/["\\]/g, '\\$&');
  return Buffer.from(`"${escaped}"`, 'utf8').toString('latin1');
}
