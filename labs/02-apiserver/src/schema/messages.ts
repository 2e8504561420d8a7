// messages: the fields of every protobuf message by number: the catalog's, and those of packages that kubectl does not hold.
//
// The catalog's rows come out of kubectl's binary. It knows nothing of apiextensions and kube-aggregator, so the rows of their
// kinds stand here. Rows are sorted by number, which is the order in which upstream writes them.
//
// Same facts upstream: generated.proto beside each API package.

import { type MessageRow, messageOf } from './catalog.ts';

/** Number, name, type (short: of the same package), flags. */
type ShortRow = readonly [number: number, name: string, type: string, flags?: string];

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
const APIEXTENSIONS = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.';
const APIREGISTRATION = 'io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.';
const STORAGE = 'io.k8s.api.storage.v1.';
const SCALARS: ReadonlySet<string> = new Set([
  'string',
  'bool',
  'int32',
  'int64',
  'double',
  'bytes',
]);

const OBJECT_META: ShortRow = [1, 'metadata', `${META}ObjectMeta`];
const LIST_META: ShortRow = [1, 'metadata', `${META}ListMeta`];
const CONDITION: readonly ShortRow[] = [
  [1, 'type', 'string'],
  [2, 'status', 'string'],
  [3, 'lastTransitionTime', `${META}Time`],
  [4, 'reason', 'string'],
  [5, 'message', 'string'],
];

const SCHEMA_PROPS: readonly ShortRow[] = [
  [1, 'id', 'string'],
  [2, '$schema', 'string'],
  [3, '$ref', 'string', 'p'],
  [4, 'description', 'string'],
  [5, 'type', 'string'],
  [6, 'format', 'string'],
  [7, 'title', 'string'],
  [8, 'default', 'JSON', 'p'],
  [9, 'maximum', 'double', 'p'],
  [10, 'exclusiveMaximum', 'bool'],
  [11, 'minimum', 'double', 'p'],
  [12, 'exclusiveMinimum', 'bool'],
  [13, 'maxLength', 'int64', 'p'],
  [14, 'minLength', 'int64', 'p'],
  [15, 'pattern', 'string'],
  [16, 'maxItems', 'int64', 'p'],
  [17, 'minItems', 'int64', 'p'],
  [18, 'uniqueItems', 'bool'],
  [19, 'multipleOf', 'double', 'p'],
  [20, 'enum', 'JSON', 'r'],
  [21, 'maxProperties', 'int64', 'p'],
  [22, 'minProperties', 'int64', 'p'],
  [23, 'required', 'string', 'r'],
  [24, 'items', 'JSONSchemaPropsOrArray', 'p'],
  [25, 'allOf', 'JSONSchemaProps', 'r'],
  [26, 'oneOf', 'JSONSchemaProps', 'r'],
  [27, 'anyOf', 'JSONSchemaProps', 'r'],
  [28, 'not', 'JSONSchemaProps', 'p'],
  [29, 'properties', 'JSONSchemaProps', 'm'],
  [30, 'additionalProperties', 'JSONSchemaPropsOrBool', 'p'],
  [31, 'patternProperties', 'JSONSchemaProps', 'm'],
  [32, 'dependencies', 'JSONSchemaPropsOrStringArray', 'm'],
  [33, 'additionalItems', 'JSONSchemaPropsOrBool', 'p'],
  [34, 'definitions', 'JSONSchemaProps', 'm'],
  [35, 'externalDocs', 'ExternalDocumentation', 'p'],
  [36, 'example', 'JSON', 'p'],
  [37, 'nullable', 'bool'],
  [38, 'x-kubernetes-preserve-unknown-fields', 'bool', 'p'],
  [39, 'x-kubernetes-embedded-resource', 'bool'],
  [40, 'x-kubernetes-int-or-string', 'bool'],
  [41, 'x-kubernetes-list-map-keys', 'string', 'r'],
  [42, 'x-kubernetes-list-type', 'string', 'p'],
  [43, 'x-kubernetes-map-type', 'string', 'p'],
  [44, 'x-kubernetes-validations', 'ValidationRule', 'r'],
];

