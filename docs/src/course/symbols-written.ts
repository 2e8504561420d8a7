// Symbols written: which of a step's symbols are still stubs in a learner's folder.
//
// Nothing here throws for what a learner typed: a file that is gone or does not parse is an answer too.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CourseError } from './course-error.ts';
import type { Lab, OwnedSymbol, SymbolRef } from './model.ts';
import { isStub } from './stub.ts';
import { findSymbol, parseRef, parseSource } from './symbols.ts';

/**
 * `written` says only that something else than the stub is there. `missing`: the name or the file is gone.
 * `unreadable`: the file has a syntax error, so nobody can tell.
 */
export interface SymbolState {
  readonly symbol: SymbolRef;
  readonly state: 'written' | 'stub' | 'missing' | 'unreadable';
  /** Absolute path of the learner's file. */
  readonly file: string;
  /** Of the symbol, or of the syntax error; from 1. */
  readonly line: number;
  /** What is wrong, for the last two states. */
  readonly problem?: string;
}

/** The states of all symbols that a step owns, in the order of lab.yaml. */
export function symbolsWritten(lab: Lab, workFolder: string, step: number): readonly SymbolState[] {
  const owns = lab.steps[step - 1]?.owns ?? [];
  return owns.map((owned) => stateOf(workFolder, owned));
}

function stateOf(workFolder: string, owned: OwnedSymbol): SymbolState {
  const { symbol } = owned;
  const ref = parseRef(symbol);
  const file = join(workFolder, ref.file);
  if (!existsSync(file)) {
    return { symbol, state: 'missing', file, line: 1, problem: `${ref.file} is gone` };
  }
  const text = readFileSync(file, 'utf8');
  const source = parseSource(text, file);
  if (source.syntaxError !== undefined) {
    const { line, message } = source.syntaxError;
    return { symbol, state: 'unreadable', file, line, problem: message };
  }
  try {
    const { line } = findSymbol(source, ref.name, { needsBody: true });
    return { symbol, state: isStub(text, owned, file) ? 'stub' : 'written', file, line };
  } catch (error) {
    if (!CourseError.is(error)) throw error;
    return { symbol, state: 'missing', file, line: 1, problem: error.message };
  }
}
