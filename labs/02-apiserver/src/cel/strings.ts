// strings: the functions of texts, which count in characters, and `'…'.format([…])`.
//
// The library has most of these, but counts in JavaScript's halves of characters, and changes more than ASCII letters.
//
// Same functions upstream: cel-go, ext/strings.go and ext/formatting.go (as of version 2 of that library).
// Left out: reverse, which Kubernetes does not have either.

import type { Environment } from '@marcbachmann/cel-js';
import { Duration } from '@marcbachmann/cel-js/evaluator';
import { charge, chargeText, PER_UNIT } from './cost.ts';
import { declare, declareNamespace } from './declare.ts';
import { durationText, timestampText } from './time.ts';

export function registerStrings(environment: Environment): void {
  declare(environment, {
    'string.charAt(int): string': charAt,
    'list<string>.k8s_join(): string': join,
    'list<string>.k8s_join(string): string': join,
    'string.k8s_indexOf(string): int': indexOf,
    'string.k8s_indexOf(string, int): int': indexOf,
    'string.k8s_lastIndexOf(string): int': lastIndexOf,
    'string.k8s_lastIndexOf(string, int): int': lastIndexOf,
    'string.k8s_lowerAscii(): string': (text: string) =>
      text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()),
    'string.k8s_upperAscii(): string': (text: string) =>
      text.replace(/[a-z]+/g, (letters) => letters.toUpperCase()),
    'string.replace(string, string): string': replace,
    'string.replace(string, string, int): string': replace,
    'string.k8s_split(string): list<string>': split,
    'string.k8s_split(string, int): list<string>': split,
    'string.k8s_substring(int): string': substring,
    'string.k8s_substring(int, int): string': substring,
    'string.format(list<dyn>): string': format,
  });
  declareNamespace(environment, 'strings', { 'quote(string): string': JSON.stringify });
}

function outOfRange(index: bigint): Error {
  return new Error(`index out of range: ${index}`);
}

/** Indexes are of characters, and the place behind the last is one: there is '' there. */
function charAt(text: string, index: bigint): string {
  const chars = [...text];
  if (index < 0n || index > chars.length) throw outOfRange(index);
  return chars[Number(index)] ?? '';
}

function indexOf(text: string, part: string, from = 0n): bigint {
  if (part === '') return from;
  const chars = [...text];
  if (from < 0n) throw outOfRange(from);
  const start = chars.slice(0, Number(from)).join('').length;
  return charsBefore(text, text.indexOf(part, start));
}

function lastIndexOf(text: string, part: string, from?: bigint): bigint {
  const chars = [...text];
  if (part === '') return from ?? BigInt(chars.length);
  if (from === undefined) return charsBefore(text, text.lastIndexOf(part));
  if (from < 0n) throw outOfRange(from);
  if (from >= chars.length) return -1n;
  return charsBefore(text, text.lastIndexOf(part, chars.slice(0, Number(from)).join('').length));
}

function charsBefore(text: string, index: number): bigint {
  return BigInt(index < 0 ? -1 : [...text.slice(0, index)].length);
}

/** Paid for before it is made: a long separator between many items is more than the machine has. */
function join(items: readonly unknown[], separator = ''): string {
  charge(items.length * separator.length * PER_UNIT);
  for (const item of items) chargeText(item);
  return items.join(separator);
}

function replace(text: string, part: string, by: string, most = -1n): string {
  if (part === '') return putBetween([...text], by, most);
  const pieces = split(text, part, most < 0n ? most : most + 1n);
  charge(pieces.length * by.length * PER_UNIT);
  return pieces.join(by);
}

/** Before each character, and at the end: what replacing nothing by something means. */
function putBetween(chars: readonly string[], by: string, most: bigint): string {
  const count = most < 0n ? chars.length + 1 : Math.min(Number(most), chars.length + 1);
  charge(count * by.length * PER_UNIT);
  return [...chars, ''].map((char, index) => (index < count ? by : '') + char).join('');
}

/** At most so many pieces, the last with all the rest; a negative number: all there are. */
function split(text: string, separator: string, most = -1n): string[] {
  if (most === 0n) return [];
  const all = separator === '' ? [...text] : text.split(separator);
  if (most < 0n || all.length <= most) return all;
  const last = Number(most) - 1;
  return [...all.slice(0, last), all.slice(last).join(separator)];
}

function substring(text: string, start: bigint, end?: bigint): string {
  const chars = [...text];
  const stop = end ?? BigInt(chars.length);
  if (start < 0n || start > chars.length) throw outOfRange(start);
  if (stop < 0n || stop > chars.length) throw outOfRange(stop);
  if (start > stop) throw new Error(`invalid substring range. start: ${start}, end: ${stop}`);
  return chars.slice(Number(start), Number(stop)).join('');
}

/** `%d %s %f %e %b %o %x %X %%`, some with a number of digits: `%.2f`. Throws for a value that the clause cannot show. */
function format(template: string, values: readonly unknown[]): string {
  let next = 0;
  return template.replace(/%(?:%|(?:\.(\d{1,3}))?(.)?)/gs, (clause, digits?: string, verb = '') => {
    if (clause === '%%') return '%';
    if (next >= values.length) throw new Error(`index ${next} out of range`);
    const value = values[next];
    next += 1;
    const text = clauseText(verb, value, digits === undefined ? 6 : Number(digits));
    charge(text.length * PER_UNIT);
    return text;
  });
}

const RADIX: Readonly<Record<string, number>> = { b: 2, o: 8, x: 16, X: 16 };

function clauseText(verb: string, value: unknown, digits: number): string {
  const radix = RADIX[verb];
  if (verb === 's') return textOf(value);
  if (verb === 'd' && typeof value === 'bigint') return String(value);
  if (radix !== undefined && typeof value === 'bigint') return cased(verb, value.toString(radix));
  if (verb === 'b' && typeof value === 'boolean') return value ? '1' : '0';
  if (radix === 16 && (typeof value === 'string' || value instanceof Uint8Array)) {
    return cased(verb, Buffer.from(value as string).toString('hex'));
  }
  if ((verb === 'f' || verb === 'e') && typeof value === 'number') {
    if (verb === 'f') return value.toFixed(digits);
    return value.toExponential(digits).replace(/e([+-])(\d)$/, 'e$10$2');
  }
  if (!/^[dfesboxX]$/.test(verb)) {
    throw new Error(`could not parse formatting clause: unrecognized formatting clause "${verb}"`);
  }
  throw new Error(`error during formatting: %${verb} cannot show this value: ${textOf(value)}`);
}

function cased(verb: string, text: string): string {
  return verb === 'X' ? text.toUpperCase() : text;
}

/** What %s shows; inside of lists and maps texts are quoted. */
function textOf(value: unknown, isInside = false): string {
  charge(3);
  if (typeof value === 'string') return isInside ? JSON.stringify(value) : value;
  if (typeof value === 'number') return isInside ? value.toFixed(6) : String(value);
  if (value instanceof Date) {
    return isInside ? `timestamp("${timestampText(value)}")` : timestampText(value);
  }
  if (value instanceof Duration) {
    return isInside ? `duration("${durationText(value)}")` : durationText(value);
  }
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (Array.isArray(value)) return `[${value.map((item) => textOf(item, true)).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  const shown = entries.map(([key, item]) => `${textOf(key, true)}:${textOf(item, true)}`);
  return `{${shown.sort().join(', ')}}`;
}
