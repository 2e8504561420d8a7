// path-element: one step from a value to a part of it, as the text that managedFields writes.
//
//   f:replicas                                    the field of a struct or the entry of a map
//   k:{"containerPort":80,"protocol":"TCP"}       the element of a list that has these keys
//   v:"foregroundDeletion"                        the element of a list that is a set
//   i:0                                           the position in a list; only old objects have it
//
// The text is canonical, so two steps are the same exactly when their texts are: sets of fields are maps by this text.
// Text inside k: and v: is JSON as Go writes it, keys sorted, with <, > and & escaped.
//
// Same format upstream: structured-merge-diff, fieldpath/serialize-pe.go and fieldpath/element.go (order and String()).

/** `f:spec`, `k:{…}`, `v:…` or `i:0`. */
export type PathElement = string;

/** A text that is no path element. The message is upstream's. */
export class PathElementError extends Error {}

type Scalar = string | number | boolean | null;

/** Kinds in the order in which upstream sorts them. */
const KINDS = 'fkvi';

export function fieldElement(name: string): PathElement {
  return `f:${name}`;
}

/** The entries in any order. */
export function keyElement(entries: readonly (readonly [name: string, value: unknown])[]): string {
  const sorted = [...entries].sort(([a], [b]) => compareText(a, b));
  return `k:{${sorted.map(([name, value]) => `${goJson(name)}:${goJson(value)}`).join(',')}}`;
}

export function valueElement(value: unknown): PathElement {
  return `v:${goJson(value)}`;
}

/** The element in canonical text, or undefined when it is of a kind that a later version may have invented. */
export function parsePathElement(text: string): PathElement | undefined {
  if (text.length < 2) throw new PathElementError('key must be 2 characters long:');
  if (text[1] !== ':') throw new PathElementError(`missing colon: ${text}`);
  const rest = text.slice(2);
  switch (text[0]) {
    case 'f':
      return text;
    case 'v':
      return valueElement(parseJson(rest));
    case 'k': {
      const keys = parseJson(rest);
      if (typeof keys !== 'object' || keys === null || Array.isArray(keys)) {
        throw new PathElementError(`keys must be an object: ${text}`);
      }
      return keyElement(Object.entries(keys));
    }
    case 'i': {
      if (!/^[+-]?\d{1,15}$/.test(rest)) {
        throw new PathElementError(`strconv.Atoi: parsing ${goJson(rest)}: invalid syntax`);
      }
      return `i:${Number(rest)}`;
    }
    default:
      return undefined;
  }
}

/** As conflicts show it: `.spec`, `[name="web"]`, `[="a"]`, `[0]`. */
export function printElement(element: PathElement): string {
  const rest = element.slice(2);
  switch (element[0]) {
    case 'f':
      return `.${rest}`;
    case 'k': {
      const keys = Object.entries(JSON.parse(rest) as object);
      return `[${keys.map(([name, value]) => `${name}=${printValue(value)}`).join(',')}]`;
    }
    case 'v':
      return `[=${printValue(JSON.parse(rest))}]`;
    default:
      return `[${rest}]`;
  }
}

/** A value as upstream's messages show it. */
export function printValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(printValue).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).sort(([a], [b]) => compareText(a, b));
    return `{${entries.map(([name, inner]) => `${name}=${printValue(inner)}`).join(';')}}`;
  }
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

/** Upstream's order: fields by name, then keys by their values, then values, then positions. */
export function compareElements(a: PathElement, b: PathElement): number {
  const kind = a[0];
  if (kind !== b[0]) return KINDS.indexOf(kind ?? '') - KINDS.indexOf(b[0] ?? '');
  if (kind === 'f') return compareText(a, b);
  const left = JSON.parse(a.slice(2)) as unknown;
  const right = JSON.parse(b.slice(2)) as unknown;
  return kind === 'k'
    ? compareKeys(left as Record<string, Scalar>, right as Record<string, Scalar>)
    : compareValues(left as Scalar, right as Scalar);
}

function compareKeys(a: Record<string, Scalar>, b: Record<string, Scalar>): number {
  const left = Object.entries(a);
  const right = Object.entries(b);
  for (const [index, [name, value]] of left.entries()) {
    const other = right[index];
    if (other === undefined) return 1;
    const order = compareText(name, other[0]) || compareValues(value, other[1]);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

/** Numbers before texts before truth values before what is left, as upstream. */
function compareValues(a: unknown, b: unknown): number {
  const rank = rankOf(a) - rankOf(b);
  if (rank !== 0) return rank;
  if (typeof a === 'string') return compareText(a, b as string);
  if (typeof a === 'number' || typeof a === 'boolean') return Number(a) - Number(b);
  return compareText(goJson(a), goJson(b));
}

function rankOf(value: unknown): number {
  const rank = ['number', 'string', 'boolean'].indexOf(typeof value);
  return rank < 0 ? 3 : rank;
}

/** Order of UTF-8 bytes, which is Go's. UTF-16 orders differently only where a surrogate meets a character of U+E000 or more. */
export function compareText(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length);
  let at = 0;
  while (at < shorter && a.charCodeAt(at) === b.charCodeAt(at)) at += 1;
  if (at === shorter) return a.length - b.length;
  const [left, right] = [a.charCodeAt(at), b.charCodeAt(at)];
  if (isSurrogate(left) !== isSurrogate(right) && left >= 0xd800 && right >= 0xd800) {
    return isSurrogate(left) ? 1 : -1;
  }
  return left - right;
}

function isSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdfff;
}

/** Printable ASCII without what JSON or HTML escapes. */
const PLAIN = /^[ !#-%'-;=?-[\]-~]*$/;
const ESCAPED = /[<>&\u2028\u2029]/g;

/** JSON as Go's encoder writes it: safe to stand in HTML, objects with their keys sorted. */
function goJson(value: unknown): string {
  if (typeof value === 'string' && PLAIN.test(value)) return `"${value}"`;
  return JSON.stringify(sorted(value)).replace(
    ESCAPED,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value ?? null;
  if (Array.isArray(value)) return value.map(sorted);
  const entries = Object.entries(value).sort(([a], [b]) => compareText(a, b));
  return Object.fromEntries(entries.map(([name, inner]) => [name, sorted(inner)]));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new PathElementError(`unexpected value: ${text}`, { cause: error });
  }
}
