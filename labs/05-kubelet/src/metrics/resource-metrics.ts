// ResourceMetrics: CPU and memory of the node, its pods and their containers: /metrics/resource, which autoscalers read. Pure.
//
// The same figures as in /stats/summary, in Prometheus' text format, each with the time that it was taken at.
//
// Same idea upstream: kubernetes, pkg/kubelet/metrics/collectors/resource_metrics.go.
// Left out here: swap.

import type { Figures, Summary } from '../stats-provider.ts';

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly time?: string;
}

interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly samples: readonly Sample[];
}

const NANO = 1e9;

export function resourceMetrics({ node, pods }: Summary): string {
  const podLabels = ({ podRef }: Summary['pods'][number]) => ({
    namespace: podRef.namespace,
    pod: podRef.name,
  });
  const containers = pods.flatMap((pod) =>
    pod.containers.map((container) => ({
      ...container,
      labels: { container: container.name, ...podLabels(pod) },
    })),
  );
  const families: readonly Family[] = [
    cpu('node', 'node', [{ ...node, labels: {} }]),
    memory('node', 'node', [{ ...node, labels: {} }]),
    cpu(
      'pod',
      'pod',
      pods.map((pod) => ({ ...pod, labels: podLabels(pod) })),
    ),
    memory(
      'pod',
      'pod',
      pods.map((pod) => ({ ...pod, labels: podLabels(pod) })),
    ),
    cpu('container', 'container', containers),
    memory('container', 'container', containers),
    {
      name: 'container_start_time_seconds',
      help: 'Start time of the container since unix epoch in seconds',
      type: 'gauge',
      samples: containers.map(({ labels, startTime }) => ({
        labels,
        value: Date.parse(startTime) / 1_000,
      })),
    },
    {
      name: 'resource_scrape_error',
      help: '1 if there was an error while getting container metrics, 0 otherwise',
      type: 'gauge',
      samples: [{ labels: {}, value: 0 }],
    },
  ];
  return families.map(textOf).join('');
}

type Measured = Pick<Sample, 'labels'> & { readonly cpu: Figures; readonly memory: Figures };

function cpu(prefix: string, what: string, all: readonly Measured[]): Family {
  return {
    name: `${prefix}_cpu_usage_seconds_total`,
    help: `Cumulative cpu time consumed by the ${what} in core-seconds`,
    type: 'counter',
    samples: all.flatMap(({ labels, cpu: figures }) =>
      sampleOf(labels, figures, 'usageCoreNanoSeconds', NANO),
    ),
  };
}

function memory(prefix: string, what: string, all: readonly Measured[]): Family {
  return {
    name: `${prefix}_memory_working_set_bytes`,
    help: `Current working set of the ${what} in bytes`,
    type: 'gauge',
    samples: all.flatMap(({ labels, memory: figures }) =>
      sampleOf(labels, figures, 'workingSetBytes', 1),
    ),
  };
}

/** None when nobody has measured it. */
function sampleOf(
  labels: Sample['labels'],
  figures: Figures,
  figure: string,
  unit: number,
): readonly Sample[] {
  const value = figures[figure];
  if (typeof value !== 'number') return [];
  const { time } = figures;
  return [{ labels, value: value / unit, ...(typeof time === 'string' ? { time } : {}) }];
}

function textOf({ name, help, type, samples }: Family): string {
  const lines = samples.map(({ labels, value, time }) => {
    const pairs = Object.entries(labels).map(([key, text]) => `${key}=${JSON.stringify(text)}`);
    const stamp = time === undefined ? '' : ` ${Date.parse(time)}`;
    return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}${stamp}\n`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}
