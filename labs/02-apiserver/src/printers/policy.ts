// policy: the columns of what limits and ranks: disruption budgets, quotas, priority classes.
//
// Same columns upstream: pkg/printers/internalversion/printers.go.

import type { ResourceQuota } from 'kubernetes-types/core/v1';
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1';
import type { PriorityClass } from 'kubernetes-types/scheduling/v1';
import { AGE_COLUMN, ageOf, NAME_COLUMN, type Printer } from './table.ts';

export const podDisruptionBudgetPrinter: Printer<PodDisruptionBudget> = {
  columns: [
    NAME_COLUMN,
    { name: 'Min Available' },
    { name: 'Max Unavailable' },
    { name: 'Allowed Disruptions', type: 'integer' },
    AGE_COLUMN,
  ],
  row: ({ metadata, spec, status }, nowMs) => [
    metadata?.name ?? '',
    String(spec?.minAvailable ?? 'N/A'),
    String(spec?.maxUnavailable ?? 'N/A'),
    status?.disruptionsAllowed ?? 0,
    ageOf(metadata?.creationTimestamp, nowMs),
  ],
};

export const resourceQuotaPrinter: Printer<ResourceQuota> = {
  columns: [NAME_COLUMN, { name: 'Request' }, { name: 'Limit' }, AGE_COLUMN],
  row: ({ metadata, status }, nowMs) => {
    const names = Object.keys(status?.hard ?? {}).sort();
    const text = (wanted: boolean): string =>
      names
        .filter((name) => name.startsWith('limits.') === wanted)
        .map((name) => `${name}: ${status?.used?.[name] ?? '0'}/${status?.hard?.[name] ?? '0'}`)
        .join(', ');
    return [
      metadata?.name ?? '',
      text(false),
      text(true),
      ageOf(metadata?.creationTimestamp, nowMs),
    ];
  },
};

export const priorityClassPrinter: Printer<PriorityClass> = {
  columns: [
    NAME_COLUMN,
    { name: 'Value', type: 'integer' },
    { name: 'Global-Default', type: 'boolean' },
    AGE_COLUMN,
    { name: 'PreemptionPolicy' },
  ],
  row: ({ metadata, value, globalDefault, preemptionPolicy }, nowMs) => [
    metadata?.name ?? '',
    value,
    globalDefault ?? false,
    ageOf(metadata?.creationTimestamp, nowMs),
    preemptionPolicy ?? '',
  ],
};
