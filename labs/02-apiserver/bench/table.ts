// The table of the benchmark: ours, ours on etcd, the limit that was measured in the same run, and kube-apiserver's figure.
//
// Whether a target is reached is said beside it, and nothing depends on it: machines differ.

export interface Row {
  readonly what: string;
  readonly unit: string;
  readonly better: 'higher' | 'lower';
  readonly ours: number;
  readonly onEtcd?: number | undefined;
  /** What the same run reached without the API server: plain HTTPS, the bare store. */
  readonly limit?: number | undefined;
  /** Ours must be at least (lower: at most) so many times the limit. */
  readonly limitFactor?: number | undefined;
  /** What one request took of a processor, in our server and in the one that is the limit. */
  readonly cpuMicros?: number | undefined;
  readonly limitCpuMicros?: number | undefined;
  /** kube-apiserver 1.28.7 on etcd 3.4 over TLS, on two cores with the client beside it. */
  readonly upstream?: number | undefined;
  /** Ours must be at least (lower: at most) so many times that. */
  readonly factor?: number | undefined;
}

const HEAD = [
  'what',
  'ours',
  'on etcd',
  'limit',
  'ours/limit',
  'µs each',
  'limit µs',
  'upstream',
  'ours/upstream',
  'target',
];

export function tableOf(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const { unit, ours, onEtcd, limit, upstream } = row;
    const figure = (value: number | undefined) =>
      value === undefined ? '' : `${numberOf(value)} ${unit}`;
    return [
      row.what,
      figure(ours),
      figure(onEtcd),
      figure(limit),
      limit === undefined ? '' : `${(ours / limit).toFixed(2)}×`,
      micros(row.cpuMicros),
      micros(row.limitCpuMicros),
      figure(upstream),
      upstream === undefined ? '' : `${(ours / upstream).toFixed(2)}×`,
      targetOf(row),
    ];
  });
  const widths = HEAD.map((title, i) =>
    Math.max(title.length, ...lines.map((line) => (line[i] ?? '').length)),
  );
  const cells = (line: readonly string[]) =>
    line.map((text, i) => (i === 0 ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0)));
  return [HEAD, widths.map((width) => '-'.repeat(width)), ...lines]
    .map((line) => cells(line).join('  ').trimEnd())
    .join('\n');
}

function targetOf({ ours, better, limit, limitFactor, upstream, factor }: Row): string {
  const sign = better === 'higher' ? '≥' : '≤';
  const parts: string[] = [];
  const add = (base: number | undefined, times: number | undefined, name: string) => {
    if (base === undefined || times === undefined) return;
    const isReached = better === 'higher' ? ours >= base * times : ours <= base * times;
    parts.push(`${sign} ${Number(times.toFixed(2))}× ${name}: ${isReached ? 'yes' : 'no'}`);
  };
  add(limit, limitFactor, 'limit');
  add(upstream, factor, 'upstream');
  return parts.join(', ');
}

function micros(value: number | undefined): string {
  return value === undefined ? '' : numberOf(value);
}

function numberOf(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en-US');
  return value.toPrecision(3);
}
