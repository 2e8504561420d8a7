// NodeFlags: who this node is, and how often it says so.
//
// Flags and defaults are upstream's: kubernetes, cmd/kubelet/app/options.

import { hostname, networkInterfaces } from 'node:os';
import { parseQuantity } from '@kube-labs/apiserver';
import { type Command, InvalidArgumentError } from 'commander';
import type { Taint } from 'kubernetes-types/core/v1';
import { RESERVABLE, type Reserved } from '../node/allocatable.ts';
import { bool, count, labels, time } from './flag-values.ts';

export interface NodeOptions {
  readonly nodeName: string;
  readonly nodeAddress: string;
  readonly nodeLabels: Readonly<Record<string, string>>;
  readonly registerNode: boolean;
  readonly registerWithTaints: readonly Taint[];
  readonly kubeReserved: Reserved;
  readonly systemReserved: Reserved;
  readonly podsMax: number;
  readonly statusUpdateFrequencyMs: number;
  readonly statusReportFrequencyMs: number;
  readonly leaseDurationSeconds: number;
}

export interface NodeFlags {
  readonly hostnameOverride?: string;
  readonly nodeIp?: string;
  readonly nodeLabels: Record<string, string>;
  readonly registerNode: boolean;
  readonly registerWithTaints?: readonly Taint[];
  readonly kubeReserved?: Reserved;
  readonly systemReserved?: Reserved;
  readonly maxPods: number;
  readonly nodeStatusUpdateFrequency: number;
  readonly nodeStatusReportFrequency: number;
  readonly nodeLeaseDurationSeconds: number;
}

const REPORT_FREQUENCY_MS = 300_000;
const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

export function addNodeFlags(command: Command): void {
  command
    .option('--hostname-override <name>', "the node's name in the API (default: the host name)")
    .option('--node-ip <address>', "the node's address (default: its first one)")
    .option('--node-labels <labels>', 'labels for the node, as key=value,…', labels, {})
    .option('--register-node [bool]', 'make the Node, or else wait for it', bool, true)
    .option(
      '--register-with-taints <taints>',
      'taints of a Node that is made, as key=value:effect,…',
      taints,
    )
    .option('--kube-reserved <amounts>', 'not for pods, as cpu=100m,memory=1Gi', reserved)
    .option('--system-reserved <amounts>', 'not for pods either', reserved)
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
    registerNode: flags.registerNode,
    registerWithTaints: flags.registerWithTaints ?? [],
    kubeReserved: flags.kubeReserved ?? {},
    systemReserved: flags.systemReserved ?? {},
    podsMax: flags.maxPods,
    statusUpdateFrequencyMs: flags.nodeStatusUpdateFrequency,
    statusReportFrequencyMs: flags.nodeStatusReportFrequency,
    leaseDurationSeconds: flags.nodeLeaseDurationSeconds,
  };
}

/** key=value:effect, key:effect. */
function taints(text: string): readonly Taint[] {
  return text
    .split(',')
    .filter((one) => one !== '')
    .map((one) => {
      const [, key, value, effect] = /^([^=:]+)(?:=([^:]*))?:(\w+)$/.exec(one) ?? [];
      if (key === undefined || effect === undefined || !EFFECTS.includes(effect)) {
        throw new InvalidArgumentError(`want key=value:effect, got ${one}.`);
      }
      return { key, effect, ...(value === undefined ? {} : { value }) };
    });
}

function reserved(text: string): Reserved {
  const amounts = labels(text);
  for (const [name, amount] of Object.entries(amounts)) {
    if (!RESERVABLE.some((one) => one === name)) {
      throw new InvalidArgumentError(`cannot reserve ${name}, only ${RESERVABLE.join(', ')}.`);
    }
    try {
      parseQuantity(amount);
    } catch {
      throw new InvalidArgumentError(`want an amount such as 1Gi, got ${name}=${amount}.`);
    }
  }
  return amounts;
}

function firstAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return (
    addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1'
  );
}
