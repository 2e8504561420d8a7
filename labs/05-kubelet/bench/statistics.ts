// Medians and percentiles of measured numbers.

/** By the nearest rank; 0 of nothing. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = Math.ceil((percent / 100) * sorted.length);
  return sorted[Math.max(0, rank - 1)] ?? 0;
}

export function median(values: readonly number[]): number {
  return percentile(values, 50);
}
