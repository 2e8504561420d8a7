// What a client hears whose configuration would change fields of others.
import { expect, test } from 'vitest';
import { conflictError } from '#src/apply/conflicts.ts';
import { identifierOf } from '#src/apply/managed-fields.ts';
import type { Conflict } from '#src/apply/managers.ts';

const EDIT = { manager: 'kubectl-edit', operation: 'Update', apiVersion: 'apps/v1' } as const;
const HELM = { manager: 'helm', operation: 'Apply', apiVersion: 'apps/v1' } as const;
const HPA = { ...EDIT, manager: 'hpa', subresource: 'scale' };

function conflict(who: Partial<Parameters<typeof identifierOf>[0]>, path: string): Conflict {
  const manager = identifierOf({ ...EDIT, subresource: '', ...who });
  return { manager, path: path.split(' ') };
}

test.each([
  {
    conflicts: [conflict(EDIT, 'f:spec f:replicas')],
    message:
      'Apply failed with 1 conflict: conflict with "kubectl-edit" using apps/v1: .spec.replicas',
    causes: ['.spec.replicas: conflict with "kubectl-edit" using apps/v1'],
  },
  {
    conflicts: [conflict(HELM, 'f:spec f:containers k:{"name":"web"} f:image')],
    message:
      'Apply failed with 1 conflict: conflict with "helm": .spec.containers[name="web"].image',
    causes: ['.spec.containers[name="web"].image: conflict with "helm"'],
  },
  {
    conflicts: [
      conflict(HPA, 'f:spec f:replicas'),
      conflict(HELM, 'f:spec f:paused'),
      conflict(HPA, 'f:spec f:selector'),
    ],
    message: `Apply failed with 3 conflicts: conflicts with "helm":
- .spec.paused
conflicts with "hpa" with subresource "scale" using apps/v1:
- .spec.replicas
- .spec.selector`,
    causes: [
      '.spec.paused: conflict with "helm"',
      '.spec.replicas: conflict with "hpa" with subresource "scale" using apps/v1',
      '.spec.selector: conflict with "hpa" with subresource "scale" using apps/v1',
    ],
  },
])('$message', ({ conflicts, message, causes }) => {
  const given = [...conflicts];
  const error = conflictError(conflicts);
  expect(error).toMatchObject({ code: 409, reason: 'Conflict', message });
  const told = error.details?.causes ?? [];
  expect(told.map(({ field, message: why }) => `${field}: ${why}`)).toEqual(causes);
  expect(new Set(told.map(({ reason }) => reason))).toEqual(new Set(['FieldManagerConflict']));
  expect(conflicts, 'what was given stays as it was').toEqual(given);
});
