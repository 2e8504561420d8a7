// Nearest: finds what a learner meant: exactly, by case, by the last part of a name, or else tells the names that are near.

export interface Candidate<T> {
  /** Every way to name it; the first is what a message calls it. */
  readonly names: readonly string[];
  readonly value: T;
}

const NEAR_MAX = 5;

/** The one that is meant, or the names that are near; where none is, of all names those that are least far. At most `nearMax`. */
export function nearest<T>(
  wanted: string,
  candidates: readonly Candidate<T>[],
  { nearMax = NEAR_MAX }: { readonly nearMax?: number } = {},
): { readonly found: T } | { readonly near: readonly string[] } {
  const lower = wanted.toLowerCase();
  const tests: ((name: string) => boolean)[] = [
    (name) => name === wanted,
    (name) => name.toLowerCase() === lower,
  ];
  for (const test of tests) {
    const matching = candidates.filter(({ names }) => names.some(test));
    const [only] = matching;
    if (only !== undefined && matching.length === 1) return { found: only.value };
    if (matching.length > 1) return { near: matching.map(({ names }) => names[0] ?? '') };
  }
  const scored = candidates
    .map(({ names }) => ({
      name: names[0] ?? '',
      distance: Math.min(...names.map((name) => distance(name.toLowerCase(), lower))),
    }))
    .sort((a, b) => a.distance - b.distance);
  const near = scored.filter((one) => one.distance <= Math.max(2, wanted.length / 2));
  return { near: (near.length > 0 ? near : scored).slice(0, nearMax).map(({ name }) => name) };
}

/** How many letters to put in, take out or change. */
function distance(a: string, b: string): number {
  if (b !== '' && a.includes(b)) return 1;
  let above = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...a].entries()) {
    const row = [i + 1];
    for (const [j, other] of [...b].entries()) {
      const change = (above[j] ?? 0) + (letter === other ? 0 : 1);
      row.push(Math.min(change, (above[j + 1] ?? 0) + 1, (row[j] ?? 0) + 1));
    }
    above = row;
  }
  return above.at(-1) ?? a.length;
}
