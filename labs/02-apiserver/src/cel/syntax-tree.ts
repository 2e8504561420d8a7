// syntax-tree: the nodes of a parsed expression, as the library keeps them, and the way through all of them.
//
// The library publishes its tree for reading. What is typed here besides is how it works inside (version 8.0): a node is checked once, which
// leaves its type and its `handle`, the function that is called with the operands; `evaluate` runs it. Macros are nodes that stand for other
// nodes (`alternate`: comprehensions) or do it themselves (`macro`: has).

export interface Checker {
  check(node: Node, context: unknown): Type;
  getType(name: string): Type;
}

export interface Type {
  readonly name: string;
  readonly kind: string;
}

export interface Evaluator {
  run(node: Node, context: unknown): unknown;
}

export interface Macro {
  typeCheck(checker: Checker, macro: Macro, context: unknown): Type;
  evaluate(evaluator: Evaluator, macro: Macro, context: unknown): unknown;
}

type Handle = (...parts: unknown[]) => unknown;

export interface Node {
  readonly op: string;
  args: unknown;
  readonly pos: number;
  readonly start: number;
  readonly end: number;
  readonly input: string;
  readonly checkedType?: Type;
  /** Binary operators: (left, right, …); calls: ([arguments], …), a method's receiver first among them. */
  handle?: Handle;
  evaluate: (evaluator: Evaluator, node: Node, context: unknown) => unknown;
  readonly meta: {
    check: (checker: Checker, node: Node, context: unknown) => Type;
    evaluate: Node['evaluate'];
    readonly alternate?: Node;
    readonly macro?: Macro;
  };
}

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'op' in value && 'meta' in value;
}

/** A call `name(…)` or `receiver.name(…)`. */
export interface Call {
  readonly name: string;
  readonly receiver?: Node;
  readonly args: readonly Node[];
}

export function callOf({ op, args }: Node): Call | undefined {
  if (op === 'call') {
    const [name, list] = args as [string, Node[]];
    return { name, args: list };
  }
  if (op !== 'rcall') return undefined;
  const [name, receiver, list] = args as [string, Node, Node[]];
  return { name, receiver, args: list };
}

/** Each node once, parents first. Before the check and after it, as checking brings new ones. */
export function visit(root: Node, look: (node: Node) => void): void {
  const seen = new Set<Node>();
  const waiting: Node[] = [root];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    look(node);
    waiting.push(...nodesIn(node.meta.alternate ?? node.meta.macro ?? node.args));
  }
}

function nodesIn(value: unknown): Node[] {
  if (isNode(value)) return [value];
  if (Array.isArray(value)) return value.flatMap(nodesIn);
  const isPlain = typeof value === 'object' && value !== null && value.constructor === Object;
  return isPlain ? Object.values(value).flatMap(nodesIn) : [];
}
