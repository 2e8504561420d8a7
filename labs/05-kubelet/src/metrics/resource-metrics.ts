// ResourceMetrics: CPU and memory of the node, its pods and their containers: /metrics/resource, which autoscalers read. Pure.
//
// The same figures as in /stats/summary, in Prometheus' text format, each with the time that it was taken at. What nobody has measured
// is left out.
//
// Same idea upstream: kubernetes, pkg/kubelet/metrics/collectors/resource_metrics.go.
// Left out here: swap.

import type { Figures, Summary } from '../stats-provider.ts';

type Labels = Readonly<Record<string, string>>;

const NANO = 1e9;

export function resourceMetrics({ node, pods }: Summary): string {
  const ofPods = pods.map((pod) => ({
    ...pod,
    labels: { namespace: pod.podRef.namespace, pod: pod.podRef.name },
  }));
  const ofContainers = ofPods.flatMap(({ containers, labels }) =>
    containers.map((one) => ({ ...one, labels: { container: one.name, ...labels } })),
  );
  const all = { node: [{ ...node, labels: {} }], pod: ofPods, container: ofContainers };
  const usage = Object.entries(all).flatMap(([what, measured]) => [
    family(
      { name: `${what}_cpu_usage_seconds_total`, type: 'counter' },
      `Cumulative cpu time consumed by the ${what} in core-seconds`,
      measured.map(({ labels, cpu }) => line(labels, cpu, 'usageCoreNanoSeconds', NANO)),
    ),
    family(
      { name: `${what}_memory_working_set_bytes`, type: 'gauge' },
      `Current working set of the ${what} in bytes`,
      measured.map(({ labels, memory }) => line(labels, memory, 'workingSetBytes', 1)),
    ),
  ]);
  const starts = family(
    { name: 'container_start_time_seconds', type: 'gauge' },
    'Start time of the container since unix epoch in seconds',
    ofContainers.map(({ labels, startTime }) =>
      line(labels, { startMs: Date.parse(startTime) }, 'startMs', 1_000),
    ),
  );
  const error = family(
    { name: 'resource_scrape_error', type: 'gauge' },
    '1 if there was an error while getting container metrics, 0 otherwise',
    [' 0'],
  );
  return [...usage, starts, error].join('');
}

function family(
  { name, type }: { readonly name: string; readonly type: 'counter' | 'gauge' },
  help: string,
  lines: readonly string[],
): string {
  const samples = lines.filter((one) => one !== '').map((one) => `${name}${one}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${samples.join('')}`;
}

/** Empty when there is no such figure. */
function line(labels: Labels, figures: Figures, figure: string, unit: number): string {
  const { [figure]: value, time } = figures;
  if (typeof value !== 'number') return '';
  const pairs = Object.entries(labels).map(([key, text]) => `${key}=${JSON.stringify(text)}`);
  const stamp = typeof time === 'string' ? ` ${Date.parse(time)}` : '';
  return `${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value / unit}${stamp}`;
}
