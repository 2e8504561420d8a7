// openapi: the documents under /openapi/v3, from which kubectl learns what it may send and `kubectl explain` reads.
//
// One document for each group-version: the operations on its resources, and every schema they lead to. kubectl looks for a
// patch operation that carries the kind and a `fieldValidation` parameter; having found it, it leaves validation to the server.
// The text is made once and kept: its hash stands in the index, and a client keeps a document for ever under that hash.
//
// Same documents upstream: kube-openapi, pkg/handler3. Left out: response schemas of the rarer operations, and v2.

import { createHash } from 'node:crypto';
import { mergeRuleOf } from '../patch/merge-keys.ts';
import { definitionOfKind, referenceOf, type Schema, schemaFile, schemaOf } from './catalog.ts';

/** What the document says of a resource; the server's own declaration has these and more. */
export interface ResourceInfo {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly subresources: readonly {
    readonly name: string;
    readonly kind: string;
    readonly group?: string;
    readonly version?: string;
    readonly verbs: readonly string[];
  }[];
}

type Json = Readonly<Record<string, unknown>>;
interface Kind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

const REF_PREFIX = '#/components/schemas/';
const TITLE = 'Kubernetes';
const VERSION = 'v1.34.0';
const MEDIA_TYPES = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];
const PATCH_TYPES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
];
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

function textOf(group: string, version: string): string {
  return group === '' ? version : `${group}/${version}`;
}

function pathOf(groupVersion: string): string {
  return groupVersion.includes('/') ? `apis/${groupVersion}` : `api/${groupVersion}`;
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
    const strategy = [rule.merge && 'merge', rule.retainKeys && 'retainKeys'].filter(Boolean);
    const extensions = {
      'x-kubernetes-patch-strategy': strategy.join(','),
      ...(rule.mergeKey === undefined ? {} : { 'x-kubernetes-patch-merge-key': rule.mergeKey }),
    };
    return [name, { ...property, ...extensions }];
  });
  return { ...schema, properties: Object.fromEntries(properties) };
}

function pathsOf(resource: ResourceInfo): Json {
  const { group, version, verbs, namespaced } = resource;
  const base = `/${pathOf(textOf(group, version))}`;
  const collection = `${base}${namespaced ? '/namespaces/{namespace}' : ''}/${resource.resource}`;
  const item = `${collection}/{name}`;
  const kind = { group, version, kind: resource.kind };
  const onCollection = pick(verbs, { list: 'get', create: 'post', deletecollection: 'delete' });
  const onItem = pick(verbs, { get: 'get', update: 'put', patch: 'patch', delete: 'delete' });
  const names = namespaced ? ['namespace'] : [];
  const paths: Record<string, unknown> = {
    [collection]: pathItem(onCollection, kind, names),
    [item]: pathItem(onItem, kind, ['name', ...names]),
  };
  if (namespaced && verbs.includes('list')) {
    paths[`${base}/${resource.resource}`] = pathItem([['list', 'get']], kind, []);
  }
  for (const subresource of resource.subresources) {
    const { name, kind: own, group: ownGroup = group, version: ownVersion = version } = subresource;
    const methods = { get: 'get', create: 'post', update: 'put', patch: 'patch', delete: 'delete' };
    const spoken = { group: ownGroup, version: ownVersion, kind: own };
    paths[`${item}/${name}`] = pathItem(pick(subresource.verbs, methods), spoken, [
      'name',
      ...names,
    ]);
  }
  return paths;
}

type Operations = readonly (readonly [verb: string, method: string])[];

function pick(verbs: readonly string[], methods: Readonly<Record<string, string>>): Operations {
  return Object.entries(methods).filter(([verb]) => verbs.includes(verb));
}

function pathItem(operations: Operations, kind: Kind, names: readonly string[]): Json {
  const items = operations.map(([verb, method]) => [method, operation(verb, method, kind)]);
  const parameters = [
    ...names.map((name) => parameter(name, 'path', 'string')),
    parameter('pretty', 'query', 'string'),
  ];
  return { ...Object.fromEntries(items), parameters };
}

function operation(verb: string, method: string, kind: Kind): Json {
  const definition = definitionOfKind(kind);
  const schema = definition === undefined ? { type: 'object' } : { $ref: REF_PREFIX + definition };
  const writes = method === 'post' || method === 'put' || method === 'patch';
  const bodyTypes = method === 'patch' ? PATCH_TYPES : MEDIA_TYPES;
  return {
    operationId: `${verb}${kind.kind}`,
    parameters: queryParameters(verb, writes).map(([name, type]) => parameter(name, 'query', type)),
    ...(writes
      ? {
          requestBody: {
            content: content(bodyTypes, method === 'patch' ? { type: 'object' } : schema),
          },
        }
      : {}),
    responses: {
      200: { description: 'OK', content: content(MEDIA_TYPES, schema) },
      401: { description: 'Unauthorized' },
    },
    'x-kubernetes-action': verb,
    'x-kubernetes-group-version-kind': kind,
  };
}

function queryParameters(verb: string, writes: boolean): readonly (readonly [string, string])[] {
  if (writes) {
    return [
      ['dryRun', 'string'],
      ['fieldManager', 'string'],
      ['fieldValidation', 'string'],
      ...(verb === 'patch' ? ([['force', 'boolean']] as const) : []),
    ];
  }
  if (verb === 'list' || verb === 'deletecollection') {
    return [
      ['allowWatchBookmarks', 'boolean'],
      ['continue', 'string'],
      ['fieldSelector', 'string'],
      ['labelSelector', 'string'],
      ['limit', 'integer'],
      ['resourceVersion', 'string'],
      ['resourceVersionMatch', 'string'],
      ['timeoutSeconds', 'integer'],
      ['watch', 'boolean'],
    ];
  }
  if (verb !== 'delete') return [];
  return [
    ['dryRun', 'string'],
    ['gracePeriodSeconds', 'integer'],
    ['propagationPolicy', 'string'],
  ];
}

function parameter(name: string, place: 'path' | 'query', type: string): Json {
  const schema = { type, uniqueItems: true };
  return place === 'path'
    ? { name, in: place, required: true, schema }
    : { name, in: place, schema };
}

function content(mediaTypes: readonly string[], schema: Json): Json {
  return Object.fromEntries(mediaTypes.map((mediaType) => [mediaType, { schema }]));
}
