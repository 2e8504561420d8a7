// Prometheus: samples → cAdvisor's metrics as Prometheus text. Pure but for the library that writes the text.
//
// Names, help texts' meaning and labels (container, id, image, name, namespace, pod) are cAdvisor's (cadvisor, metrics/prometheus.go), so
// that dashboards made for it work. The values are the kernel's counters as they are, so a fresh registry is filled at each scrape.
// Left out: the metrics of disabled-by-default kinds (per-processor, NUMA, TCP states, perf events).
import { Counter, Gauge, Registry } from 'prom-client';
import type { MachineInfo } from './machine.ts';
import { podIdentity } from './pod-labels.ts';
import type { Sample } from './sampler.ts';

const LABELS = ['container', 'id', 'image', 'name', 'namespace', 'pod'] as const;
type Labels = Record<(typeof LABELS)[number], string>;
type Metric = readonly [
  name: string,
  help: string,
  kind: 'counter' | 'gauge',
  value: (sample: Sample) => number | undefined,
];

const NANOSECONDS = 1e9;

const METRICS: readonly Metric[] = [
  [
    'container_cpu_usage_seconds_total',
    'Cumulative cpu time consumed in seconds.',
    'counter',
    ({ stats }) => stats.cpuUsageNanoseconds / NANOSECONDS,
  ],
  [
    'container_cpu_user_seconds_total',
    'Cumulative user cpu time consumed in seconds.',
    'counter',
    ({ stats }) => stats.cpuUserNanoseconds / NANOSECONDS,
  ],
  [
    'container_cpu_system_seconds_total',
    'Cumulative system cpu time consumed in seconds.',
    'counter',
    ({ stats }) => stats.cpuSystemNanoseconds / NANOSECONDS,
  ],
  [
    'container_cpu_cfs_periods_total',
    'Number of elapsed enforcement period intervals.',
    'counter',
    ({ stats }) => stats.cpuPeriods,
  ],
  [
    'container_cpu_cfs_throttled_periods_total',
    'Number of throttled period intervals.',
    'counter',
    ({ stats }) => stats.cpuThrottledPeriods,
  ],
  [
    'container_cpu_cfs_throttled_seconds_total',
    'Total time duration the container has been throttled.',
    'counter',
    ({ stats }) => stats.cpuThrottledNanoseconds / NANOSECONDS,
  ],
  [
    'container_memory_usage_bytes',
    'Current memory usage in bytes, including all memory regardless of when it was accessed.',
    'gauge',
    ({ stats }) => stats.memoryUsageBytes,
  ],
  [
    'container_memory_working_set_bytes',
    'Current working set in bytes.',
    'gauge',
    ({ stats }) => stats.memoryWorkingSetBytes,
  ],
  ['container_memory_rss', 'Size of RSS in bytes.', 'gauge', ({ stats }) => stats.memoryRssBytes],
  [
    'container_memory_cache',
    'Number of bytes of page cache memory.',
    'gauge',
    ({ stats }) => stats.memoryCacheBytes,
  ],
  [
    'container_spec_memory_limit_bytes',
    'Memory limit for the container; 0 is no limit.',
    'gauge',
    ({ stats }) => stats.memoryLimitBytes ?? 0,
  ],
  [
    'container_processes',
    'Number of processes running inside the container.',
    'gauge',
    ({ stats }) => stats.processes,
  ],
  [
    'container_fs_usage_bytes',
    'Number of bytes that are consumed by the container on this filesystem.',
    'gauge',
    ({ writableBytes }) => writableBytes,
  ],
  [
    'container_start_time_seconds',
    'Start time of the container since unix epoch in seconds.',
    'gauge',
    ({ container }) => container.startedAtMs / 1000,
  ],
  [
    'container_last_seen',
    'Last time a container was seen by the exporter.',
    'gauge',
    ({ atMs }) => atMs / 1000,
  ],
];

type NetworkCounter =
  | 'rxBytes'
  | 'rxPackets'
  | 'rxErrors'
  | 'rxDropped'
  | 'txBytes'
  | 'txPackets'
  | 'txErrors'
  | 'txDropped';
const NETWORK: readonly (readonly [name: string, help: string, counter: NetworkCounter])[] = [
  ['container_network_receive_bytes_total', 'Cumulative count of bytes received.', 'rxBytes'],
  ['container_network_receive_packets_total', 'Cumulative count of packets received.', 'rxPackets'],
  [
    'container_network_receive_errors_total',
    'Cumulative count of errors encountered while receiving.',
    'rxErrors',
  ],
  [
    'container_network_receive_packets_dropped_total',
    'Cumulative count of packets dropped while receiving.',
    'rxDropped',
  ],
  ['container_network_transmit_bytes_total', 'Cumulative count of bytes transmitted.', 'txBytes'],
  [
    'container_network_transmit_packets_total',
    'Cumulative count of packets transmitted.',
    'txPackets',
  ],
  [
    'container_network_transmit_errors_total',
    'Cumulative count of errors encountered while transmitting.',
    'txErrors',
  ],
  [
    'container_network_transmit_packets_dropped_total',
    'Cumulative count of packets dropped while transmitting.',
    'txDropped',
  ],
];

export function prometheusText(samples: readonly Sample[], machine: MachineInfo): Promise<string> {
  const registry = new Registry();
  for (const [name, help, kind, value] of METRICS) {
    const record = metric(registry, kind, name, help, LABELS);
    for (const sample of samples) record(labelsOf(sample), value(sample));
  }
  for (const [name, help, counter] of NETWORK) {
    const record = metric(registry, 'counter', name, help, [...LABELS, 'interface']);
    for (const sample of samples.filter(ownsNetwork)) {
      for (const device of sample.network) {
        record({ ...labelsOf(sample), interface: device.name }, device[counter]);
      }
    }
  }
  metric(
    registry,
    'gauge',
    'machine_cpu_cores',
    'Number of logical CPU cores.',
    [],
  )({}, machine.cpus);
  metric(
    registry,
    'gauge',
    'machine_memory_bytes',
    'Amount of memory installed on the machine.',
    [],
  )({}, machine.memoryBytes);
  return registry.metrics();
}

function metric(
  registry: Registry,
  kind: 'counter' | 'gauge',
  name: string,
  help: string,
  labelNames: readonly string[],
): (labels: Record<string, string>, value: number | undefined) => void {
  const configuration = { name, help, labelNames: [...labelNames], registers: [registry] };
  const made = kind === 'counter' ? new Counter(configuration) : new Gauge(configuration);
  return (labels, value) => {
    if (value !== undefined) made.inc(labels, value);
  };
}

/** A pod's network is counted once, on its sandbox; a container outside a pod has its own. */
function ownsNetwork(sample: Sample): boolean {
  return podIdentity(sample.container.labels)?.isSandbox ?? true;
}

function labelsOf({ container }: Sample): Labels {
  const pod = podIdentity(container.labels);
  return {
    container: pod === undefined ? '' : pod.isSandbox ? 'POD' : pod.container,
    id: `/docker/${container.id}`,
    image: container.image,
    name: container.name,
    namespace: pod?.namespace ?? '',
    pod: pod?.name ?? '',
  };
}
