// conflicts: what a client hears whose configuration would change fields of others.
//
// kubectl prints the message as it is, and knows by the reason FieldManagerConflict what to advise; so both are upstream's.
//
// Same texts upstream: apimachinery, util/managedfields/internal/conflict.go.

import { ApiError } from '../api-error.ts';
import { printPath } from './field-set.ts';
import { identityOf } from './managed-fields.ts';
import type { Conflict } from './managers.ts';
import { compareText } from './path-element.ts';

export function conflictError(conflicts: readonly Conflict[]): ApiError {
  const sorted = [...conflicts].sort((a, b) => compareText(a.manager, b.manager));
  const causes = sorted.map(({ manager, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${printManager(manager)}`,
    field: printPath(path),
  }));
  return new ApiError('Conflict', messageOf(sorted), { details: { causes } });
}

function messageOf(conflicts: readonly Conflict[]): string {
  const [only] = conflicts;
  if (only !== undefined && conflicts.length === 1) {
    const where = `${printManager(only.manager)}: ${printPath(only.path)}`;
    return `Apply failed with 1 conflict: conflict with ${where}`;
  }
  const lines: string[] = [];
  let manager: string | undefined;
  for (const conflict of conflicts) {
    if (conflict.manager !== manager) {
      manager = conflict.manager;
      lines.push(`conflicts with ${printManager(manager)}:`);
    }
    lines.push(`- ${printPath(conflict.path)}`);
  }
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join('\n')}`;
}

/** `"kubectl-edit" using apps/v1`, `"helm"` of an applier, `"hpa" with subresource "scale" using apps/v1`. */
function printManager(identifier: string): string {
  const { manager, operation, apiVersion, subresource } = identityOf(identifier);
  const where = subresource === '' ? '' : ` with subresource ${JSON.stringify(subresource)}`;
  const how = operation === 'Update' ? ` using ${apiVersion}` : '';
  return `${JSON.stringify(manager)}${where}${how}`;
}
