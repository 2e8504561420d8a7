// workloads: the columns of controllers and of what they make: replication controllers, replica sets, deployments, daemon sets.
//
// Same columns upstream: pkg/printers/internalversion/printers.go.

import type { DaemonSet, Deployment, ReplicaSet } from 'kubernetes-types/apps/v1';
import type { PodSpec, ReplicationController } from 'kubernetes-types/core/v1';
import type { LabelSelector } from 'kubernetes-types/meta/v1';
import { formatLabelSelector } from '../client/selectors.ts';
import {
  AGE_COLUMN,
  ageOf,
  type Cell,
  type Column,
  formatLabels,
  NAME_COLUMN,
  orNone,
  type Printer,
} from './table.ts';

export const count = (name: string): Column => ({ name, type: 'integer' });
/** What the templates of controllers hold, for -o wide. */
export const WIDE: readonly Column[] = [
  { name: 'Containers', wide: true },
  { name: 'Images', wide: true },
  { name: 'Selector', wide: true },
];

export function wideCells(spec: PodSpec | undefined, selector: string): readonly Cell[] {
  const containers = spec?.containers ?? [];
  return [
    containers.map(({ name }) => name).join(','),
    containers.map(({ image }) => image ?? '').join(','),
    selector,
  ];
}

export const selectorText = (selector: LabelSelector | undefined): string =>
  orNone(selector === undefined ? '' : formatLabelSelector(selector));

export const replicationControllerPrinter: Printer<ReplicationController> = {
  columns: [NAME_COLUMN, count('Desired'), count('Current'), count('Ready'), AGE_COLUMN, ...WIDE],
  row: ({ metadata, spec, status }, nowMs) => [
    metadata?.name ?? '',
    spec?.replicas ?? 0,
    status?.replicas ?? 0,
    status?.readyReplicas ?? 0,
    ageOf(metadata?.creationTimestamp, nowMs),
    ...wideCells(spec?.template?.spec, formatLabels(spec?.selector)),
  ],
};

export const replicaSetPrinter: Printer<ReplicaSet> = {
  columns: replicationControllerPrinter.columns,
  row: ({ metadata, spec, status }, nowMs) => [
    metadata?.name ?? '',
    spec?.replicas ?? 0,
    status?.replicas ?? 0,
    status?.readyReplicas ?? 0,
    ageOf(metadata?.creationTimestamp, nowMs),
    ...wideCells(spec?.template?.spec, selectorText(spec?.selector)),
  ],
};

export const deploymentPrinter: Printer<Deployment> = {
  columns: [
    NAME_COLUMN,
    { name: 'Ready' },
    count('Up-to-date'),
    count('Available'),
    AGE_COLUMN,
    ...WIDE,
  ],
  row: ({ metadata, spec, status }, nowMs) => [
    metadata?.name ?? '',
    `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`,
    status?.updatedReplicas ?? 0,
    status?.availableReplicas ?? 0,
    ageOf(metadata?.creationTimestamp, nowMs),
    ...wideCells(spec?.template?.spec, selectorText(spec?.selector)),
  ],
};

export const daemonSetPrinter: Printer<DaemonSet> = {
  columns: [
    NAME_COLUMN,
    count('Desired'),
    count('Current'),
    count('Ready'),
    count('Up-to-date'),
    count('Available'),
    { name: 'Node Selector' },
    AGE_COLUMN,
    ...WIDE,
  ],
  row: ({ metadata, spec, status }, nowMs) => [
    metadata?.name ?? '',
    status?.desiredNumberScheduled ?? 0,
    status?.currentNumberScheduled ?? 0,
    status?.numberReady ?? 0,
    status?.updatedNumberScheduled ?? 0,
    status?.numberAvailable ?? 0,
    formatLabels(spec?.template.spec?.nodeSelector),
    ageOf(metadata?.creationTimestamp, nowMs),
    ...wideCells(spec?.template.spec, selectorText(spec?.selector)),
  ],
};
