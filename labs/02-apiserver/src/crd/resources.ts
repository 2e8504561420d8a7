// resources: what a CustomResourceDefinition adds to the server's table: one resource, in each of its versions.
//
// The stored version is what lies in the store; the others are the same fields under another apiVersion (conversion "None"). Each
// version has its own schema, columns, subresources and selectable fields. A stored version that is not served is in the table all the
// same, hidden, because the others stand on it.
//
// Same idea upstream: apiextensions-apiserver, pkg/apiserver/customresource_handler.go (getOrCreateServingInfoFor).
// Left out: conversion webhooks. A definition that asks for one is served as if it had said None.

import { ApiError } from '../api-error.ts';
import type { KubernetesObject } from '../client/resources.ts';
import { mutableCopy, type ReadonlyApiObject } from '../registry/api-object.ts';
import {
  ALL_VERBS,
  type ResourceDefinition,
  type SubresourceDefinition,
  type Verb,
} from '../registry/resource-definition.ts';
import { scaleHandler } from '../server/scale.ts';
import { statusSubresource } from '../server/subresources.ts';
import type { Strategy } from '../strategy/strategy.ts';
import { customResourceCodec, readFromStore } from './custom-resource-codec.ts';
import { customResourceStrategy } from './custom-resource-strategy.ts';
import {
  type CustomResourceDefinition,
  type CustomResourceDefinitionVersion,
  hasStatus,
  scaleOf,
  schemaOfVersion,
  storageVersionOf,
} from './definition.ts';
import { parseJsonPath, selectJsonPath } from './json-path.ts';
import { openApiDefinitions } from './openapi.ts';
import { printerOfVersion } from './printer.ts';
import { customScaleAccess } from './scale.ts';
import { compareVersions } from './version-order.ts';

const WINDOW_VERBS: readonly Verb[] = ['get', 'patch', 'update'];

/** What the resource asks of whoever serves it. */
export interface Serving {
  /** True once the definition is being deleted: nothing new may be made. */
  readonly isTerminating: () => boolean;
}

/** The preferred version first. Empty for a definition without a stored version, which is not valid. */
export function resourcesOf(
  definition: CustomResourceDefinition,
  serving: Serving,
): readonly ResourceDefinition[] {
  const { spec } = definition;
  const storage = storageVersionOf(spec);
  if (storage === undefined) return [];
  const stored = resourceOf(definition, storage, serving);
  const others = spec.versions
    .filter((version) => version !== storage && version.served)
    .map((version) => ({
      ...resourceOf(definition, version, serving),
      judgesItself: true,
      storedAs: { definition: stored, fromStorage: seenIn(version) },
    }));
  const own = storage.served ? stored : { ...stored, unserved: true as const };
  // The others must point to the very object that stands in the table.
  const pointed = others.map((one) => ({ ...one, storedAs: { ...one.storedAs, definition: own } }));
  return [own, ...pointed].sort((a, b) => compareVersions(a.version, b.version));
}

function resourceOf(
  { spec, status }: CustomResourceDefinition,
  version: CustomResourceDefinitionVersion,
  serving: Serving,
): ResourceDefinition {
  const { group } = spec;
  const names = status?.acceptedNames ?? spec.names;
  const { plural, kind, singular = kind.toLowerCase(), listKind = `${kind}List` } = names;
  const gvk = { group, version: version.name, kind };
  const schema = schemaOfVersion(version);
  const namespaced = spec.scope === 'Namespaced';
  return {
    ...gvk,
    resource: plural,
    singular,
    listKind,
    namespaced,
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    verbs: ALL_VERBS,
    subresources: subresourcesOf(version, kind),
    selectableFields: selectableFieldsOf(version),
    createOnUpdate: false,
    unconditionalUpdate: false,
    storagePrefix: `/registry/${group}/${plural}/`,
    strategy: refusing(customResourceStrategy({ version, namespaced }), gvk, plural, serving),
    printer: printerOfVersion(version),
    codec: customResourceCodec(gvk, schema),
    readStored: (object) => readFromStore(object, schema),
    openapi: (document) => openApiDefinitions({ ...gvk, plural, listKind }, schema, document),
    ...warningOf(version, gvk),
  };
}

/** Objects of the stored version as another version's schema sees them. */
function seenIn(version: CustomResourceDefinitionVersion) {
  const schema = schemaOfVersion(version);
  return (object: ReadonlyApiObject): KubernetesObject =>
    mutableCopy(readFromStore(object, schema));
}

/** What upstream answers while a definition's objects are being deleted. */
function refusing(
  strategy: Strategy,
  { group }: { group: string },
  resource: string,
  { isTerminating }: Serving,
): Strategy {
  return {
    ...strategy,
    prepareForCreate(object) {
      if (isTerminating()) {
        const message = 'create not allowed while custom resource definition is terminating';
        const details = { group, kind: resource };
        throw new ApiError('MethodNotAllowed', message, { details });
      }
      strategy.prepareForCreate(object);
    },
  };
}

function subresourcesOf(
  version: CustomResourceDefinitionVersion,
  kind: string,
): readonly SubresourceDefinition[] {
  const scale = scaleOf(version);
  return [
    ...(hasStatus(version)
      ? [{ name: 'status', kind, verbs: WINDOW_VERBS, handle: statusSubresource }]
      : []),
    ...(scale === undefined
      ? []
      : [
          {
            name: 'scale',
            kind: 'Scale',
            group: 'autoscaling',
            version: 'v1',
            verbs: WINDOW_VERBS,
            handle: scaleHandler(customScaleAccess(scale)),
          },
        ]),
  ];
}

function selectableFieldsOf(
  version: CustomResourceDefinitionVersion,
): ResourceDefinition['selectableFields'] {
  const fields = version.selectableFields ?? [];
  return Object.fromEntries(
    fields.map(({ jsonPath }) => {
      const path = parseJsonPath(jsonPath);
      const read = (object: ReadonlyApiObject): string => {
        const [value] = selectJsonPath(object, path);
        return value === undefined || value === null ? '' : String(value);
      };
      return [jsonPath.slice(1), read];
    }),
  );
}

function warningOf(
  { deprecated = false, deprecationWarning }: CustomResourceDefinitionVersion,
  { group, version, kind }: { group: string; version: string; kind: string },
): { warning?: string } {
  if (!deprecated) return {};
  return { warning: deprecationWarning ?? `${group}/${version} ${kind} is deprecated` };
}
