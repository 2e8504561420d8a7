// StatsProvider: what the kubelet asks about its node and its containers, answered by cAdvisor inside the same process.
//
// The kubelet (lab 05) states the interface and knows nothing of this lab; lab 08 hands one to the other. A provider measures until
// it is closed or its signal aborts. It samples on a slow timer by itself, so that the first question already has a rate to answer with.
//
// Same idea upstream: kubernetes, pkg/kubelet/cadvisor and pkg/kubelet/server/stats.
import type { Logger } from '@kube-labs/apiserver';
import Docker from 'dockerode';
import { ContainerList } from './container-list.ts';
import { readLogBytes } from './log-files.ts';
import {
  type FilesystemStats,
  type MachineInfo,
  readFilesystem,
  readMachine,
  readMemory,
  readProcessIds,
} from './machine.ts';
import { readNetwork } from './network.ts';
import { prometheusText } from './prometheus.ts';
import { Sampler } from './sampler.ts';
import { type StatsSummary, summarize } from './summary.ts';

export interface StatsProviderOptions {
  readonly nodeName: string;
  /** Measure only the containers that carry the labels of this cluster and of `nodeName`. */
  readonly clusterName?: string | undefined;
  /** Measure only containers with these labels as well, as `key=value`. */
  readonly labelFilters?: readonly string[];
  readonly dockerSocket?: string;
  readonly cgroupRoot?: string;
  readonly procRoot?: string;
  /** A path on the disk whose capacity is the node's. */
  readonly diskPath?: string;
  /** The engine's host as this process sees it; for images and logs, which the engine keeps. */
  readonly hostRoot?: string;
  readonly housekeepingIntervalMs?: number;
  readonly log?: Logger;
}

export interface StatsProvider {
  machine(): MachineInfo;
  summary(): Promise<StatsSummary>;
  prometheus(): Promise<string>;
  /** Stops measuring and closes every file. */
  close(): void;
}

export function createStatsProvider(
  options: StatsProviderOptions,
  signal?: AbortSignal,
): StatsProvider & { readonly containers: ContainerList; readonly sampler: Sampler } {
  const { cgroupRoot = '/sys/fs/cgroup', procRoot = '/proc', diskPath = '/' } = options;
  const { hostRoot = '' } = options;
  const closing = new AbortController();
  const stopped = signal === undefined ? closing.signal : AbortSignal.any([signal, closing.signal]);
  const docker = new Docker({ socketPath: options.dockerSocket ?? '/var/run/docker.sock' });
  const containers = new ContainerList({
    docker,
    labelFilters: labelFiltersOf(options),
    ...(options.log && { log: options.log }),
  });
  const sampler = new Sampler({ containers, cgroupRoot, procRoot });
  const startedAtMs = Date.now();
  const housekeeping = setInterval(() => {
    sampler.sample();
    sampler.sampleMachine();
  }, options.housekeepingIntervalMs ?? 10_000);
  housekeeping.unref();
  void containers.run(stopped).finally(() => {
    clearInterval(housekeeping);
    sampler[Symbol.dispose]();
  });
  return {
    containers,
    sampler,
    machine: () => readMachine(procRoot, diskPath),
    summary: async () =>
      summarize({
        nodeName: options.nodeName,
        startedAtMs,
        samples: sampler.sample(),
        machine: sampler.sampleMachine(),
        memory: readMemory(procRoot),
        network: readNetwork(procRoot, process.pid),
        filesystem: readFilesystem(diskPath),
        imageFilesystem: readImageFilesystem(hostRoot),
        processIds: readProcessIds(procRoot),
        logBytesOf: ({ logPath }) => readLogBytes(hostRoot, logPath),
      }),
    prometheus: () => prometheusText(sampler.sample(), readMachine(procRoot, diskPath)),
    close: () => closing.abort(),
  };
}

/** Undefined where the engine keeps them on another machine, or elsewhere. */
function readImageFilesystem(hostRoot: string): FilesystemStats | undefined {
  try {
    return readFilesystem(`${hostRoot}/var/lib/docker`);
  } catch {
    return undefined;
  }
}

/** Several clusters, and several nodes of one, share an engine: labels tell their containers apart. */
function labelFiltersOf({ clusterName, nodeName, labelFilters = [] }: StatsProviderOptions) {
  if (clusterName === undefined) return labelFilters;
  return [`kube-labs=${clusterName}`, `kube-labs.node=${nodeName}`, ...labelFilters];
}
