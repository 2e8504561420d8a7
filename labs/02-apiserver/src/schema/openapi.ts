// openapi: the documents under /openapi/v3, from which kubectl learns what it may send and `kubectl explain` reads.
//
// One document for each group-version: the operations on its resources, and every schema they lead to. kubectl looks for a
// patch operation that carries the kind and a `fieldValidation` parameter; having found it, it leaves validation to the server.
// The hash of a document stands in the index, and a client keeps a document for ever under that hash.
//
// Pure: who serves the documents keeps them (server/api-documents.ts).
// Same documents upstream: kube-openapi, pkg/handler3. Left out: the protobuf form of v3.

import { createHash } from 'node:crypto';
import { mergeRuleOf, patchStrategyOf } from '../patch/merge-keys.ts';
import { definitionOfKind, type Schema, schemaFile, schemaOf } from './catalog.ts';
import { type Json, pathOf, pathsOf, type ResourceInfo, textOf } from './openapi-paths.ts';

export type { ResourceInfo };

export const TITLE = 'Kubernetes';
export const VERSION = 'v1.33.1';
/** A patch is whatever its media type says; the models of the client that the schemas come from leave it out. */
const PATCH_NAME = 'io.k8s.apimachinery.pkg.apis.meta.v1.Patch';
const PATCH: Schema = {
  description:
    'Patch is provided to give a concrete name and type to the Kubernetes PATCH request body.',
  type: 'object',
};
/** What answers and bodies of every group may be, besides its own kinds. */
const COMMON_KINDS = ['DeleteOptions', 'Status', 'WatchEvent'];

/** The index over documents that are made already. */
export function openapiV3IndexOf(hashes: ReadonlyMap<string, string>): string {
  const paths = [...hashes].map(([groupVersion, hash]) => {
    const path = pathOf(groupVersion);
    return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }];
  });
  return JSON.stringify({ paths: Object.fromEntries(paths) });
}

export function openapiV3Index(
  groupVersions: readonly string[],
  resources: readonly ResourceInfo[] = [],
): string {
  const hashes = groupVersions.map((groupVersion): [string, string] => [
    groupVersion,
    hashOf(openapiV3Document(groupVersion, resources)),
  ]);
  return openapiV3IndexOf(new Map(hashes));
}

export function hashOf(document: string | Uint8Array): string {
  return createHash('sha512').update(document).digest('hex').toUpperCase();
}

/** `resources` may hold more than the group-version's own. */
export function openapiV3Document(
  groupVersion: string,
  resources: readonly ResourceInfo[],
): string {
  const served = resources.filter(({ group, version }) => textOf(group, version) === groupVersion);
  return JSON.stringify({
    openapi: '3.0.0',
    info: { title: TITLE, version: VERSION },
    paths: Object.assign({}, ...served.map(pathsOf)),
    components: { schemas: schemasFor([groupVersion], served, 'v3') },
  });
}

/** All definitions of the group-versions, what the subresources speak, and what these refer to in others. */
export function schemasFor(
  groupVersions: readonly string[],
  served: readonly ResourceInfo[],
  openApi: 'v2' | 'v3',
): Json {
  const schemas = new Map<string, Schema>();
  const add = (definition: string, schema: Schema): void => {
    schemas.set(definition, withMergeKeys(definition, schema));
    for (const reference of referencesIn(schema)) visit(reference);
  };
  const visit = (definition: string): void => {
    if (definition === PATCH_NAME) schemas.set(definition, PATCH);
    const schema = schemas.has(definition) ? undefined : schemaOf(definition);
    if (schema !== undefined) add(definition, schema);
  };
  for (const groupVersion of groupVersions) {
    Object.keys(schemaFile(groupVersion)?.definitions ?? {}).forEach(visit);
  }
  for (const { group, version, subresources, openapi } of served) {
    for (const [name, schema] of Object.entries(openapi?.(openApi) ?? {})) {
      add(name, schema as Schema);
    }
    for (const subresource of subresources) {
      const definition = definitionOfKind({ group, version, ...subresource });
      if (definition !== undefined) visit(definition);
    }
  }
  for (const kind of COMMON_KINDS) visit(`io.k8s.apimachinery.pkg.apis.meta.v1.${kind}`);
  visit(PATCH_NAME);
  return Object.fromEntries([...schemas].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Names of definitions, whatever the form of the document. */
function referencesIn(schema: Schema): string[] {
  const direct = nameOfReference(schema);
  const { items, additionalProperties, properties } = schema;
  const inner = [items, additionalProperties, ...Object.values(properties ?? {})];
  return [
    ...(direct === undefined ? [] : [direct]),
    ...inner.flatMap((one) => (typeof one === 'object' ? referencesIn(one) : [])),
  ];
}

/** What a schema refers to, by v3's prefix or by v2's. */
export function nameOfReference({ $ref, allOf }: Schema): string | undefined {
  return ($ref ?? allOf?.[0]?.$ref)?.replace(/^#\/(?:components\/schemas|definitions)\//, '');
}

/** kubectl's own merge (apply, edit) reads these. */
function withMergeKeys(definition: string, schema: Schema): Schema {
  if (schema.properties === undefined) return schema;
  const properties = Object.entries(schema.properties).map(([name, property]) => {
    const rule = mergeRuleOf(definition, name);
    if (rule === undefined) return [name, property];
    const extensions = {
      'x-kubernetes-patch-strategy': patchStrategyOf(rule),
      ...(rule.mergeKey === undefined ? {} : { 'x-kubernetes-patch-merge-key': rule.mergeKey }),
    };
    return [name, { ...property, ...extensions }];
  });
  return { ...schema, properties: Object.fromEntries(properties) };
}
