// program: an expression, compiled once and run often.
//
//   parse → own functions take the place of some of the library's → check of types → every step is metered
//
// The library parses, checks types and evaluates. What it does otherwise than cel-go, or what could hold up the server (regular
// expressions), is replaced by name before the check; `==`, `+` and `in`, which have no name, afterwards.
//
// A program is not reentrant, and need not be: it runs from start to end without waiting.
// Same idea upstream: apiextensions-apiserver, pkg/apiserver/schema/cel/compilation.go.

import { type Environment, Optional } from '@marcbachmann/cel-js';
import { compileGoRegexp } from '../crd/go-regexp.ts';
import { charge, chargeLength, chargeText, metered, PER_UNIT } from './cost.ts';
import { addLists, equal } from './equality.ts';
import { callOf, type Macro, type Node, visit } from './syntax-tree.ts';
import {
  compileErrorOf,
  ExpressionError,
  noOverload,
  OWN_PREFIX,
  runErrorOf,
  undeclared,
} from './words.ts';

export type Outcome =
  | { readonly kind: 'value'; readonly value: unknown; readonly cost: number }
  | { readonly kind: 'failed'; readonly message: string; readonly cost: number }
  | { readonly kind: 'exceeded' };

export interface Program {
  /** As the library writes it: `bool`, `list<string>`. */
  readonly type: string;
  /** Every name of a variable in it, of those too that it makes itself. */
  readonly identifiers: ReadonlySet<string>;
  /** Throws nothing. */
  run(variables: object, costLimit: number): Outcome;
}

export type Compiled =
  | { readonly kind: 'compiled'; readonly program: Program }
  /** `message` is what cel-go would show: several lines. */
  | { readonly kind: 'wrong'; readonly message: string };

/** Throws nothing, whatever `source` is. */
export function compile(source: string, environment: Environment): Compiled {
  const isKnown = (name: string): boolean =>
    environment.getDefinitions().functions.some((known) => known.name === name);
  const wrong = (error: unknown): Compiled => ({
    kind: 'wrong',
    message: compileErrorOf(error, source, isKnown),
  });
  try {
    const parsed = environment.parse(source);
    const root = parsed.ast as unknown as Node;
    const identifiers = prepare(root);
    const { valid, type = '', error } = parsed.check();
    if (!valid) return wrong(error);
    visit(root, meter);
    const run = (variables: object, costLimit: number): Outcome => {
      const { value, error, isExceeded, cost } = metered(costLimit, () => parsed(variables));
      if (isExceeded) return { kind: 'exceeded' };
      if (error !== undefined) return { kind: 'failed', message: runErrorOf(error), cost };
      return { kind: 'value', value, cost };
    };
    return { kind: 'compiled', program: { type, identifiers, run } };
  } catch (error) {
    return wrong(error);
  }
}

/** Functions that environment.ts has its own of: by name, with the numbers of arguments. */
const REPLACED: ReadonlyMap<string, readonly number[]> = new Map(
  Object.entries({
    ...{ matches: [1], indexOf: [1, 2], lastIndexOf: [1, 2], split: [1, 2], substring: [1, 2] },
    ...{ join: [0, 1], lowerAscii: [0], upperAscii: [0], duration: [1] },
    ...{ getFullYear: [1], getMonth: [1], getDate: [1], getDayOfYear: [0, 1], getDayOfMonth: [1] },
    ...{ getDayOfWeek: [1], getHours: [1], getMinutes: [1], getSeconds: [1], getMilliseconds: [1] },
  }),
);
/** Those that look for one text in another: at worst at each place of it. */
const SEARCHES: ReadonlySet<string> = new Set(
  ['contains', 'replace'].concat(
    ['indexOf', 'lastIndexOf', 'split'].map((name) => OWN_PREFIX + name),
  ),
);
/** The library's own inventions, which rules could not take elsewhere. */
const UNKNOWN: ReadonlySet<string> = new Set(['json', 'hex', 'base64', 'string', 'at', 'bind']);
const WITH_PATTERN: ReadonlySet<string> = new Set(['matches', 'find', 'findAll']);

/** Before the check. Returns the names of variables that are spoken of. */
function prepare(root: Node): ReadonlySet<string> {
  const identifiers = new Set<string>();
  visit(root, (node) => {
    if (node.op === 'id') identifiers.add(node.args as string);
    const call = callOf(node);
    if (call === undefined) return;
    const { name, receiver, args } = call;
    if (receiver !== undefined && UNKNOWN.has(name)) {
      throw new ExpressionError(undeclared(name), receiver.end);
    }
    if (receiver !== undefined && WITH_PATTERN.has(name)) checkPattern(args[0]);
    if (name === 'format' && args[0] !== undefined) allowMixed(args[0]);
    if (node.meta.macro !== undefined && name === 'has') testPresence(node.meta.macro, args[0]);
    if (REPLACED.get(name)?.includes(args.length)) (node.args as unknown[])[0] = OWN_PREFIX + name;
  });
  return identifiers;
}

