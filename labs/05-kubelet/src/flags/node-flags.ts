// NodeFlags: who this node is, and how often it says so.
//
// Flags and defaults are upstream's: kubernetes, cmd/kubelet/app/options.

import { hostname, networkInterfaces } from 'node:os';
import type { Command } from 'commander';
import { count, labels, time } from './flag-values.ts';

export interface NodeOptions {
  readonly nodeName: string;
  readonly nodeAddress: string;
  readonly nodeLabels: Readonly<Record<string, string>>;
  readonly podsMax: number;
  readonly statusUpdateFrequencyMs: number;
  readonly statusReportFrequencyMs: number;
  readonly leaseDurationSeconds: number;
}

export interface NodeFlags {
  readonly hostnameOverride?: string;
  readonly nodeIp?: string;
  readonly nodeLabels: Record<string, string>;
  readonly maxPods: number;
  readonly nodeStatusUpdateFrequency: number;
  readonly nodeStatusReportFrequency: number;
  readonly nodeLeaseDurationSeconds: number;
}

const REPORT_FREQUENCY_MS = 300_000;

export function addNodeFlags(command: Command): void {
  command
    .option('--hostname-override <name>', "the node's name in the API (default: the host name)")
    .option('--node-ip <address>', "the node's address (default: its first one)")
    .option('--node-labels <labels>', 'labels for the node, as key=value,…', labels, {})
    .option('--max-pods <n>', 'how many pods fit', count, 110)
    .option('--node-status-update-frequency <time>', 'how often the status is made', time, 10_000)
    .option(
      '--node-status-report-frequency <time>',
      'how often it is written when nothing changed',
      time,
      REPORT_FREQUENCY_MS,
    )
    .option('--node-lease-duration-seconds <n>', 'renewed four times in this time', count, 40);
}

export function nodeOptionsOf(flags: NodeFlags): NodeOptions {
  return {
    nodeName: (flags.hostnameOverride ?? hostname()).toLowerCase(),
    nodeAddress: flags.nodeIp ?? firstAddress(),
    nodeLabels: flags.nodeLabels,
    podsMax: flags.maxPods,
    statusUpdateFrequencyMs: flags.nodeStatusUpdateFrequency,
    statusReportFrequencyMs: flags.nodeStatusReportFrequency,
    leaseDurationSeconds: flags.nodeLeaseDurationSeconds,
  };
}

function firstAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return (
    addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1'
  );
}
