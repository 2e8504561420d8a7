// Pull code: a declaration out of the reference for a lesson, by `file#Symbol`.
//
// What it returns stands at the left margin. A symbol that does not exist is a CourseError, so that a lesson cannot show
// code that is not there any more.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type ts from 'typescript-5';
import { CourseError } from './course-error.ts';
import { deriveTree } from './derive.ts';
import type { Lab, SymbolRef } from './model.ts';
import { type Edit, splice } from './stub.ts';
import { findSymbol, parseRef, parseSource, type Span } from './symbols.ts';
import { typescript } from './typescript.ts';

export interface PullOptions {
  /** As it is in the reference, or as the learner finds it in the skeleton. Default `reference`. */
  readonly form?: 'reference' | 'stub';
  /** With the comments above it and in it. Default true. */
  readonly comments?: boolean;
}

export function pullCode(lab: Lab, ref: SymbolRef, options: PullOptions = {}): string {
  const { form = 'reference', comments = true } = options;
  const { file, name } = parseRef(ref);
  const path = join(lab.folder, file);
  if (!existsSync(path))
    throw new CourseError(`cannot show ${ref}: there is no such file`, { file: path });
  const tree = form === 'stub' ? deriveTree(lab, 0) : undefined;
  const text = tree?.get(file) ?? readFileSync(path, 'utf8');
  const { whole, signature } = findSymbol(parseSource(text, path), name);
  const indent = /[ \t]*$/.exec(text.slice(0, whole.start))?.[0] ?? '';
  if (comments) return atLeftMargin(text.slice(whole.start, whole.end), indent);
  const code = { start: signature.start, end: whole.end };
  return atLeftMargin(splice(text.slice(code.start, code.end), commentsIn(text, code)), indent);
}

function atLeftMargin(code: string, indent: string): string {
  return code.replaceAll(`\n${indent}`, '\n');
}

/** Cuts for all comments between two places; positions count from the first. */
function commentsIn(text: string, { start, end }: Span): readonly Edit[] {
  const t = typescript();
  const source = t.createSourceFile('pulled.ts', text, t.ScriptTarget.ES2023, true);
  const cuts = new Map<number, Edit>();
  const add = (found: readonly ts.CommentRange[] | undefined) => {
    for (const { pos, end: stop } of found ?? []) {
      if (pos < start || stop > end) continue;
      const edit = cutOf(text, { start: pos, end: stop });
      cuts.set(pos, { start: edit.start - start, end: edit.end - start, text: '' });
    }
  };
  const visit = (node: ts.Node): void => {
    if (t.isJSDoc(node)) return;
    add(t.getLeadingCommentRanges(text, node.getFullStart()));
    add(t.getTrailingCommentRanges(text, node.getEnd()));
    for (const child of node.getChildren(source)) visit(child);
  };
  visit(source);
  return [...cuts.values()];
}

/** With its whole lines when nothing else is on them, else with the space before it. */
function cutOf(text: string, { start, end }: Span): Span {
  const space = /[ \t]*$/.exec(text.slice(0, start))?.[0].length ?? 0;
  const lineStart = start - space;
  const alone = text[lineStart - 1] === '\n' && /^[ \t]*(?:\n|$)/.test(text.slice(end));
  if (!alone) return { start: lineStart, end };
  return { start: lineStart, end: text.indexOf('\n', end) + 1 };
}
