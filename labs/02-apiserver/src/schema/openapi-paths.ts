// openapi-paths: the operations on a resource, as OpenAPI describes them, in the form of v3.
//
// What makes kubectl work is in operation(): the kind that it speaks of, the action, and the parameter `fieldValidation`. A resource that
// brings its own schemas (a custom one) is described by those; all others by the generated definitions of their kinds.
//
// Same idea upstream: apiserver, endpoints/installer.go (the routes) over kube-openapi, pkg/builder3.
// Left out: the description of each parameter.

import { definitionOfKind } from './catalog.ts';

/** What the document says of a resource; the server's own declaration has these and more. */
export interface ResourceInfo {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly kind: string;
  readonly listKind?: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly subresources: readonly {
    readonly name: string;
    readonly kind: string;
    readonly group?: string;
    readonly version?: string;
    readonly verbs: readonly string[];
  }[];
  /** Schemas by name; see ResourceDefinition. */
  readonly openapi?: (version: 'v2' | 'v3') => Readonly<Record<string, object>>;
}

export type Json = Readonly<Record<string, unknown>>;
interface Kind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

export const REF_PREFIX = '#/components/schemas/';
const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const TEXT_TYPES = ['application/json', 'application/yaml'];
const MEDIA_TYPES = [...TEXT_TYPES, 'application/vnd.kubernetes.protobuf'];
const APPLY_PATCH = 'application/apply-patch+yaml';
const PATCH_TYPES = ['application/json-patch+json', 'application/merge-patch+json'];
const STRATEGIC_PATCH = 'application/strategic-merge-patch+json';

export function textOf(group: string, version: string): string {
  return group === '' ? version : `${group}/${version}`;
}

export function pathOf(groupVersion: string): string {
  return groupVersion.includes('/') ? `apis/${groupVersion}` : `api/${groupVersion}`;
}

/** What of a resource an operation is about. */
interface Subject {
  readonly resource: ResourceInfo;
  /** What it speaks: the resource's kind, or a subresource's own. */
  readonly kind: Kind;
  /** Of the path: what a client has to fill in. */
  readonly names: readonly string[];
  readonly subresource?: string;
  readonly allNamespaces?: boolean;
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
  const own = { resource, kind };
  const paths: Record<string, unknown> = {
    [collection]: pathItem(onCollection, { ...own, names }),
    [item]: pathItem(onItem, { ...own, names: ['name', ...names] }),
  };
  if (namespaced && verbs.includes('list')) {
    const everywhere = { ...own, names: [], allNamespaces: true };
    paths[`${base}/${resource.resource}`] = pathItem([['list', 'get']], everywhere);
  }
  for (const subresource of resource.subresources) {
    const {
      name,
      kind: spoken,
      group: ownGroup = group,
      version: ownVersion = version,
    } = subresource;
    const methods = { get: 'get', create: 'post', update: 'put', patch: 'patch', delete: 'delete' };
    paths[`${item}/${name}`] = pathItem(pick(subresource.verbs, methods), {
      resource,
      kind: { group: ownGroup, version: ownVersion, kind: spoken },
      names: ['name', ...names],
      subresource: name,
    });
  }
  return paths;
}

type Operations = readonly (readonly [verb: string, method: string])[];

function pick(verbs: readonly string[], methods: Readonly<Record<string, string>>): Operations {
  return Object.entries(methods).filter(([verb]) => verbs.includes(verb));
}

function pathItem(operations: Operations, subject: Subject): Json {
  const items = operations.map(([verb, method]) => [method, operation(verb, method, subject)]);
  const parameters = [
    ...subject.names.map((name) => parameter(name, 'path', 'string')),
    parameter('pretty', 'query', 'string'),
  ];
  return { ...Object.fromEntries(items), parameters };
}

function operation(verb: string, method: string, subject: Subject): Json {
  const { resource, kind } = subject;
  const writes = method === 'post' || method === 'put' || method === 'patch';
  const parameters = queryParameters(verb, writes).map(([name, type]) =>
    parameter(name, 'query', type),
  );
  const mediaTypes = resource.openapi === undefined ? MEDIA_TYPES : TEXT_TYPES;
  const schema = schemaFor(resource, kind);
  const answered = answerOf(verb, subject) ?? schema;
  const body = bodyOf(verb, method, schema);
  return {
    description: describe(verb, subject),
    operationId: operationId(verb, subject),
    tags: [tagOf(resource)],
    parameters,
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            content: content(method === 'patch' ? patchTypes(resource) : mediaTypes, body),
          },
        }),
    responses: {
      200: { description: 'OK', content: content(mediaTypes, answered) },
      ...(method === 'post' || method === 'put'
        ? { 201: { description: 'Created', content: content(mediaTypes, answered) } }
        : {}),
      401: { description: 'Unauthorized' },
    },
    'x-kubernetes-action': actionOf(verb),
    'x-kubernetes-group-version-kind': kind,
  };
}

