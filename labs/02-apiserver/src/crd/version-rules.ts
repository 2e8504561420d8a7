// version-rules: what a version of a CustomResourceDefinition says besides its schema.
//
// Subresources (where the number of replicas stands), printer columns, selectable fields, and the warning of a deprecated version.
//
// Same rules upstream: apiextensions-apiserver, pkg/apis/apiextensions/validation.

import type { CustomResourceColumnDefinition } from 'kubernetes-types/apiextensions/v1';
import {
  duplicate,
  type FieldError,
  invalidValue,
  required,
  tooMany,
} from '../strategy/field-error.ts';
import {
  type CustomResourceDefinitionVersion,
  type CustomResourceSubresourceScale,
  scaleOf,
  schemaOfVersion,
} from './definition.ts';
import { type JsonSchema, propertyOf } from './json-schema.ts';

const COLUMN_TYPES = ['boolean', 'date', 'integer', 'number', 'string'];
const COLUMN_FORMATS = [
  'byte',
  'date',
  'date-time',
  'double',
  'float',
  'int32',
  'int64',
  'password',
];
const SELECTABLE_FIELDS_MAX = 8;
const WARNING_MAX_CHARS = 256;

export function versionPartErrors(
  version: CustomResourceDefinitionVersion,
  path: string,
): FieldError[] {
  const scale = scaleOf(version);
  return [
    ...warningErrors(version, `${path}.deprecationWarning`),
    ...(scale === undefined ? [] : scaleErrors(scale, `${path}.subresources.scale`)),
    ...(version.additionalPrinterColumns ?? []).flatMap((column, index) =>
      columnErrors(column, `${path}.additionalPrinterColumns[${index}]`),
    ),
    ...selectableErrors(version, `${path}.selectableFields`),
  ];
}

function warningErrors(
  { deprecated = false, deprecationWarning: warning }: CustomResourceDefinitionVersion,
  path: string,
): FieldError[] {
  if (warning === undefined) return [];
  const complain = (words: string): FieldError => invalidValue(path, warning, words);
  if (!deprecated) return [complain('can only be set for deprecated versions')];
  const unprintable = [...warning].findIndex((char) => /[\p{C}]/u.test(char));
  return [
    ...(warning.length > WARNING_MAX_CHARS ? [complain('must be <= 256 characters long')] : []),
    ...(warning === '' ? [complain('must not be an empty string')] : []),
    ...(unprintable >= 0
      ? [
          complain(
            `must only contain printable UTF-8 characters; non-printable character found at index ${unprintable}`,
          ),
        ]
      : []),
  ];
}

function scaleErrors(scale: CustomResourceSubresourceScale, path: string): FieldError[] {
  const { specReplicasPath = '', statusReplicasPath = '', labelSelectorPath = '' } = scale;
  const check = (name: string, value: string, roots: readonly string[], words: string) => {
    const errors = jsonPathErrors(value, `${path}.${name}`);
    if (errors.length > 0) return errors;
    return roots.some((root) => value.startsWith(root))
      ? []
      : [invalidValue(`${path}.${name}`, value, words)];
  };
  return [
    ...(specReplicasPath === ''
      ? [required(`${path}.specReplicasPath`)]
      : check('specReplicasPath', specReplicasPath, ['.spec.'], under('.spec'))),
    ...(statusReplicasPath === ''
      ? [required(`${path}.statusReplicasPath`)]
      : check('statusReplicasPath', statusReplicasPath, ['.status.'], under('.status'))),
    ...(labelSelectorPath === ''
      ? []
      : check(
          'labelSelectorPath',
          labelSelectorPath,
          ['.spec.', '.status.'],
          under('either .spec or .status'),
        )),
  ];
}

function under(place: string): string {
  return `should be a json path under ${place}`;
}

function jsonPathErrors(text: string, path: string): FieldError[] {
  if (text === '') return [invalidValue(path, text, 'must not be empty')];
  if (text.startsWith('.')) return [];
  return [invalidValue(path, text, 'must be a simple json path starting with .')];
}

function columnErrors(column: CustomResourceColumnDefinition, path: string): FieldError[] {
  const { name = '', type = '', format = '', jsonPath = '' } = column;
  const errors: FieldError[] = [];
  const types = `must be one of ${COLUMN_TYPES.join(',')}`;
  if (name === '') errors.push(required(`${path}.name`));
  if (type === '') errors.push(required(`${path}.type`, types));
  else if (!COLUMN_TYPES.includes(type)) errors.push(invalidValue(`${path}.type`, type, types));
  if (format !== '' && !COLUMN_FORMATS.includes(format)) {
    const formats = `must be one of ${COLUMN_FORMATS.join(',')}`;
    errors.push(invalidValue(`${path}.format`, format, formats));
  }
  if (jsonPath === '') errors.push(required(`${path}.JSONPath`));
  else errors.push(...jsonPathErrors(jsonPath, `${path}.JSONPath`));
  return errors;
}

function selectableErrors(version: CustomResourceDefinitionVersion, path: string): FieldError[] {
  const fields = version.selectableFields ?? [];
  const schema = schemaOfVersion(version);
  const paths = fields.map(({ jsonPath }) => jsonPath);
  const errors = paths.flatMap((jsonPath = '', index) => {
    const at = `${path}[${index}].jsonPath`;
    if (jsonPath === '') return [required(at)];
    if (paths.indexOf(jsonPath) < index) return [duplicate(at, jsonPath)];
    return selectableFieldErrors(jsonPath, schema, at);
  });
  const distinct = new Set(paths).size;
  return distinct > SELECTABLE_FIELDS_MAX
    ? [...errors, tooMany(path, distinct, SELECTABLE_FIELDS_MAX)]
    : errors;
}

function selectableFieldErrors(
  jsonPath: string,
  schema: JsonSchema | undefined,
  at: string,
): FieldError[] {
  const names = jsonPath.startsWith('.') ? jsonPath.slice(1).split('.') : [];
  let found = schema;
  for (const name of names) found = propertyOf(found, name);
  if (names.length === 0 || found === undefined) {
    const words = 'is an invalid path: does not refer to a valid field';
    return [invalidValue(at, jsonPath, words)];
  }
  if (names[0] === 'metadata') {
    return [invalidValue(at, jsonPath, 'must not point to fields in metadata')];
  }
  if (['string', 'boolean', 'integer'].includes(found.type ?? '')) return [];
  const words =
    'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.';
  return [invalidValue(at, jsonPath, words)];
}
