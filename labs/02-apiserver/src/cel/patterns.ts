// patterns: matches, find and findAll, by the matcher that never goes back.
//
// The library would use JavaScript's regular expressions, which a rule's pattern (or an object's text) can keep busy for hours.
// Patterns are Go's, and each look at a text costs its length times the pattern's steps, so that even many looks end.
//
// Same functions upstream: cel-go, standard library; apiserver, pkg/cel/library/regex.go.

import type { Environment } from '@marcbachmann/cel-js';
import { compileGoRegexp, type GoRegexp } from '../crd/go-regexp.ts';
import { charge } from './cost.ts';
import { declare } from './declare.ts';

/** Of a pattern's program, at one character. */
const PER_STEP = 0.25;

export function registerPatterns(environment: Environment): void {
  declare(environment, {
    'matches(string, string): bool': (text, pattern) => matches(text, pattern),
    'string.k8s_matches(string): bool': matches,
    'string.find(string): string': find,
    'string.findAll(string): list<string>': findAll,
    'string.findAll(string, int): list<string>': findAll,
  });
}

function matches(text: string, pattern: string): boolean {
  const regexp = compiled(pattern);
  chargeLook(regexp, text.length);
  return regexp.test(text);
}

function find(text: string, pattern: string): string {
  return findAll(text, pattern, 1n)[0] ?? '';
}

/** A negative number: all there are. Empty matches that touch the one before are none, as in Go. */
function findAll(text: string, pattern: string, most = -1n): string[] {
  const regexp = compiled(pattern);
  const found: string[] = [];
  let from = 0;
  let lastEnd = -1;
  while (most < 0n || found.length < most) {
    chargeLook(regexp, text.length - from);
    const [start, end] = regexp.find(text, from) ?? [];
    if (start === undefined || end === undefined) break;
    if (end > start || start !== lastEnd) found.push(text.slice(start, end));
    lastEnd = end;
    if (end > start) from = end;
    else if (end >= text.length) break;
    else from = end + ((text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1);
  }
  return found;
}

function compiled(pattern: string): GoRegexp {
  charge(pattern.length);
  try {
    const regexp = compileGoRegexp(pattern);
    charge(regexp.size);
    return regexp;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new Error(`error parsing regexp: ${error.message}`, { cause: error });
  }
}

function chargeLook({ size }: GoRegexp, length: number): void {
  charge((length + 1) * size * PER_STEP);
}