function bodyOf(verb: string, method: string, schema: Json): Json | undefined {
  if (method === 'post' || method === 'put') return schema;
  if (method === 'patch') return { $ref: `${REF_PREFIX}${META}.Patch` };
  const deletes = verb === 'delete' || verb === 'deletecollection';
  return deletes ? { $ref: `${REF_PREFIX}${META}.DeleteOptions` } : undefined;
}

function answerOf(verb: string, { resource, kind, subresource }: Subject): Json | undefined {
  if (verb === 'delete' || verb === 'deletecollection')
    return { $ref: `${REF_PREFIX}${META}.Status` };
  if (verb !== 'list' || subresource !== undefined) return undefined;
  const listKind = resource.listKind ?? `${resource.kind}List`;
  return schemaFor(resource, { ...kind, kind: listKind });
}

/** A reference to the kind's definition: the resource's own, or the generated one. */
function schemaFor(resource: ResourceInfo, kind: Kind): Json {
  const isOwn = kind.group === resource.group && resource.openapi !== undefined;
  const name = isOwn ? ownDefinition(resource, kind.kind) : definitionOfKind(kind);
  return name === undefined ? { type: 'object' } : { $ref: REF_PREFIX + name };
}

function ownDefinition({ openapi }: ResourceInfo, kind: string): string | undefined {
  const definitions = Object.entries(openapi?.('v3') ?? {});
  return definitions.find(([, schema]) => {
    const kinds = (schema as Json)['x-kubernetes-group-version-kind'] as
      | readonly Kind[]
      | undefined;
    return kinds?.some((one) => one.kind === kind) === true;
  })?.[0];
}

function patchTypes({ openapi }: ResourceInfo): readonly string[] {
  return [APPLY_PATCH, ...PATCH_TYPES, ...(openapi === undefined ? [STRATEGIC_PATCH] : [])];
}

/** Upstream's words for its own verbs. */
const NAMES: Readonly<Record<string, string>> = { get: 'read', update: 'replace' };
const ACTIONS: Readonly<Record<string, string>> = { create: 'post', update: 'put' };

function actionOf(verb: string): string {
  return ACTIONS[verb] ?? verb;
}

/** `listCoreV1NamespacedPod`: what generated clients call their functions. */
function operationId(
  verb: string,
  { resource, kind, subresource, allNamespaces }: Subject,
): string {
  const { group, version, namespaced } = resource;
  const scope = namespaced && allNamespaces !== true ? 'Namespaced' : '';
  const collection = verb === 'deletecollection' ? 'Collection' : '';
  const owner = subresource === undefined ? kind.kind : resource.kind;
  const lead = verb === 'deletecollection' ? 'delete' : (NAMES[verb] ?? verb);
  const tail = allNamespaces === true ? 'ForAllNamespaces' : title(subresource ?? '');
  return `${lead}${groupTitle(group)}${title(version)}${collection}${scope}${owner}${tail}`;
}

function tagOf({ group, version }: ResourceInfo): string {
  const title = groupTitle(group);
  return `${title.charAt(0).toLowerCase()}${title.slice(1)}_${version}`;
}

/** `rbac.authorization.k8s.io` is RbacAuthorization, a group of somebody else all its labels. */
function groupTitle(group: string): string {
  if (group === '') return 'Core';
  const labels = group.replace(/\.k8s\.io$/, '').split('.');
  return labels.map(title).join('');
}

function title(text: string): string {
  return text === '' ? '' : text.charAt(0).toUpperCase() + text.slice(1);
}

function describe(verb: string, { resource, subresource }: Subject): string {
  const of = subresource === undefined ? '' : `${subresource} of `;
  const { kind } = resource;
  switch (verb) {
    case 'list':
      return `list or watch objects of kind ${kind}`;
    case 'deletecollection':
      return `delete collection of ${kind}`;
    case 'patch':
      return `partially update ${of}the specified ${kind}`;
    case 'create':
    case 'delete':
      return `${verb} ${of}${/^[AEIOU]/.test(kind) ? 'an' : 'a'} ${kind}`;
    default:
      return `${NAMES[verb] ?? verb} ${of}the specified ${kind}`;
  }
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
      ['sendInitialEvents', 'boolean'],
      ['timeoutSeconds', 'integer'],
      ['watch', 'boolean'],
    ];
  }
  if (verb !== 'delete') return [];
  return [
    ['dryRun', 'string'],
    ['gracePeriodSeconds', 'integer'],
    ['orphanDependents', 'boolean'],
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
