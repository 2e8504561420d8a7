// table: objects as rows of a Table, which is what `kubectl get` prints.
//
// The server knows the columns of a kind, so a client can print kinds that it has never heard of. A row carries the object's metadata
// along (for the NAMESPACE column and for -o name), the whole object, or nothing, as `includeObject` says.
//
// Same idea upstream: pkg/printers/internalversion/printers.go and apiserver, registry/rest/table.go.

import type { ReadonlyApiObject } from '../registry/api-object.ts';

/** `null` prints as nothing: a custom resource may lack what a column shows. */
export type Cell = string | number | boolean | null;

export interface Column {
  readonly name: string;
  /** `integer` sorts and aligns as a number. Default: string. */
  readonly type?: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  /** `name` marks the column that -o name and -o wide key on. */
  readonly format?: string;
  /** Shown only by -o wide: a priority of 1. */
  readonly wide?: boolean;
  /** For columns that somebody declares: anything above 0 is for -o wide. Default: what `wide` says. */
  readonly priority?: number;
  readonly description?: string;
}

export interface Printer<T = ReadonlyApiObject> {
  readonly columns: readonly Column[];
  /** As many cells as columns. */
  row(object: T, nowMs: number): readonly Cell[];
}

export type IncludeObject = 'Metadata' | 'Object' | 'None';

export interface TableOptions {
  readonly printer: Printer;
  /** The object as the client knows it, where whole objects are asked for: in its version. Printers read the stored one. */
  readonly shown?: (object: ReadonlyApiObject) => object;
  readonly metaVersion: string;
  readonly includeObject: IncludeObject;
  readonly nowMs: number;
  readonly metadata: object;
  /** A watch tells its columns once. */
  readonly withoutColumns?: boolean;
}

export function tableOf(objects: readonly ReadonlyApiObject[], options: TableOptions): object {
  const { printer, metaVersion, metadata, nowMs } = options;
  return {
    kind: 'Table',
    apiVersion: `meta.k8s.io/${metaVersion}`,
    metadata,
    columnDefinitions: options.withoutColumns ? null : printer.columns.map(definitionOf),
    rows: objects.map((object) => ({
      cells: printer.row(object, nowMs),
      ...rowObject(object, options),
    })),
  };
}

/** The object's metadata under the type that says it is no more than that. */
export function partialOf({ metadata }: ReadonlyApiObject, metaVersion = 'v1'): object {
  return { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${metaVersion}`, metadata };
}

function rowObject(
  object: ReadonlyApiObject,
  { includeObject, metaVersion, shown }: TableOptions,
): { object?: object } {
  switch (includeObject) {
    case 'None':
      return {};
    case 'Object':
      return { object: shown?.(object) ?? object };
    case 'Metadata':
      return { object: partialOf(object, metaVersion) };
  }
}

function definitionOf(column: Column): object {
  const { name, type = 'string', format = '', description = '', wide = false } = column;
  return { name, type, format, description, priority: column.priority ?? (wide ? 1 : 0) };
}

export const NAME_COLUMN: Column = { name: 'Name', format: 'name' };
export const AGE_COLUMN: Column = { name: 'Age' };

/** `3d`, `2d4h`, `17m`: how long ago, with two units where one alone would say too little. Upstream: duration.HumanDuration. */
export function ageOf(timestamp: string | undefined, nowMs: number): string {
  const atMs = timestamp === undefined ? Number.NaN : Date.parse(timestamp);
  return Number.isNaN(atMs) ? '<unknown>' : humanDuration(nowMs - atMs);
}

export function humanDuration(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  const years = Math.floor(days / 365);
  if (seconds < 120) return `${seconds}s`;
  if (minutes < 10) return joined(minutes, 'm', seconds % 60, 's');
  if (hours < 3) return `${minutes}m`;
  if (hours < 8) return joined(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  if (days < 8) return joined(days, 'd', hours % 24, 'h');
  if (years < 2) return `${days}d`;
  return years < 8 ? joined(years, 'y', days % 365, 'd') : `${years}y`;
}

function joined(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large}${largeUnit}` : `${large}${largeUnit}${small}${smallUnit}`;
}

/** `<none>` where upstream prints it. */
export function orNone(text: string | undefined): string {
  return text === undefined || text === '' ? '<none>' : text;
}

export function formatLabels(labels: Readonly<Record<string, string>> | undefined): string {
  const pairs = Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`);
  return orNone(pairs.sort().join(','));
}
