// catalog: the generated descriptions of every kind, found by group-version-kind or by definition name.
//
// schema-data/ holds one file for each group-version (scripts/generate-schemas.ts writes them). A file is read when first
// asked for, once: a server that never meets a NetworkPolicy never reads its schema. Reading is synchronous on purpose, as
// it happens a dozen times in a process's life and every caller would otherwise have to be asynchronous.
//
// Same idea upstream: apimachinery's runtime.Scheme, which Go fills from compiled types.

import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** The subset of OpenAPI v3 that Kubernetes uses. */
export interface Schema {
  readonly description?: string;
  readonly type?: 'string' | 'integer' | 'number' | 'boolean' | 'array' | 'object';
  readonly format?: string;
  readonly $ref?: string;
  readonly allOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly items?: Schema;
  readonly additionalProperties?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly 'x-kubernetes-group-version-kind'?: readonly GroupVersionKind[];
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-patch-strategy'?: string;
  readonly 'x-kubernetes-patch-merge-key'?: string;
}

/** A field of a protobuf message. Flags: r = repeated, m = map, p = pointer in Go, e = embedded in the outer JSON object. */
export type MessageRow = readonly [
  number: number,
  name: string,
  type: string,
  flags: string,
  goType: string,
];

export interface SchemaFile {
  /** `v1`, `apps/v1`. */
  readonly groupVersion: string;
  readonly definitions: Readonly<Record<string, Schema>>;
  readonly messages: Readonly<Record<string, readonly MessageRow[]>>;
}

const META = 'meta-v1.json';
/** Found by the package's name: a learner's copy of these sources has no data of its own. */
const DATA = new URL(
  '.',
  pathToFileURL(createRequire(import.meta.url).resolve(`@kube-labs/apiserver/schema-data/${META}`)),
);
const REF_PREFIX = '#/components/schemas/';
const loaded = new Map<string, SchemaFile>();
let names: readonly string[] | undefined;

function fileNames(): readonly string[] {
  names ??= readdirSync(DATA).filter((name) => name.endsWith('.json'));
  return names;
}

function load(name: string): SchemaFile {
  let file = loaded.get(name);
  if (file === undefined) {
    file = JSON.parse(readFileSync(new URL(name, DATA), 'utf8')) as SchemaFile;
    loaded.set(name, file);
  }
  return file;
}

/** The file of a group-version, `v1` or `apps/v1`. */
export function schemaFile(groupVersion: string): SchemaFile | undefined {
  const name = groupVersion.includes('/')
    ? `${groupVersion.replace('/', '-')}.json`
    : `core-${groupVersion}.json`;
  return fileNames().includes(name) ? load(name) : undefined;
}

/** The file that a definition such as io.k8s.api.apps.v1.Deployment is in. */
function fileOfDefinition(definition: string): SchemaFile | undefined {
  const [folder = '', version = ''] = definition.split('.').slice(-3, -1);
  const name = definition.startsWith('io.k8s.apimachinery.')
    ? META
    : fileNames().find((candidate) => {
        const group = candidate.slice(0, -`-${version}.json`.length);
        return candidate.endsWith(`-${version}.json`) && group.split('.')[0] === folder;
      });
  return name === undefined ? undefined : load(name);
}

export function schemaOf(definition: string): Schema | undefined {
  return fileOfDefinition(definition)?.definitions[definition];
}

export function messageOf(definition: string): readonly MessageRow[] | undefined {
  return fileOfDefinition(definition)?.messages[definition];
}

/** What a `$ref` points to, also when a description is wrapped around it; undefined for a schema that is no reference. */
export function referenceOf(schema: Schema): string | undefined {
  const ref = schema.$ref ?? schema.allOf?.[0]?.$ref;
  return ref?.slice(REF_PREFIX.length);
}

/** Kinds of the group-version itself first, then the ones that travel with every group (Status, DeleteOptions). */
export function definitionOfKind({ group, version, kind }: GroupVersionKind): string | undefined {
  const own = schemaFile(group === '' ? version : `${group}/${version}`);
  return findKind(own, kind) ?? findKind(load(META), kind);
}

/** For bodies that name only their kind, as options of subresources may. */
export function findKindAnywhere(kind: string): string | undefined {
  for (const name of [META, 'core-v1.json', ...fileNames()]) {
    const found = findKind(load(name), kind);
    if (found !== undefined) return found;
  }
  return undefined;
}

function findKind(file: SchemaFile | undefined, kind: string): string | undefined {
  if (file === undefined) return undefined;
  const known = definitionsByKind.get(file) ?? indexByKind(file);
  definitionsByKind.set(file, known);
  return known.get(kind);
}

/** Every body of a request asks, and a file has hundreds of definitions. */
const definitionsByKind = new WeakMap<SchemaFile, ReadonlyMap<string, string>>();

function indexByKind({ definitions = {} }: SchemaFile): ReadonlyMap<string, string> {
  const result = new Map<string, string>();
  for (const [definition, schema] of Object.entries(definitions)) {
    for (const { kind } of schema['x-kubernetes-group-version-kind'] ?? []) {
      if (!result.has(kind)) result.set(kind, definition);
    }
  }
  return result;
}
