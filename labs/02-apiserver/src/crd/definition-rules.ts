// definition-rules: what makes a CustomResourceDefinition valid, when it is made and when it changes.
//
// Names follow DNS because they become paths; exactly one version is the stored one; every version has a structural schema. What
// the stored objects hang on (group, plural name; once established also kind and scope) never changes.
//
// Same rules upstream: apiextensions-apiserver, pkg/apis/apiextensions/validation/validation.go, with the field paths of v1.
// Left out: what upstream lets pass in updates only because older servers had let it in (there were none here).

import {
  type FieldError,
  forbiddenField,
  invalidValue,
  notSupported,
  required,
} from '../strategy/field-error.ts';
import { dns1035Label, dns1123Subdomain } from '../strategy/name-rules.ts';
import { validateImmutable } from '../strategy/object-meta.ts';
import { conversionErrors } from './conversion-rules.ts';
import { validateDefaults } from './default-rules.ts';
import {
  APPROVED_ANNOTATION,
  type CustomResourceDefinition,
  type CustomResourceDefinitionNames,
  type CustomResourceDefinitionSpec,
  type CustomResourceDefinitionVersion,
  hasStatus,
  isTrue,
  schemaOfVersion,
} from './definition.ts';
import type { JsonSchema } from './json-schema.ts';
import { ruleErrors } from './rule-errors.ts';
import { validateSchema } from './schema-rules.ts';
import { validateStructural } from './structural-rules.ts';
import { versionPartErrors } from './version-rules.ts';

const SCOPES = ['Cluster', 'Namespaced'];

/** Besides metadata. */
export function validateDefinition(definition: CustomResourceDefinition): FieldError[] {
  return [
    ...nameErrors(definition),
    ...specErrors(definition.spec),
    ...acceptedNamesErrors(definition),
    ...storedVersionErrors(definition),
    ...approvalErrors(definition, undefined),
    ...preserveErrors(definition.spec),
  ];
}

export function validateDefinitionUpdate(
  definition: CustomResourceDefinition,
  old: CustomResourceDefinition,
): FieldError[] {
  const { spec } = definition;
  const fixed = [
    ...(isTrue(old, 'Established')
      ? [
          ...validateImmutable(spec.scope, old.spec.scope, 'spec.scope'),
          ...validateImmutable(spec.names.kind, old.spec.names.kind, 'spec.names.kind'),
        ]
      : []),
    ...validateImmutable(spec.group, old.spec.group, 'spec.group'),
    ...validateImmutable(spec.names.plural, old.spec.names.plural, 'spec.names.plural'),
  ];
  return [
    ...specErrors(spec),
    ...fixed,
    ...acceptedNamesErrors(definition),
    ...storedVersionErrors(definition),
    ...approvalErrors(definition, old),
    ...preserveErrors(spec),
  ];
}

/** Of a write to /status. */
export function validateDefinitionStatus(definition: CustomResourceDefinition): FieldError[] {
  return acceptedNamesErrors(definition);
}

function nameErrors({ metadata, spec }: CustomResourceDefinition): FieldError[] {
  const name = metadata?.name ?? '';
  if (name === '' || name === `${spec.names.plural}.${spec.group}`) return [];
  return [invalidValue('metadata.name', name, 'must be spec.names.plural+"."+spec.group')];
}

function specErrors(spec: CustomResourceDefinitionSpec): FieldError[] {
  return [
    ...groupErrors(spec.group),
    ...scopeErrors(spec.scope),
    ...schemaPresence(spec.versions),
    ...spec.versions.flatMap((version, index) => versionErrors(version, `spec.versions[${index}]`)),
    ...versionListErrors(spec),
    ...requiredNames(spec.names),
    ...validateNames(spec.names, 'spec.names'),
    ...conversionErrors(spec),
  ];
}

