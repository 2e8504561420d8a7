// apps: the columns of stateful sets, of the revisions that they and daemon sets keep, and of pod templates.
//
// Same columns upstream: pkg/printers/internalversion/printers.go.

import type { ControllerRevision, StatefulSet } from 'kubernetes-types/apps/v1';
import type { PodTemplate } from 'kubernetes-types/core/v1';
import { AGE_COLUMN, ageOf, formatLabels, NAME_COLUMN, type Printer } from './table.ts';
import { WIDE, wideCells } from './workloads.ts';

export const statefulSetPrinter: Printer<StatefulSet> = {
  columns: [NAME_COLUMN, { name: 'Ready' }, AGE_COLUMN, ...WIDE.slice(0, 2)],
  row: ({ metadata, spec, status }, nowMs) => [
    metadata?.name ?? '',
    `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`,
    ageOf(metadata?.creationTimestamp, nowMs),
    ...wideCells(spec?.template.spec, '').slice(0, 2),
  ],
};

export const controllerRevisionPrinter: Printer<ControllerRevision> = {
  columns: [NAME_COLUMN, { name: 'Controller' }, { name: 'Revision' }, AGE_COLUMN],
  row: ({ metadata, revision }, nowMs) => {
    const owner = metadata?.ownerReferences?.find(({ controller }) => controller === true);
    const group = owner?.apiVersion.includes('/') ? `.${owner.apiVersion.split('/')[0]}` : '';
    return [
      metadata?.name ?? '',
      owner === undefined ? '<none>' : `${owner.kind.toLowerCase()}${group}/${owner.name}`,
      revision,
      ageOf(metadata?.creationTimestamp, nowMs),
    ];
  },
};

export const podTemplatePrinter: Printer<PodTemplate> = {
  columns: [NAME_COLUMN, { name: 'Containers' }, { name: 'Images' }, { name: 'Pod Labels' }],
  row: ({ metadata, template }) => [
    metadata?.name ?? '',
    ...wideCells(template?.spec, formatLabels(template?.metadata?.labels)),
  ],
};
