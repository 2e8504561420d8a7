// Symbol name: how learners name what they write: `Mvcc.put`, `put`, `src/mvcc.ts#Mvcc.put`, or a whole step.
import type { Lab, Step, SymbolRef } from '../course/model.ts';
import { findStep } from './context.ts';
import { LabError } from './lab-error.ts';
import { nearest } from './nearest.ts';

/** `Mvcc.put` of `src/mvcc.ts#Mvcc.put`. */
export const nameOf = (ref: SymbolRef): string => ref.slice(ref.indexOf('#') + 1);

export type Named =
  | { readonly kind: 'step'; readonly step: Step }
  | { readonly kind: 'symbol'; readonly symbol: SymbolRef; readonly step: Step };

/** A step, or a symbol that some step owns. */
export function stepOrSymbol(lab: Lab, wanted: string): Named {
  const step = findStep(lab, wanted);
  if ('found' in step) return { kind: 'step', step: step.found };
  const owned = lab.steps.flatMap((each) =>
    each.owns.map(({ symbol }) => ({ symbol, step: each })),
  );
  const result = nearest(
    wanted,
    owned.map((value) => ({
      names: [nameOf(value.symbol), value.symbol, lastPart(value.symbol)],
      value,
    })),
  );
  if ('found' in result) return { kind: 'symbol', ...result.found };
  throw new LabError(
    `Lab ${lab.id} has no step or symbol ${wanted}; near it: ${result.near.join(', ')}`,
  );
}

/** `put`; also without what tells it from others: `revision` of `Mvcc.get revision`. */
export function lastPart(ref: SymbolRef): string {
  return nameOf(ref).replace(/^.*[.\s]/, '');
}
