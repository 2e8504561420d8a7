// apiextensions: the resources of the group apiextensions.k8s.io, v1: kinds that somebody declares at run time.
//
// Same facts upstream: apiextensions-apiserver, pkg/apiserver/apiserver.go.

import { customResourceDefinitionCodec } from '../../crd/definition-codec.ts';
import { customResourceDefinitionStrategy } from '../../crd/definition-strategy.ts';
import type { ResourceDefinition } from '../resource-definition.ts';
import { define, status } from './define.ts';

export const APIEXTENSIONS_RESOURCES: readonly ResourceDefinition[] = [
  define('CustomResourceDefinition', 'customresourcedefinitions', {
    group: 'apiextensions.k8s.io',
    namespaced: false,
    storagePrefix: '/registry/apiextensions.k8s.io/customresourcedefinitions/',
    shortNames: ['crd', 'crds'],
    categories: ['api-extensions'],
    subresources: [status('CustomResourceDefinition')],
    unconditionalUpdate: false,
    strategy: customResourceDefinitionStrategy,
    codec: customResourceDefinitionCodec,
  }),
];
