// Report: the proofs of a lab on a terminal, one line each, and what to do about those that do not hold.
import { countOf, holds, type Proof, type ProofKind, type VerifyReport } from './proof.ts';

const ORDER: readonly ProofKind[] = ['types', 'prefix', 'symbol', 'wrong', 'last', 'lesson'];

export function reportText({ lab, proofs, durationMs }: VerifyReport): string {
  const width = Math.max(...proofs.map(({ name }) => name.length));
  const sorted = proofs.toSorted((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
  const red = proofs.filter((proof) => !holds(proof)).length;
  const remembered = proofs.filter((proof) => proof.remembered).length;
  const summary = [
    countOf(proofs.length, 'proof'),
    ...(remembered > 0 ? [`${remembered} remembered`] : []),
    red === 0 ? 'all hold' : `${red} ${red === 1 ? 'does' : 'do'} not hold`,
    `${(durationMs / 1000).toFixed(1)} s`,
  ];
  return `${[`Lab ${lab}`, ...sorted.flatMap((proof) => lines(proof, width)), summary.join(', ')].join('\n')}\n`;
}

function lines(proof: Proof, width: number): readonly string[] {
  const { name, says, complaints, remembered } = proof;
  if (holds(proof))
    return [`  ✓ ${name.padEnd(width)}  ${says}${remembered ? ' (as before)' : ''}`];
  return [
    `  ✗ ${name}`,
    ...complaints.flatMap(({ what, todo }) => [`      ${what}`, `        → ${todo}`]),
  ];
}
