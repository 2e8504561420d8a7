// The table of a benchmark: what was measured, ours, the reference of the same run, the ratio.

export interface Row {
  readonly what: string;
  readonly ours: number;
  /** Undefined = there is nothing to compare with. */
  readonly etcd: number | undefined;
  readonly unit: string;
  /** Which of two figures is the better one. */
  readonly better: 'higher' | 'lower';
}

const HEAD = ['what', 'ours', 'etcd', 'ratio', ''] as const;

export function tableOf(rows: readonly Row[]): string {
  const lines = rows.map(({ what, ours, etcd, unit, better }) => [
    what,
    `${numberOf(ours)} ${unit}`,
    etcd === undefined ? '' : `${numberOf(etcd)} ${unit}`,
    etcd === undefined ? '' : `${(ours / etcd).toFixed(2)}×`,
    etcd === undefined ? '' : `${better} is better`,
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

function numberOf(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en-US');
  return value.toPrecision(3);
}
