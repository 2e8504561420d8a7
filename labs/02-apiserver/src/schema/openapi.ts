// openapi: the documents under /openapi/v3, from which kubectl learns what it may send and `kubectl explain` reads.
//
// One document for each group-version: the operations on its resources, and every schema they lead to. kubectl looks for a
// patch operation that carries the kind and a `fieldValidation` parameter; having found it, it leaves validation to the server.
// The text is made once and kept: its hash stands in the index, and a client keeps a document for ever under that hash.
//
// Same documents upstream: kube-openapi, pkg/handler3. Left out: response schemas of the rarer operations, and v2.

import { createHash } from 'node:crypto';
import { mergeRuleOf, patchStrategyOf } from '../patch/merge-keys.ts';
import { definitionOfKind, referenceOf, type Schema, schemaFile, schemaOf } from './catalog.ts';
import { type Json, pathOf, pathsOf, type ResourceInfo, textOf } from './openapi-paths.ts';

export type { ResourceInfo };

const TITLE = 'Kubernetes';
const VERSION = 'v1.34.0';
const documents = new Map<string, string>();

/** With the server's resources the hash is that of the document itself; without them, that of its schemas. */
export function openapiV3Index(
  groupVersions: readonly string[],
  resources: readonly ResourceInfo[] = [],
): string {
  const paths = groupVersions.map((groupVersion) => {
    const path = pathOf(groupVersion);
    const text = openapiV3Document(groupVersion, resources);
    const hash = createHash('sha512').update(text).digest('hex').toUpperCase();
    return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }];
  });
  return JSON.stringify({ paths: Object.fromEntries(paths) });
}

/** `resources` may hold more than the group-version's own. */
export function openapiV3Document(
  groupVersion: string,
  resources: readonly ResourceInfo[],
): string {
  const served = own(resources, groupVersion);
  const key = [groupVersion, ...served.map(({ resource }) => resource)].join(' ');
  let text = documents.get(key);
  if (text === undefined) {
    text = JSON.stringify({
      openapi: '3.0.0',
      info: { title: TITLE, version: VERSION },
      paths: Object.assign({}, ...served.map(pathsOf)),
      components: { schemas: schemasOf(groupVersion, served) },
    });
    documents.set(key, text);
  }
  return text;
}

function own(resources: readonly ResourceInfo[], groupVersion: string): readonly ResourceInfo[] {
  return resources.filter(({ group, version }) => textOf(group, version) === groupVersion);
}

/** All definitions of the group-version, what its subresources speak, and what these refer to in others. */
function schemasOf(groupVersion: string, served: readonly ResourceInfo[]): Json {
  const schemas = new Map<string, Schema>();
  const visit = (definition: string): void => {
    const schema = schemas.has(definition) ? undefined : schemaOf(definition);
    if (schema === undefined) return;
    schemas.set(definition, withMergeKeys(definition, schema));
    for (const reference of referencesIn(schema)) visit(reference);
  };
  Object.keys(schemaFile(groupVersion)?.definitions ?? {}).forEach(visit);
  for (const { group, version, subresources } of served) {
    for (const subresource of subresources) {
      const definition = definitionOfKind({ group, version, ...subresource });
      if (definition !== undefined) visit(definition);
    }
  }
  for (const kind of ['DeleteOptions', 'Status', 'WatchEvent']) {
    visit(`io.k8s.apimachinery.pkg.apis.meta.v1.${kind}`);
  }
  return Object.fromEntries([...schemas].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function referencesIn(schema: Schema): string[] {
  const direct = referenceOf(schema);
  return [
    ...(direct === undefined ? [] : [direct]),
    ...(schema.items === undefined ? [] : referencesIn(schema.items)),
    ...(schema.additionalProperties === undefined ? [] : referencesIn(schema.additionalProperties)),
    ...Object.values(schema.properties ?? {}).flatMap(referencesIn),
  ];
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