function groupErrors(group: string): FieldError[] {
  if (group === '') return [required('spec.group')];
  const messages = dns1123Subdomain(group);
  if (messages.length > 0) return [invalidValue('spec.group', group, messages.join(','))];
  if (group.includes('.')) return [];
  return [invalidValue('spec.group', group, 'should be a domain with at least one dot')];
}

function scopeErrors(scope: string): FieldError[] {
  if (scope === '') return [required('spec.scope')];
  return SCOPES.includes(scope) ? [] : [notSupported('spec.scope', scope, SCOPES)];
}

function schemaPresence(versions: readonly CustomResourceDefinitionVersion[]): FieldError[] {
  return versions.flatMap((version, index) =>
    schemaOfVersion(version) === undefined
      ? [required(`spec.versions[${index}].schema.openAPIV3Schema`, 'schemas are required')]
      : [],
  );
}

function versionErrors(version: CustomResourceDefinitionVersion, path: string): FieldError[] {
  const schema = schemaOfVersion(version);
  const messages = dns1035Label(version.name);
  return [
    ...(messages.length > 0
      ? [invalidValue(`${path}.name`, version.name, messages.join(','))]
      : []),
    ...versionPartErrors(version, path),
    ...(schema === undefined ? [] : schemaErrors(schema, hasStatus(version), `${path}.schema`)),
  ];
}

/** Keywords that keep their meaning when the status alone is judged by its part of the schema. */
const AT_ROOT_WITH_STATUS: ReadonlySet<string> = new Set([
  'description',
  'type',
  'format',
  'title',
  'maximum',
  'exclusiveMaximum',
  'minimum',
  'exclusiveMinimum',
  'maxLength',
  'minLength',
  'pattern',
  'maxItems',
  'minItems',
  'uniqueItems',
  'multipleOf',
  'required',
  'items',
  'properties',
  'externalDocs',
  'example',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-validations',
]);
/** As Go prints the list of its own names. */
const AT_ROOT_TEXT =
  '[Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength Pattern MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example XPreserveUnknownFields XValidations]';

function schemaErrors(schema: JsonSchema, statusEnabled: boolean, path: string): FieldError[] {
  const at = `${path}.openAPIV3Schema`;
  const errors: FieldError[] = [];
  const end = 'if the status subresource is enabled';
  if (statusEnabled) {
    const { type = '' } = schema;
    if (type !== '' && type !== 'object') {
      const words = `only "object" is allowed as the type at the root of the schema ${end}`;
      errors.push(invalidValue(`${at}.type`, type, words));
    } else if (Object.keys(schema).some((name) => !AT_ROOT_WITH_STATUS.has(name))) {
      const words = `only ${AT_ROOT_TEXT} fields are allowed at the root of the schema ${end}`;
      errors.push(invalidValue(at, schema, words));
    }
  }
  if (schema.nullable === true) {
    errors.push(forbiddenField(`${at}.nullable`, 'nullable cannot be true at the root'));
  }
  const structural = validateStructural(schema, at);
  const shape = structural.length > 0 ? structural : validateDefaults(schema, at);
  errors.push(...shape, ...validateSchema(schema, at));
  return errors.length > 0 ? errors : ruleErrors(schema, at);
}

function versionListErrors({ versions }: CustomResourceDefinitionSpec): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set(versions.map(({ name }) => name));
  const complain = (words: string): void => {
    errors.push(invalidValue('spec.versions', versions, words));
  };
  if (names.size < versions.length) complain('must contain unique version names');
  if (versions.filter(({ storage }) => storage).length !== 1) {
    complain('must have exactly one version marked as storage version');
  }
  return errors;
}

function requiredNames(names: CustomResourceDefinitionNames): FieldError[] {
  return (['plural', 'singular', 'kind', 'listKind'] as const)
    .filter((name) => (names[name] ?? '') === '')
    .map((name) => required(`spec.names.${name}`));
}

function acceptedNamesErrors({ status }: CustomResourceDefinition): FieldError[] {
  const names = status?.acceptedNames;
  return names === undefined ? [] : validateNames(names, 'status.acceptedNames');
}