const CUSTOM_RESOURCES: Readonly<Record<string, readonly ShortRow[]>> = {
  CustomResourceColumnDefinition: [
    [1, 'name', 'string'],
    [2, 'type', 'string'],
    [3, 'format', 'string'],
    [4, 'description', 'string'],
    [5, 'priority', 'int32'],
    [6, 'jsonPath', 'string'],
  ],
  CustomResourceConversion: [
    [1, 'strategy', 'string'],
    [2, 'webhook', 'WebhookConversion', 'p'],
  ],
  CustomResourceDefinition: [
    OBJECT_META,
    [2, 'spec', 'CustomResourceDefinitionSpec'],
    [3, 'status', 'CustomResourceDefinitionStatus'],
  ],
  CustomResourceDefinitionCondition: CONDITION,
  CustomResourceDefinitionList: [LIST_META, [2, 'items', 'CustomResourceDefinition', 'r']],
  CustomResourceDefinitionNames: [
    [1, 'plural', 'string'],
    [2, 'singular', 'string'],
    [3, 'shortNames', 'string', 'r'],
    [4, 'kind', 'string'],
    [5, 'listKind', 'string'],
    [6, 'categories', 'string', 'r'],
  ],
  CustomResourceDefinitionSpec: [
    [1, 'group', 'string'],
    [3, 'names', 'CustomResourceDefinitionNames'],
    [4, 'scope', 'string'],
    [7, 'versions', 'CustomResourceDefinitionVersion', 'r'],
    [9, 'conversion', 'CustomResourceConversion', 'p'],
    [10, 'preserveUnknownFields', 'bool'],
  ],
  CustomResourceDefinitionStatus: [
    [1, 'conditions', 'CustomResourceDefinitionCondition', 'r'],
    [2, 'acceptedNames', 'CustomResourceDefinitionNames'],
    [3, 'storedVersions', 'string', 'r'],
  ],
  CustomResourceDefinitionVersion: [
    [1, 'name', 'string'],
    [2, 'served', 'bool'],
    [3, 'storage', 'bool'],
    [4, 'schema', 'CustomResourceValidation', 'p'],
    [5, 'subresources', 'CustomResourceSubresources', 'p'],
    [6, 'additionalPrinterColumns', 'CustomResourceColumnDefinition', 'r'],
    [7, 'deprecated', 'bool'],
    [8, 'deprecationWarning', 'string', 'p'],
    [9, 'selectableFields', 'SelectableField', 'r'],
  ],
  CustomResourceSubresourceScale: [
    [1, 'specReplicasPath', 'string'],
    [2, 'statusReplicasPath', 'string'],
    [3, 'labelSelectorPath', 'string', 'p'],
  ],
  CustomResourceSubresourceStatus: [],
  CustomResourceSubresources: [
    [1, 'status', 'CustomResourceSubresourceStatus', 'p'],
    [2, 'scale', 'CustomResourceSubresourceScale', 'p'],
  ],
  CustomResourceValidation: [[1, 'openAPIV3Schema', 'JSONSchemaProps', 'p']],
  ExternalDocumentation: [
    [1, 'description', 'string'],
    [2, 'url', 'string'],
  ],
  JSONSchemaProps: SCHEMA_PROPS,
  SelectableField: [[1, 'jsonPath', 'string']],
  ServiceReference: [
    [1, 'namespace', 'string'],
    [2, 'name', 'string'],
    [3, 'path', 'string', 'p'],
    [4, 'port', 'int32', 'p'],
  ],
  ValidationRule: [
    [1, 'rule', 'string'],
    [2, 'message', 'string'],
    [3, 'messageExpression', 'string'],
    [4, 'reason', 'string', 'p'],
    [5, 'fieldPath', 'string'],
    [6, 'optionalOldSelf', 'bool', 'p'],
  ],
  WebhookClientConfig: [
    [1, 'service', 'ServiceReference', 'p'],
    [2, 'caBundle', 'bytes', 'p'],
    [3, 'url', 'string', 'p'],
  ],
  WebhookConversion: [
    [2, 'clientConfig', 'WebhookClientConfig', 'p'],
    [3, 'conversionReviewVersions', 'string', 'r'],
  ],
};

