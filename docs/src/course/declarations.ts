// Declarations: everything in a source text that has a name, as a flat list with positions.
//
// A declaration knows three spans of the text: the whole with the comment right above it, the signature, and the body, which
// is what a learner writes. All positions are offsets into the text, so that whoever changes it only splices.
// Left out: what is declared inside a function body (it belongs to that function), namespaces' insides, destructuring.
import type ts from 'typescript-5';
import { typescript } from './typescript.ts';

export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface Body extends Span {
  /** An `expression` is the right side of an arrow without braces. */
  readonly kind: 'block' | 'expression';
  /** What stays even when the body goes: the call of super() and what stands before it. */
  readonly keep?: Span;
}

export interface Declaration {
  readonly name: string;
  /** Longer names that also tell it from a namesake: `static open`, `interface Disk`. */
  readonly aliases: readonly string[];
  readonly kind: 'function' | 'class' | 'type' | 'value';
  /** With the comment right above it. */
  readonly whole: Span;
  /** From its first word to the body, or to its end. */
  readonly signature: Span;
  readonly body?: Body;
  /** Its return type is read off its body: with another body it would have another type. */
  readonly infersType: boolean;
  /** Of its first word; from 1. */
  readonly line: number;
}

type Found = Omit<Declaration, 'line'>;

interface Named {
  readonly name: string;
  readonly aliases: readonly string[];
}

/** All declarations in the order of the text, and the first syntax error if there is one. */
export function declarationsOf(
  text: string,
  file: string,
): { declarations: readonly Declaration[]; syntaxError?: { line: number; message: string } } {
  const { createSourceFile, flattenDiagnosticMessageText, ScriptTarget } = typescript();
  const source = createSourceFile(file, text, ScriptTarget.ES2023, true);
  const lineOf = (offset: number) => source.getLineAndCharacterOfPosition(offset).line + 1;
  const found = mergeOverloads(source.statements.flatMap((node) => ofStatement(node, source)));
  const declarations = found.map((d) => ({ ...d, line: lineOf(d.signature.start) }));
  // The parser keeps its complaints on the file; asking by the public way would set up a whole program.
  const { parseDiagnostics } = source as ts.SourceFile & {
    readonly parseDiagnostics: readonly ts.DiagnosticWithLocation[];
  };
  const [error] = parseDiagnostics;
  if (error === undefined) return { declarations };
  const message = flattenDiagnosticMessageText(error.messageText, ' ');
  return { declarations, syntaxError: { line: lineOf(error.start), message } };
}

/** Signatures without a body, and the implementation that follows them, are one declaration. */
function mergeOverloads(found: readonly Found[]): readonly Found[] {
  const merged: Found[] = [];
  for (const next of found) {
    const last = merged.at(-1);
    if (last?.name !== next.name || last.kind !== 'function' || last.body !== undefined) {
      merged.push(next);
      continue;
    }
    merged[merged.length - 1] = {
      ...next,
      whole: { ...next.whole, start: last.whole.start },
      signature: { ...next.signature, start: last.signature.start },
    };
  }
  return merged;
}

function ofStatement(node: ts.Statement, source: ts.SourceFile): readonly Found[] {
  const t = typescript();
  if (t.isVariableStatement(node)) {
    const { declarations } = node.declarationList;
    return declarations.flatMap((declared) => {
      if (!t.isIdentifier(declared.name)) return [];
      const named = topLevel(declared.name.text, 'const');
      const whole = declarations.length === 1 ? node : declared;
      return ofValue(named, whole, declared.initializer, source);
    });
  }
  if (t.isExportAssignment(node))
    return ofValue(topLevel('default'), node, node.expression, source);
  if (t.isFunctionDeclaration(node)) {
    return namesOf(node, 'function').map((named) => callable(named, node, source));
  }
  if (t.isClassDeclaration(node)) {
    return namesOf(node, 'class').flatMap((named) => ofClass(named, node, node, source));
  }
  if (t.isInterfaceDeclaration(node)) {
    return ofType(topLevel(node.name.text, 'interface'), node, node.members, source);
  }
  if (t.isTypeAliasDeclaration(node)) {
    const members = t.isTypeLiteralNode(node.type) ? node.type.members : [];
    return ofType(topLevel(node.name.text, 'type'), node, members, source);
  }
  if (t.isEnumDeclaration(node)) return [value(topLevel(node.name.text, 'enum'), node, source)];
  return [];
}

