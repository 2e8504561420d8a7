// Allocatable: what of a node's capacity is there for pods. Pure.
//
//   capacity − --kube-reserved − --system-reserved − the hard eviction threshold (memory, disk)
//
// So that pods which keep to their requests are never evicted for what the node itself needs. Never below nothing.
//
// Same rule upstream: GetNodeAllocatableReservation in kubernetes, pkg/kubelet/cm/node_container_manager_linux.go.
// Left out here: enforcing it, which takes a cgroup around all pods.

import { milliOf, parseQuantity } from '@kube-labs/apiserver';
import { quantityOf, type Signal, type Threshold } from '../eviction/thresholds.ts';
import type { MachineInfo } from '../stats-provider.ts';
import type { ContainerLimits } from './container-limits.ts';

export const RESERVABLE = ['cpu', 'memory', 'ephemeral-storage'] as const;
export type Reserved = Readonly<Partial<Record<(typeof RESERVABLE)[number], string>>>;

export interface Reservations {
  readonly kubeReserved: Reserved;
  readonly systemReserved: Reserved;
  readonly thresholds: readonly Threshold[];
}

export function limitedMachine(machine: MachineInfo, limits: ContainerLimits): MachineInfo {
  return {
    ...machine,
    cpus: Math.min(machine.cpus, limits.cpus ?? machine.cpus),
    memoryBytes: Math.min(machine.memoryBytes, limits.memoryBytes ?? machine.memoryBytes),
  };
}

export function capacityOf(machine: MachineInfo, podsMax: number): Record<string, string> {
  return {
    cpu: coresText(Math.round(machine.cpus * 1_000)),
    memory: kibibytesText(machine.memoryBytes),
    pods: String(podsMax),
    'ephemeral-storage': kibibytesText(machine.diskBytes),
  };
}

export function allocatableOf(
  machine: MachineInfo,
  podsMax: number,
  { kubeReserved, systemReserved, thresholds }: Reservations,
): Record<string, string> {
  const reserved = [kubeReserved, systemReserved];
  const bytes = (resource: 'memory' | 'ephemeral-storage', capacity: number, signal: Signal) => {
    const hard = thresholds.find((one) => one.signal === signal && one.gracePeriodMs === 0);
    const kept = hard === undefined ? 0 : quantityOf(hard.amount, capacity);
    const held = reserved.reduce((sum, one) => sum + parseQuantity(one[resource] ?? '0'), 0);
    return kibibytesText(Math.max(0, capacity - held - kept));
  };
  const millis = reserved.reduce((sum, one) => sum + milliOf(one.cpu ?? '0'), 0);
  return {
    cpu: coresText(Math.max(0, Math.round(machine.cpus * 1_000) - millis)),
    memory: bytes('memory', machine.memoryBytes, 'memory.available'),
    pods: String(podsMax),
    'ephemeral-storage': bytes('ephemeral-storage', machine.diskBytes, 'nodefs.available'),
  };
}

function coresText(milliCores: number): string {
  return milliCores % 1_000 === 0 ? String(milliCores / 1_000) : `${milliCores}m`;
}

function kibibytesText(bytes: number): string {
  return `${Math.floor(bytes / 1024)}Ki`;
}
