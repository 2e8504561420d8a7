// The table of the benchmark: ours, what the same run took without a kubelet, and what is to be reached.
//
// Whether a target is reached is said beside it, and nothing depends on it: machines differ.

export interface Row {
  readonly what: string;
  readonly unit: string;
  readonly ours: number;
  readonly reference?: number;
  /** Ours must be at most so many times the reference. */
  readonly factorMax?: number;
  /** Ours must be at most this. */
  readonly max?: number;
}

const HEAD = ['what', 'ours', 'reference', 'ours/reference', 'target'];

export function tableOf(rows: readonly Row[]): string {
  const lines = rows.map((row) => [
    row.what,
    `${numberOf(row.ours)} ${row.unit}`,
    row.reference === undefined ? '' : `${numberOf(row.reference)} ${row.unit}`,
    row.reference === undefined ? '' : `${(row.ours / row.reference).toFixed(2)}×`,
    targetOf(row),
  ]);
  const widths = HEAD.map((title, i) =>
    Math.max(title.length, ...lines.map((line) => (line[i] ?? '').length)),
  );
  const cells = (line: readonly string[]) =>
    line.map((text, i) => (i === 0 ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0)));
  return [HEAD, widths.map((width) => '-'.repeat(width)), ...lines]
    .map((line) => cells(line).join('  ').trimEnd())
    .join('\n');
}

function targetOf({ ours, unit, reference, factorMax, max }: Row): string {
  if (max !== undefined) return `≤ ${max} ${unit}: ${ours <= max ? 'yes' : 'no'}`;
  if (factorMax === undefined || reference === undefined) return '';
  return `≤ ${factorMax}×: ${ours <= factorMax * reference ? 'yes' : 'no'}`;
}

function numberOf(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toPrecision(3);
}
