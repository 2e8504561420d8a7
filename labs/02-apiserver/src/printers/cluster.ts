// cluster: the columns of nodes, namespaces, events, secrets, config maps, service accounts and leases.
//
// Same columns upstream: pkg/printers/internalversion/printers.go.

import type { Lease } from 'kubernetes-types/coordination/v1';
import type {
  ConfigMap,
  Event,
  Namespace,
  Node,
  Secret,
  ServiceAccount,
} from 'kubernetes-types/core/v1';
import type { ReadonlyApiObject } from '../registry/api-object.ts';
import { AGE_COLUMN, ageOf, NAME_COLUMN, orNone, type Printer } from './table.ts';

const ROLE_PREFIX = 'node-role.kubernetes.io/';

export const nodePrinter: Printer<Node> = {
  columns: [
    NAME_COLUMN,
    { name: 'Status' },
    { name: 'Roles' },
    AGE_COLUMN,
    { name: 'Version' },
    { name: 'Internal-IP', wide: true },
    { name: 'External-IP', wide: true },
    { name: 'OS-Image', wide: true },
    { name: 'Kernel-Version', wide: true },
    { name: 'Container-Runtime', wide: true },
  ],
  row: ({ metadata, spec, status }, nowMs) => {
    const info = status?.nodeInfo;
    const address = (type: string) =>
      status?.addresses?.find((entry) => entry.type === type)?.address;
    const roles = Object.keys(metadata?.labels ?? {}).filter((key) => key.startsWith(ROLE_PREFIX));
    return [
      metadata?.name ?? '',
      nodeStatusText(status, spec),
      orNone(
        roles
          .map((key) => key.slice(ROLE_PREFIX.length))
          .sort()
          .join(','),
      ),
      ageOf(metadata?.creationTimestamp, nowMs),
      info?.kubeletVersion ?? '',
      orNone(address('InternalIP')),
      orNone(address('ExternalIP')),
      info?.osImage || '<unknown>',
      info?.kernelVersion || '<unknown>',
      info?.containerRuntimeVersion || '<unknown>',
    ];
  },
};

function nodeStatusText(status: Node['status'], spec: Node['spec']): string {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  const text = ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady';
  return spec?.unschedulable ? `${text},SchedulingDisabled` : text;
}

export const namespacePrinter: Printer<Namespace> = {
  columns: [NAME_COLUMN, { name: 'Status' }, AGE_COLUMN],
  row: ({ metadata, status }, nowMs) => [
    metadata?.name ?? '',
    status?.phase ?? '',
    ageOf(metadata?.creationTimestamp, nowMs),
  ],
};

export const secretPrinter: Printer<Secret> = {
  columns: [NAME_COLUMN, { name: 'Type' }, { name: 'Data', type: 'integer' }, AGE_COLUMN],
  row: ({ metadata, type, data = {} }, nowMs) => [
    metadata?.name ?? '',
    type ?? '',
    Object.keys(data).length,
    ageOf(metadata?.creationTimestamp, nowMs),
  ],
};

export const configMapPrinter: Printer<ConfigMap> = {
  columns: [NAME_COLUMN, { name: 'Data', type: 'integer' }, AGE_COLUMN],
  row: ({ metadata, data = {}, binaryData = {} }, nowMs) => [
    metadata?.name ?? '',
    Object.keys(data).length + Object.keys(binaryData).length,
    ageOf(metadata?.creationTimestamp, nowMs),
  ],
};

export const serviceAccountPrinter: Printer<ServiceAccount> = {
  columns: [NAME_COLUMN, { name: 'Secrets', type: 'integer' }, AGE_COLUMN],
  row: ({ metadata, secrets = [] }, nowMs) => [
    metadata?.name ?? '',
    secrets.length,
    ageOf(metadata?.creationTimestamp, nowMs),
  ],
};

export const leasePrinter: Printer<Lease> = {
  columns: [NAME_COLUMN, { name: 'Holder' }, AGE_COLUMN],
  row: ({ metadata, spec }, nowMs) => [
    metadata?.name ?? '',
    spec?.holderIdentity ?? '',
    ageOf(metadata?.creationTimestamp, nowMs),
  ],
};

export const eventPrinter: Printer<Event> = {
  columns: [
    { name: 'Last Seen' },
    { name: 'Type' },
    { name: 'Reason' },
    { name: 'Object' },
    { name: 'Subobject', wide: true },
    { name: 'Source', wide: true },
    { name: 'Message' },
    { name: 'First Seen', wide: true },
    { name: 'Count', type: 'integer', wide: true },
    { name: 'Name', format: 'name', wide: true },
  ],
  row: (event, nowMs) => {
    const { involvedObject, source, metadata } = event;
    const created = metadata?.creationTimestamp;
    const first = event.firstTimestamp ?? event.eventTime ?? created;
    const last = event.series?.lastObservedTime ?? event.lastTimestamp ?? first;
    const kind = (involvedObject.kind ?? '').toLowerCase();
    return [
      ageOf(last, nowMs),
      event.type ?? '',
      event.reason ?? '',
      involvedObject.name ? `${kind}/${involvedObject.name}` : kind,
      involvedObject.fieldPath ?? '',
      [source?.component || event.reportingComponent, source?.host || event.reportingInstance]
        .filter(Boolean)
        .join(', '),
      (event.message ?? '').trim(),
      ageOf(first, nowMs),
      event.series?.count ?? event.count ?? 1,
      metadata?.name ?? '',
    ];
  },
};

/** What any kind has. */
export const defaultPrinter: Printer = {
  columns: [NAME_COLUMN, { name: 'Created At' }],
  row: ({ metadata }: ReadonlyApiObject) => [
    metadata.name ?? '',
    metadata.creationTimestamp ?? '<unknown>',
  ],
};
