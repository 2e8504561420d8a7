// json-path: `.status.conditions[?(@.type=="Ready")].status`: which values of an object a printer column shows.
//
// The part of kubectl's template language that a column may use: names (a dot inside one is escaped: `app\.kubernetes\.io/name`),
// `['name']`, indexes and slices of lists, `*`, `..name`, and filters that compare a field with a literal. What is not there selects nothing.
//
// Same language upstream: client-go, util/jsonpath. Left out: templates around the path, `range`, and unions.

import { isJsonObject } from './json-schema.ts';

type Step =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'all' }
  | { readonly kind: 'slice'; readonly from?: number; readonly to?: number; readonly by: number }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'descendants' }
  | {
      readonly kind: 'filter';
      readonly path: JsonPath;
      readonly test: (value: unknown) => boolean;
    };

export type JsonPath = readonly Step[];

/** The message says what of the path is not understood. */
export class JsonPathError extends Error {}

const NAME = /^(?:\\.|[^.[\]\s\\])+/;
const BRACKET =
  /^\[(?:'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)"|(\*)|(-?\d*)(?::(-?\d*))?(?::(\d+))?)\]/;
const FILTER = /^\[\?\((@[^=!<>]*?)\s*(?:(==|!=|<=|>=|<|>)\s*([^)]*?)\s*)?\)\]/;

/** Reads `.spec.replicas`; throws a JsonPathError for what is no path. */
export function parseJsonPath(text: string): JsonPath {
  const steps: Step[] = [];
  let rest = text.startsWith('$') ? text.slice(1) : text;
  while (rest !== '') {
    const { step, length } = readStep(rest, text);
    if (step !== undefined) steps.push(step);
    rest = rest.slice(length);
  }
  return steps;
}

/** All values that the path selects, in the object's order. */
export function selectJsonPath(value: unknown, path: JsonPath): readonly unknown[] {
  return path.reduce<readonly unknown[]>(
    (values, step) => values.flatMap((one) => follow(one, step)),
    [value],
  );
}

function readStep(rest: string, whole: string): { step: Step | undefined; length: number } {
  if (rest.startsWith('..')) return { step: { kind: 'descendants' }, length: 1 };
  if (rest.startsWith('.')) {
    const name = NAME.exec(rest.slice(1))?.[0];
    if (name === undefined) {
      if (rest === '.' || rest.startsWith('.[')) return { step: undefined, length: 1 };
      throw unrecognized(whole);
    }
    return { step: nameStep(name), length: 1 + name.length };
  }
  const filter = FILTER.exec(rest);
  if (filter !== null) return { step: filterStep(filter), length: filter[0].length };
  const bracket = BRACKET.exec(rest);
  if (bracket !== null) return { step: bracketStep(bracket), length: bracket[0].length };
  throw unrecognized(whole);
}

function unrecognized(path: string): JsonPathError {
  return new JsonPathError(`unrecognized column definition ${JSON.stringify(path)}`);
}

function nameStep(name: string): Step {
  return name === '*' ? { kind: 'all' } : { kind: 'name', name: name.replace(/\\(.)/g, '$1') };
}

function bracketStep([text, single, double, all, from, to, by]: RegExpExecArray): Step {
  const quoted = single ?? double;
  if (quoted !== undefined) return { kind: 'name', name: quoted.replace(/\\(.)/g, '$1') };
  if (all !== undefined) return { kind: 'all' };
  if (!text.includes(':')) return { kind: 'index', index: Number(from) };
  return {
    kind: 'slice',
    ...(from === undefined || from === '' ? {} : { from: Number(from) }),
    ...(to === undefined || to === '' ? {} : { to: Number(to) }),
    by: Math.max(1, Number(by ?? 1)),
  };
}

function filterStep([, left = '@', operator, right = '']: RegExpExecArray): Step {
  const path = parseJsonPath(left.slice(1));
  if (operator === undefined) return { kind: 'filter', path, test: () => true };
  const literal = literalOf(right);
  return { kind: 'filter', path, test: (value) => compare(value, operator, literal) };
}

function literalOf(text: string): unknown {
  const quoted = /^(?:'(.*)'|"(.*)")$/s.exec(text);
  if (quoted !== null) return quoted[1] ?? quoted[2] ?? '';
  if (text === 'true' || text === 'false') return text === 'true';
  const number = Number(text);
  return text === '' || Number.isNaN(number) ? text : number;
}

function compare(value: unknown, operator: string, literal: unknown): boolean {
  if (operator === '==') return value === literal;
  if (operator === '!=') return value !== literal;
  const ordered = typeof value === typeof literal && ['string', 'number'].includes(typeof value);
  if (!ordered) return false;
  const [left, right] = [value as string | number, literal as string | number];
  switch (operator) {
    case '<':
      return left < right;
    case '<=':
      return left <= right;
    case '>':
      return left > right;
    default:
      return left >= right;
  }
}

function follow(value: unknown, step: Step): readonly unknown[] {
  switch (step.kind) {
    case 'name':
      return isJsonObject(value) && Object.hasOwn(value, step.name) ? [value[step.name]] : [];
    case 'all':
      return children(value);
    case 'index': {
      const list = Array.isArray(value) ? (value as unknown[]) : [];
      const at = step.index < 0 ? list.length + step.index : step.index;
      return at in list ? [list[at]] : [];
    }
    case 'slice': {
      const list = Array.isArray(value) ? (value as unknown[]) : [];
      return list.slice(step.from, step.to).filter((_item, index) => index % step.by === 0);
    }
    case 'descendants':
      return [value, ...children(value).flatMap((child) => follow(child, step))];
    case 'filter':
      return children(value).filter((child) => {
        const found = selectJsonPath(child, step.path);
        return found.length > 0 && found.some(step.test);
      });
  }
}

function children(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return isJsonObject(value) ? Object.values(value) : [];
}
