// openapi-paths: the operations on a resource, as OpenAPI describes them.
//
// What makes kubectl work is in operation(): the kind that it speaks of, the action, and the parameter `fieldValidation`.

import { definitionOfKind } from './catalog.ts';

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

export type Json = Readonly<Record<string, unknown>>;
interface Kind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

const REF_PREFIX = '#/components/schemas/';
const MEDIA_TYPES = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];
const PATCH_TYPES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
];

export function textOf(group: string, version: string): string {
  return group === '' ? version : `${group}/${version}`;
}

export function pathOf(groupVersion: string): string {
  return groupVersion.includes('/') ? `apis/${groupVersion}` : `api/${groupVersion}`;
}

export function pathsOf(resource: ResourceInfo): Json {
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