/** A pattern that is written out is wrong at once, not only where it is used. */
function checkPattern(node: Node | undefined): void {
  if (node?.op !== 'value' || typeof node.args !== 'string') return;
  try {
    compileGoRegexp(node.args);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ExpressionError(`error parsing regexp: ${why}`, node.start);
  }
}

/** The arguments of format() are the one list whose items may be of different types. */
function allowMixed(node: Node): void {
  if (node.op !== 'list') return;
  node.meta.check = (checker, list, context) => {
    for (const item of list.args as Node[]) checker.check(item, context);
    return checker.getType('list<dyn>');
  };
}

/** The library's has() takes fields that no object can have, and does not look into the items of lists. */
function testPresence(macro: Macro, field: Node | undefined): void {
  if (field?.op !== '.') {
    throw new ExpressionError('invalid argument to has() macro', field?.start ?? 0);
  }
  const [operand, name] = field.args as [Node, string];
  macro.typeCheck = (checker, _self, context) => {
    checker.check(field, context);
    return checker.getType('bool');
  };
  macro.evaluate = (evaluator, _self, context) => isPresent(evaluator.run(operand, context), name);
}

function isPresent(value: unknown, name: string): boolean {
  if (value instanceof Optional) return value.hasValue() && isPresent(value.value(), name);
  if (value instanceof Map) return value.get(name) !== undefined;
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name);
}

const FREE: ReadonlySet<string> = new Set(['value', 'accuValue']);
const LITERAL_COST: Readonly<Partial<Record<string, number>>> = { list: 10, map: 30 };

/**
 * After the check, which has decided what runs at each node. A node that stands for others (`alternate`) is left alone, as those others are
 * visited too; constants are free, as they are upstream.
 */
function meter(node: Node): void {
  const { op, meta } = node;
  if (meta.alternate !== undefined || FREE.has(op)) return;
  if (op === '[]') checkIndex(node);
  const cost = LITERAL_COST[op] ?? 1;
  const { macro } = meta;
  node.evaluate = (evaluator, self, context) => {
    charge(cost);
    return macro === undefined
      ? meta.evaluate.call(self, evaluator, self, context)
      : macro.evaluate(evaluator, macro, context);
  };
  const { handle } = node;
  const call = callOf(node);
  if (handle === undefined) return;
  node.handle = call === undefined ? operatorOf(op, handle) : meteredCall(call.name, handle);
}

type Handle = NonNullable<Node['handle']>;

/** Pays for the texts that a function gets and for what it makes; who looks into lists pays for it himself. */
function meteredCall(name: string, handle: Handle): Handle {
  return (values, ...rest) => {
    const parts = values as readonly unknown[];
    const [text, part] = parts;
    for (const value of parts) chargeText(value);
    if (SEARCHES.has(name) && typeof text === 'string' && typeof part === 'string') {
      charge(text.length * PER_UNIT * Math.ceil(part.length * PER_UNIT));
    }
    const result = handle(values, ...rest);
    if (Array.isArray(result)) chargeLength(result);
    else chargeText(result);
    return result;
  };
}

/** Objects have fields, and only maps have keys. */
function checkIndex(node: Node): void {
  const [object, key] = node.args as Node[];
  if (object?.checkedType?.kind !== 'message') return;
  const types = `(object, ${key?.checkedType?.name ?? ''})`;
  throw new ExpressionError(noOverload('_[_]', types), object.end);
}

/** `==` and `+` know sets and maps; what compares or joins texts pays for their length. */
function operatorOf(op: string, handle: Handle): Handle {
  switch (op) {
    case '==':
      return (left, right) => equal(left, right);
    case '!=':
      return (left, right) => !equal(left, right);
    case 'in':
      return (item, all, ...rest) =>
        Array.isArray(all) ? all.some((one) => equal(one, item)) : handle(item, all, ...rest);
    case '+':
    case '<':
    case '<=':
    case '>':
    case '>=':
      return (left, right, ...rest) => {
        chargeText(left);
        chargeText(right);
        if (op === '+' && Array.isArray(left) && Array.isArray(right)) return addLists(left, right);
        return handle(left, right, ...rest);
      };
    default:
      return handle;
  }
}
