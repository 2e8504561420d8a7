// rbac: the columns of roles, cluster roles and their bindings.
//
// Same columns upstream: pkg/printers/internalversion/printers.go.

import type { ClusterRole, Role, RoleBinding, Subject } from 'kubernetes-types/rbac/v1';
import { AGE_COLUMN, ageOf, NAME_COLUMN, type Printer } from './table.ts';

const CREATED_COLUMN = { name: 'Created At' };

/** Roles show when they were made, not how long ago. */
export const rolePrinter: Printer<Role | ClusterRole> = {
  columns: [NAME_COLUMN, CREATED_COLUMN],
  row: ({ metadata }) => [metadata?.name ?? '', metadata?.creationTimestamp ?? '<unknown>'],
};

export const bindingPrinter: Printer<Pick<RoleBinding, 'metadata' | 'roleRef' | 'subjects'>> = {
  columns: [
    NAME_COLUMN,
    { name: 'Role' },
    AGE_COLUMN,
    { name: 'Users', wide: true },
    { name: 'Groups', wide: true },
    { name: 'ServiceAccounts', wide: true },
  ],
  row: ({ metadata, roleRef, subjects = [] }, nowMs) => [
    metadata?.name ?? '',
    `${roleRef.kind}/${roleRef.name}`,
    ageOf(metadata?.creationTimestamp, nowMs),
    namesOf(subjects, 'User'),
    namesOf(subjects, 'Group'),
    namesOf(subjects, 'ServiceAccount'),
  ],
};

function namesOf(subjects: readonly Subject[], wanted: Subject['kind']): string {
  return subjects
    .filter(({ kind }) => kind === wanted)
    .map(({ name, namespace }) =>
      wanted === 'ServiceAccount' && namespace ? `${namespace}/${name}` : name,
    )
    .join(', ');
}