function validateNames(names: CustomResourceDefinitionNames, path: string): FieldError[] {
  const { kind = '', listKind = '', shortNames = [], categories = [] } = names;
  const label = (field: string, value: string): FieldError[] => {
    const messages = value === '' ? [] : dns1035Label(value);
    return messages.length === 0
      ? []
      : [invalidValue(`${path}.${field}`, value, messages.join(','))];
  };
  const mixedCase = (field: string, value: string): FieldError[] => {
    const messages = value === '' ? [] : dns1035Label(value.toLowerCase());
    const detail = `may have mixed case, but should otherwise match: ${messages.join(',')}`;
    return messages.length === 0 ? [] : [invalidValue(`${path}.${field}`, value, detail)];
  };
  const same = kind !== '' && kind === listKind;
  return [
    ...label('plural', names.plural ?? ''),
    ...label('singular', names.singular ?? ''),
    ...mixedCase('kind', kind),
    ...mixedCase('listKind', listKind),
    ...shortNames.flatMap((name, index) => label(`shortNames[${index}]`, name)),
    ...(same
      ? [invalidValue(`${path}.listKind`, listKind, 'kind and listKind may not be the same')]
      : []),
    ...categories.flatMap((name, index) => label(`categories[${index}]`, name)),
  ];
}

function storedVersionErrors({ spec, status }: CustomResourceDefinition): FieldError[] {
  const path = 'status.storedVersions';
  const stored = status?.storedVersions ?? [];
  if (stored.length === 0)
    return [invalidValue(path, stored, 'must have at least one stored version')];
  const missing = spec.versions.filter(({ name, storage }) => storage && !stored.includes(name));
  const known = new Set(spec.versions.map(({ name }) => name));
  return [
    ...missing.map(({ name }) =>
      invalidValue(path, stored, `must have the storage version ${name}`),
    ),
    ...stored.flatMap((name, index) =>
      known.has(name) ? [] : [invalidValue(`${path}[${index}]`, name, missingVersion(name))],
    ),
  ];
}

function missingVersion(name: string): string {
  return `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`;
}

type Approval = 'missing' | 'bypassed' | 'approved' | 'invalid';

/** Groups of Kubernetes itself are not for everybody: a definition must say who agreed, or that nobody did. */
function approvalErrors(
  definition: CustomResourceDefinition,
  old: CustomResourceDefinition | undefined,
): FieldError[] {
  if (!/(?:^|\.)(?:k8s|kubernetes)\.io$/.test(definition.spec.group)) return [];
  const approval = approvalOf(definition);
  if (old !== undefined && approvalOf(old) === approval) return [];
  const field = `metadata.annotations[${APPROVED_ANNOTATION}]`;
  const lead = `protected groups must have approval annotation "${APPROVED_ANNOTATION}"`;
  const see = 'see https://github.com/kubernetes/enhancements/pull/1111';
  if (approval === 'missing') return [required(field, `${lead}, ${see}`)];
  if (approval !== 'invalid') return [];
  const value = definition.metadata?.annotations?.[APPROVED_ANNOTATION];
  const detail = `${lead} with either a URL or a reason starting with "unapproved", ${see}`;
  return [invalidValue(field, value, detail)];
}

function approvalOf({ metadata }: CustomResourceDefinition): Approval {
  const text = metadata?.annotations?.[APPROVED_ANNOTATION] ?? '';
  if (text === '') return 'missing';
  if (text.startsWith('unapproved')) return 'bypassed';
  return URL.canParse(text) && new URL(text).host !== '' ? 'approved' : 'invalid';
}

function preserveErrors({ preserveUnknownFields }: CustomResourceDefinitionSpec): FieldError[] {
  if (preserveUnknownFields !== true) return [];
  const words =
    'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead';
  return [invalidValue('spec.preserveUnknownFields', true, words)];
}
