// rule-field-path: the `fieldPath` of a validation rule: which field its complaint is about.
//
//   .spec.ports       ['a.b'].c       of the schema that the rule stands in; no items of lists
//
// Same grammar upstream: apiextensions-apiserver, pkg/apiserver/schema/cel/validation.go (ValidFieldPath).

import { type JsonSchema, propertyOf, valuesOf } from './json-schema.ts';

export type FieldPath =
  /** `path` as it is shown, without a dot in front. */
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'wrong'; readonly why: string };

const TOKEN = /'(?:\\.|[^'\\])*'|[.[\]]|[^.[\]']+|'/gs;
const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  "'": "'",
  '\\': '\\',
};

class PathError extends Error {}

export function parseFieldPath(text: string, schema: JsonSchema): FieldPath {
  try {
    return { kind: 'path', path: read(text, schema) };
  } catch (error) {
    if (!(error instanceof PathError)) throw error;
    return { kind: 'wrong', why: error.message };
  }
}

function read(text: string, root: JsonSchema): string {
  const tokens = text.match(TOKEN) ?? [];
  let schema: JsonSchema = root;
  let path = '';
  for (let at = 0; at < tokens.length; ) {
    const opening = tokens[at] ?? '';
    if (opening !== '.' && opening !== '[') {
      throw new PathError(`expected [ or . but got: ${opening}`);
    }
    const token = tokens[at + 1];
    if (token === undefined) throw new PathError('unexpected end of JSON path');
    const name = opening === '.' ? token : unquoted(token);
    const isNamed = schema.properties !== undefined;
    const next = isNamed ? propertyOf(schema, name) : valuesOf(schema);
    if (next === undefined) throw new PathError('does not refer to a valid field');
    schema = next;
    path += isNamed ? `.${name}` : `[${name}]`;
    if (opening === '[') {
      const closing = tokens[at + 2];
      if (closing === undefined) throw new PathError('unexpected end of JSON path');
      if (closing !== ']') throw new PathError(`expected ] but got ${closing}`);
    }
    at += opening === '[' ? 3 : 2;
  }
  return path.replace(/^\./, '');
}

function unquoted(token: string): string {
  if (!/^'.*'$/s.test(token)) throw new PathError(`expected single quoted string but got ${token}`);
  return token.slice(1, -1).replace(/\\(.)/gs, (all, char: string) => {
    const meant = ESCAPES[char];
    if (meant !== undefined) return meant;
    throw new PathError(`invalid string literal: invalid escape char ${all}`);
  });
}