const API_SERVICES: Readonly<Record<string, readonly ShortRow[]>> = {
  APIService: [OBJECT_META, [2, 'spec', 'APIServiceSpec'], [3, 'status', 'APIServiceStatus']],
  APIServiceCondition: CONDITION,
  APIServiceList: [LIST_META, [2, 'items', 'APIService', 'r']],
  APIServiceSpec: [
    [1, 'service', 'ServiceReference', 'p'],
    [2, 'group', 'string'],
    [3, 'version', 'string'],
    [4, 'insecureSkipTLSVerify', 'bool'],
    [5, 'caBundle', 'bytes', 'p'],
    [7, 'groupPriorityMinimum', 'int32'],
    [8, 'versionPriority', 'int32'],
  ],
  APIServiceStatus: [[1, 'conditions', 'APIServiceCondition', 'r']],
  ServiceReference: [
    [1, 'namespace', 'string'],
    [2, 'name', 'string'],
    [3, 'port', 'int32', 'p'],
  ],
};

const ATTRIBUTES_CLASSES: Readonly<Record<string, readonly ShortRow[]>> = {
  VolumeAttributesClass: [
    OBJECT_META,
    [2, 'driverName', 'string'],
    [3, 'parameters', 'string', 'm'],
  ],
  VolumeAttributesClassList: [LIST_META, [2, 'items', 'VolumeAttributesClass', 'r']],
};

const rowsByDefinition = new Map<string, readonly MessageRow[]>([
  ...expand(APIEXTENSIONS, CUSTOM_RESOURCES),
  ...expand(APIREGISTRATION, API_SERVICES),
  ...expand(STORAGE, ATTRIBUTES_CLASSES),
]);

function expand(
  prefix: string,
  messages: Readonly<Record<string, readonly ShortRow[]>>,
): [string, readonly MessageRow[]][] {
  return Object.entries(messages).map(([name, rows]) => [
    prefix + name,
    rows.map(([number, field, type, flags = '']): MessageRow => {
      const full = SCALARS.has(type) || type.includes('.') ? type : prefix + type;
      return [number, field, full, flags, ''];
    }),
  ]);
}

/** The fields of a definition's message, sorted by number; none for what has no message. */
export function rowsOf(definition: string): readonly MessageRow[] {
  let rows = rowsByDefinition.get(definition);
  if (rows === undefined) {
    rows = [...(messageOf(definition) ?? [])].sort(([a], [b]) => a - b);
    rowsByDefinition.set(definition, rows);
  }
  return rows;
}

/** A named list in Go, which protobuf can only write as a message around it: `ExtraValue`. */
export function isNamedList(rows: readonly MessageRow[]): boolean {
  const [only] = rows;
  return rows.length === 1 && only?.[1] === 'items' && only[2] === 'string';
}

/** Types of JSON that is one thing or another, and protobuf messages with a field for each. */
export const UNIONS = {
  json: `${APIEXTENSIONS}JSON`,
  schemaOrBool: `${APIEXTENSIONS}JSONSchemaPropsOrBool`,
  schemaOrArray: `${APIEXTENSIONS}JSONSchemaPropsOrArray`,
  schemaOrStrings: `${APIEXTENSIONS}JSONSchemaPropsOrStringArray`,
  schema: `${APIEXTENSIONS}JSONSchemaProps`,
} as const;
