// printer: the columns of a custom resource, as its definition declares them.
//
// A column is a JSONPath and a type; a value that is not of the type prints as nothing, so that one odd object does not spoil a list.
// Without any column there is Age, as for every kind.
//
// Same idea upstream: apiextensions-apiserver, pkg/registry/customresource/tableconvertor.

import type { CustomResourceColumnDefinition } from 'kubernetes-types/apiextensions/v1';
import { ageOf, type Cell, type Column, NAME_COLUMN, type Printer } from '../printers/table.ts';
import type { ReadonlyApiObject } from '../registry/api-object.ts';
import type { CustomResourceDefinitionVersion } from './definition.ts';
import { fitsFormat } from './formats.ts';
import { type JsonPath, JsonPathError, parseJsonPath, selectJsonPath } from './json-path.ts';

const AGE: CustomResourceColumnDefinition = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
  description:
    'CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata',
};

interface ParsedColumn {
  readonly type: string;
  readonly path: JsonPath;
}

/** A path that is not understood leaves only the name, as upstream: the definition was stored all the same. */
export function printerOfVersion(version: CustomResourceDefinitionVersion): Printer {
  const declared = version.additionalPrinterColumns ?? [];
  const columns = declared.length === 0 ? [AGE] : declared;
  const parsed = parseAll(columns);
  return {
    columns: [NAME_COLUMN, ...(parsed.length === 0 ? [] : columns.map(columnOf))],
    row: (object: ReadonlyApiObject, nowMs: number): readonly Cell[] => [
      object.metadata.name ?? '',
      ...parsed.map(({ type, path }) => cellOf(selectJsonPath(object, path)[0], type, nowMs)),
    ],
  };
}

function parseAll(columns: readonly CustomResourceColumnDefinition[]): readonly ParsedColumn[] {
  try {
    return columns.map(({ type, jsonPath }) => ({ type, path: parseJsonPath(jsonPath) }));
  } catch (error) {
    if (error instanceof JsonPathError) return [];
    throw error;
  }
}

function columnOf(column: CustomResourceColumnDefinition): Column {
  const { name, type, format = '', description = '', jsonPath, priority = 0 } = column;
  const fallback = `Custom resource definition column (in JSONPath format): ${jsonPath}`;
  return {
    name,
    type: type as NonNullable<Column['type']>,
    format,
    description: description || fallback,
    priority,
  };
}

function cellOf(value: unknown, type: string, nowMs: number): Cell {
  if (value === undefined || value === null) return null;
  switch (type) {
    case 'string':
      return typeof value === 'object' ? JSON.stringify(value) : String(value);
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null;
    case 'number':
      return typeof value === 'number' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'date':
      return typeof value === 'string' ? dateCell(value, nowMs) : null;
    default:
      return null;
  }
}

function dateCell(text: string, nowMs: number): string {
  return fitsFormat(text, 'date-time') ? ageOf(text, nowMs) : '<invalid>';
}