/** A function or class that is exported by default has two names, or only the second. */
function namesOf(
  node: ts.FunctionDeclaration | ts.ClassDeclaration,
  word: string,
): readonly Named[] {
  const { SyntaxKind } = typescript();
  const isDefault = node.modifiers?.some(({ kind }) => kind === SyntaxKind.DefaultKeyword) ?? false;
  const name = node.name?.text;
  return [
    ...(name === undefined ? [] : [topLevel(name, word)]),
    ...(isDefault ? [topLevel('default')] : []),
  ];
}

/** What a constant, a field or a property holds: a function to write, an object or class to look into, or just a value. */
function ofValue(
  named: Named,
  whole: ts.Node,
  initializer: ts.Expression | undefined,
  source: ts.SourceFile,
): readonly Found[] {
  const t = typescript();
  const held = initializer && unwrapped(initializer);
  if (held === undefined) return [value(named, whole, source)];
  if (t.isArrowFunction(held) || t.isFunctionExpression(held)) {
    const fn = { ...value(named, whole, source), kind: 'function' } as const;
    return [{ ...fn, ...bodyOf(held, whole, source), infersType: infersType(held) }];
  }
  if (t.isClassExpression(held)) return ofClass(named, whole, held, source);
  if (!t.isObjectLiteralExpression(held)) return [value(named, whole, source)];
  const members = held.properties.flatMap((property) => {
    if (t.isSpreadAssignment(property)) return [];
    const member = memberOf(named, labelOf(property, nameText(property.name)));
    if (t.isPropertyAssignment(property)) {
      return ofValue(member, property, property.initializer, source);
    }
    if (t.isShorthandPropertyAssignment(property)) return [value(member, property, source)];
    return [callable(member, property, source)];
  });
  return [value(named, whole, source), ...members];
}

/** The value itself in `(value) as const satisfies Type`. */
function unwrapped(expression: ts.Expression): ts.Expression {
  const t = typescript();
  const isWrapper =
    t.isParenthesizedExpression(expression) ||
    t.isAsExpression(expression) ||
    t.isSatisfiesExpression(expression);
  return isWrapper ? unwrapped(expression.expression) : expression;
}

function ofClass(
  named: Named,
  whole: ts.Node,
  node: ts.ClassLikeDeclaration,
  source: ts.SourceFile,
): readonly Found[] {
  const t = typescript();
  const members = node.members.flatMap((member) => {
    if (t.isConstructorDeclaration(member)) {
      return [callable(memberOf(named, 'constructor'), member, source)];
    }
    if (t.isClassStaticBlockDeclaration(member)) {
      return [callable(memberOf(named, 'static {}'), member, source)];
    }
    if (member.name === undefined) return [];
    const { SyntaxKind } = t;
    const isStatic =
      t.canHaveModifiers(member) &&
      (member.modifiers?.some(({ kind }) => kind === SyntaxKind.StaticKeyword) ?? false);
    const own = memberOf(named, labelOf(member, nameText(member.name)), isStatic);
    if (t.isPropertyDeclaration(member)) return ofValue(own, member, member.initializer, source);
    if (t.isMethodDeclaration(member) || t.isAccessor(member)) {
      return [callable(own, member, source)];
    }
    return [];
  });
  return [{ ...value(named, whole, source), kind: 'class' }, ...withoutNamesakes(members)];
}

/** Where a static member and one of the objects share a name, the static one is known by its longer name only. */
function withoutNamesakes(members: readonly Found[]): readonly Found[] {
  const isStatic = ({ aliases }: Found) => aliases.some((alias) => alias.includes('.static '));
  const others = new Set(members.filter((member) => !isStatic(member)).map(({ name }) => name));
  return members.map((member) => {
    if (!isStatic(member) || !others.has(member.name)) return member;
    const [name = member.name, ...aliases] = member.aliases.filter((a) => a.includes('.static '));
    return { ...member, name, aliases };
  });
}

function ofType(
  named: Named,
  node: ts.Node,
  members: Iterable<ts.TypeElement>,
  source: ts.SourceFile,
): readonly Found[] {
  const inside = [...members].flatMap((member) =>
    member.name === undefined
      ? []
      : [value(memberOf(named, nameText(member.name)), member, source)],
  );
  return [{ ...value(named, node, source), kind: 'type' }, ...inside];
}

