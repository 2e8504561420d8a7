// naming: which names a CustomResourceDefinition gets, when others in its group want the same.
//
// Who has a name keeps it. A name that somebody else has is a conflict: the condition NamesAccepted says which, the names that are free are
// given all the same, and the definition is not served until it has all of them.
//
// Same decision upstream: apiextensions-apiserver, pkg/controller/status/naming_controller.go.

import {
  type Condition,
  type CustomResourceDefinition,
  type CustomResourceDefinitionNames,
  conditionOf,
} from './definition.ts';

export interface NamingPlan {
  readonly acceptedNames: CustomResourceDefinitionNames;
  readonly namesAccepted: Condition;
  /** What Established becomes until the resource is served. */
  readonly established: Condition;
}

/** `others`: all definitions of the same group but this one, as they are accepted now. */
export function planNames(
  definition: CustomResourceDefinition,
  others: readonly CustomResourceDefinition[],
): NamingPlan {
  const wanted = definition.spec.names;
  const has = definition.status?.acceptedNames ?? { plural: '', kind: '' };
  const taken = takenNames(others);
  const next: CustomResourceDefinitionNames = { ...has };
  let conflict: Pick<Condition, 'reason' | 'message'> | undefined;
  const claim = (
    field: 'plural' | 'singular' | 'kind' | 'listKind',
    names: ReadonlySet<string>,
  ): void => {
    const name = wanted[field] ?? '';
    if (name !== (has[field] ?? '') && names.has(name)) {
      const reason = `${field.charAt(0).toUpperCase()}${field.slice(1)}Conflict`;
      conflict = { reason, message: inUse(name) };
    } else if (name !== '') next[field] = name;
  };
  claim('plural', taken.resources);
  claim('singular', taken.resources);
  const clashing = (wanted.shortNames ?? []).filter(
    (name) => !(has.shortNames ?? []).includes(name) && taken.resources.has(name),
  );
  if (clashing.length > 0) {
    const messages = clashing.map(inUse);
    const message = messages.length === 1 ? (messages[0] ?? '') : `[${messages.join(', ')}]`;
    conflict = { reason: 'ShortNamesConflict', message };
  } else setList(next, 'shortNames', wanted.shortNames);
  claim('kind', taken.kinds);
  claim('listKind', taken.kinds);
  setList(next, 'categories', wanted.categories);
  const namesAccepted: Condition =
    conflict === undefined
      ? {
          type: 'NamesAccepted',
          status: 'True',
          reason: 'NoConflicts',
          message: 'no conflicts found',
        }
      : { type: 'NamesAccepted', status: 'False', ...conflict };
  return { acceptedNames: next, namesAccepted, established: establishedOf(definition, conflict) };
}

function establishedOf(
  definition: CustomResourceDefinition,
  conflict: object | undefined,
): Condition {
  const old = conditionOf(definition, 'Established');
  if (old?.status === 'True') {
    const { reason = '', message = '' } = old;
    return { type: 'Established', status: 'True', reason, message };
  }
  return conflict === undefined
    ? {
        type: 'Established',
        status: 'False',
        reason: 'Installing',
        message: 'the initial names have been accepted',
      }
    : {
        type: 'Established',
        status: 'False',
        reason: 'NotAccepted',
        message: 'not all names are accepted',
      };
}

function inUse(name: string): string {
  return `"${name}" is already in use`;
}

function setList(
  names: CustomResourceDefinitionNames,
  field: 'shortNames' | 'categories',
  list: string[] | undefined,
): void {
  if (list === undefined || list.length === 0) delete names[field];
  else names[field] = list;
}

function takenNames(others: readonly CustomResourceDefinition[]): {
  resources: ReadonlySet<string>;
  kinds: ReadonlySet<string>;
} {
  const resources = new Set<string>();
  const kinds = new Set<string>();
  for (const { status } of others) {
    const { plural, singular, shortNames = [], kind, listKind } = status?.acceptedNames ?? {};
    for (const name of [plural, singular, ...shortNames]) if (name) resources.add(name);
    for (const name of [kind, listKind]) if (name) kinds.add(name);
  }
  return { resources, kinds };
}
