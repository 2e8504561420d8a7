// words: what is wrong with an expression, in the words of cel-go, which is what people search the web for.
//
//   ERROR: <input>:1:5: undefined field 'z'
//    | self.z == 1
//    | ....^
//
// The library says the same in other words and points at the start of a part where cel-go points at its operator.
//
// Same texts upstream: cel-go, common/error.go, checker/errors.go and common/types. Left out: cel-go's lists of what the grammar
// expected instead of a wrong token; and only the first mistake is told.

import { callOf, isNode, type Node } from './syntax-tree.ts';

/** What the library throws, as far as it is looked at. */
interface LibraryError extends Error {
  readonly code: string;
  readonly summary: string;
  readonly node?: Node | { readonly pos?: number; readonly start?: number };
  readonly range?: { readonly start: number };
}

/** A mistake that was found here and not by the library. */
export class ExpressionError extends Error {
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

const MESSAGE_LENGTH_MAX = 1000;
/** Names of our own functions that stand in for the library's begin with it. */
export const OWN_PREFIX = 'k8s_';

/** Of a mistake that is found before anything is evaluated. `isKnown`: is there any function of this name? */
export function compileErrorOf(
  error: unknown,
  source: string,
  isKnown: (name: string) => boolean,
): string {
  if (error instanceof ExpressionError) return located(error.message, error.at, source);
  if (!isLibraryError(error)) return located(`Syntax error: ${messageOf(error)}`, 0, source);
  const { name, node, range, summary } = error;
  const start = range?.start ?? node?.pos ?? 0;
  if (name === 'ParseError') return located(`Syntax error: ${lowered(summary)}`, start, source);
  if (!isFull(node)) return located(lowered(summary), start, source);
  const [message, at] = checkError(error, node, isKnown);
  return located(message, at, source);
}

/** What cel-go would say, and the place at which it would point. */
type Issue = readonly [message: string, at: number];

function checkError(error: LibraryError, node: Node, isKnown: (name: string) => boolean): Issue {
  const { code, summary } = error;
  const operands = operandsOf(node);
  const [first, second] = operands;
  switch (code) {
    case 'no_such_key':
      return [`undefined field '${summary.slice('No such key: '.length)}'`, dotOf(node)];
    case 'unknown_variable':
      return [undeclared(summary.slice('Unknown variable: '.length)), node.start];
    case 'no_such_overload': {
      const name = operands.length === 1 ? `${node.op[0]}_` : `_${node.op}_`;
      return [noOverload(name, typesOf(operands)), behind(first, second && node.op, node)];
    }
    case 'no_matching_overload':
      return callError(node, summary, isKnown);
    case 'cannot_index_type':
    case 'invalid_index_type':
      return node.op.startsWith('.')
        ? [`type '${typeOf(first)}' does not support field selection`, dotOf(node)]
        : [noOverload('_[_]', typesOf(operands)), behind(first, '[', node)];
    case 'incompatible_ternary_branches':
      return [noOverload('_?_:_', typesOf(operands)), behind(first, '?', node)];
    case 'invalid_logical_operand':
    case 'invalid_condition_type': {
      const found = celType(/'([^']*)'$/.exec(summary)?.[1] ?? '');
      const operand = operands.find((one) => typeOf(one) === found);
      const at = code === 'invalid_condition_type' ? node : (operand ?? node);
      return [`expected type 'bool' but found '${found}'`, at.start];
    }
    default:
      return [celType(lowered(summary)), node.pos];
  }
}

/** The library looks for names and numbers of arguments at once: cel-go tells a name that nobody has from one that is used otherwise. */
function callError(node: Node, summary: string, isKnown: (name: string) => boolean): Issue {
  const { name = '', receiver } = callOf(node) ?? {};
  const shown = name.replace(OWN_PREFIX, '');
  const at = node.input.indexOf('(', receiver?.end ?? node.start);
  if (!isKnown(name)) return [undeclared(shown), at];
  const types = celType(/ '(?:.*)\((.*)\)'$/.exec(summary)?.[1] ?? '');
  const of = receiver === undefined ? '' : `${typeOf(receiver)}.`;
  return [noOverload(shown, `${of}(${types})`), at];
}

export function undeclared(name: string): string {
  return `undeclared reference to '${name}' (in container '')`;
}

export function noOverload(name: string, types: string): string {
  return `found no matching overload for '${name}' applied to '${types}'`;
}

/** Of what goes wrong while it is evaluated. */
export function runErrorOf(error: unknown): string {
  // Messages quote the text that is wrong, which may be all of a large object.
  if (!isLibraryError(error)) return messageOf(error).slice(0, MESSAGE_LENGTH_MAX);
  const { code, summary } = error;
  if (code === 'no_such_overload' || code === 'no_matching_overload') return 'no such overload';
  if (code === 'index_out_of_bounds') {
    return `index out of bounds: ${/index (-?\d+)/.exec(summary)?.[1] ?? ''}`;
  }
  if (code === 'numeric_overflow') return 'integer overflow';
  if (code === 'modulo_by_zero') return 'modulus by zero';
  return lowered(summary).slice(0, MESSAGE_LENGTH_MAX);
}

/** As cel-go prints an issue: where, what, the line, and a mark below the place. Columns are characters. */
function located(message: string, at: number, source: string): string {
  const before = source.slice(0, at).split('\n');
  const column = [...(before.at(-1) ?? '')].length;
  const line = source.split('\n')[before.length - 1] ?? '';
  const place = `<input>:${before.length}:${column + 1}`;
  return `ERROR: ${place}: ${message}\n | ${line}\n | ${'.'.repeat(column)}^`;
}

/** cel-go points at the dot. */
function dotOf({ input, pos }: Node): number {
  const dot = input.lastIndexOf('.', pos);
  return dot < 0 ? pos : dot;
}

function operandsOf({ args }: Node): readonly Node[] {
  return (Array.isArray(args) ? args : [args]).filter(isNode);
}

/** Where an operator stands behind its left operand; the library points at that. */
function behind(left: Node | undefined, operator: string | undefined, { input, start }: Node) {
  const at = operator === undefined ? -1 : input.indexOf(operator, left?.end ?? start);
  return at < 0 ? start : at;
}

function typesOf(nodes: readonly Node[]): string {
  return `(${nodes.map(typeOf).join(', ')})`;
}

function typeOf(node: Node | undefined): string {
  return celType(node?.checkedType?.name ?? 'dyn');
}

/** `list<string>` is `list(string)`; objects are known by no name that means anything. */
function celType(name: string): string {
  return name
    .replaceAll('<', '(')
    .replaceAll('>', ')')
    .replaceAll(/\bobject\d+\b/g, 'object');
}

function lowered(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function isLibraryError(error: unknown): error is LibraryError {
  return error instanceof Error && 'summary' in error && 'code' in error;
}

function isFull(node: LibraryError['node']): node is Node {
  return node !== undefined && 'meta' in node;
}