type Callable =
  | ts.FunctionDeclaration
  | ts.MethodDeclaration
  | ts.AccessorDeclaration
  | ts.ConstructorDeclaration
  | ts.ClassStaticBlockDeclaration;

function callable(named: Named, node: Callable, source: ts.SourceFile): Found {
  const found = { ...value(named, node, source), kind: 'function' } as const;
  return { ...found, ...bodyOf(node, node, source), infersType: infersType(node) };
}

/** Whether nothing says what it returns: neither itself, nor the constant, field or object that it is part of. */
function infersType(node: Callable | ts.ArrowFunction | ts.FunctionExpression): boolean {
  const t = typescript();
  if (!t.isClassStaticBlockDeclaration(node) && node.type !== undefined) return false;
  if (t.isFunctionDeclaration(node)) return true;
  if (t.isMethodDeclaration(node) || t.isGetAccessor(node)) return t.isClassLike(node.parent);
  const isConstant = t.isVariableDeclaration(node.parent) || t.isPropertyDeclaration(node.parent);
  return isConstant && node.parent.type === undefined;
}

function value({ name, aliases }: Named, node: ts.Node, source: ts.SourceFile): Found {
  const signature = { start: node.getStart(source), end: node.getEnd() };
  const whole = { start: commentStart(node, source), end: signature.end };
  return { name, aliases, kind: 'value', whole, signature, infersType: false };
}

/** The spans that depend on a body; nothing for a signature alone. */
function bodyOf(
  node: Callable | ts.ArrowFunction | ts.FunctionExpression,
  whole: ts.Node,
  source: ts.SourceFile,
): Pick<Found, 'signature' | 'body'> | undefined {
  const { body } = node;
  if (body === undefined) return undefined;
  const span = { start: body.getStart(source), end: body.getEnd() };
  const signature = { start: whole.getStart(source), end: span.start };
  if (!typescript().isBlock(body)) return { signature, body: { kind: 'expression', ...span } };
  const keep = superCall(node, body, source);
  return { signature, body: { kind: 'block', ...span, ...(keep && { keep }) } };
}

/** A constructor of a derived class must call super(), or it is none. What stands before may be what it needs. */
function superCall(node: ts.Node, body: ts.Block, source: ts.SourceFile): Span | undefined {
  const t = typescript();
  if (!t.isConstructorDeclaration(node)) return undefined;
  const call = body.statements.find(
    (statement) =>
      t.isExpressionStatement(statement) &&
      t.isCallExpression(statement.expression) &&
      statement.expression.expression.kind === t.SyntaxKind.SuperKeyword,
  );
  const first = body.statements[0];
  return call && first && { start: first.getStart(source), end: call.getEnd() };
}

/** Where the comment right above a declaration begins. One that an empty line parts from it belongs to the file. */
function commentStart(node: ts.Node, source: ts.SourceFile): number {
  const { text } = source;
  let start = node.getStart(source);
  const comments = typescript().getLeadingCommentRanges(text, node.getFullStart()) ?? [];
  for (const { pos, end } of comments.toReversed()) {
    if (/\n[ \t]*\r?\n/.test(text.slice(end, start))) break;
    start = pos;
  }
  return start;
}

function topLevel(name: string, word?: string): Named {
  return { name, aliases: word === undefined ? [] : [`${word} ${name}`] };
}

function memberOf({ name, aliases }: Named, member: string, isStatic = false): Named {
  const owners = [name, ...aliases];
  return {
    name: `${name}.${member}`,
    aliases: [
      ...(isStatic ? owners.map((owner) => `${owner}.static ${member}`) : []),
      ...aliases.map((owner) => `${owner}.${member}`),
    ],
  };
}

/** What follows the dot: the name, or `get revision` for an accessor. */
function labelOf(node: ts.ClassElement | ts.ObjectLiteralElementLike, name: string): string {
  const t = typescript();
  if (t.isGetAccessor(node)) return `get ${name}`;
  return t.isSetAccessor(node) ? `set ${name}` : name;
}

function nameText(name: ts.PropertyName | ts.PrivateIdentifier): string {
  const t = typescript();
  if (t.isStringLiteral(name) || t.isNoSubstitutionTemplateLiteral(name)) return name.text;
  return name.getText();
}
