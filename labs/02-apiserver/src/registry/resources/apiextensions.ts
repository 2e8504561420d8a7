// apiextensions: the resources of the group apiextensions.k8s.io, v1: kinds that somebody declares at run time.
//
// Same facts upstream: apiextensions-apiserver, pkg/apiserver/apiserver.go.

import type { ResourceDefinition } from '../resource-definition.ts';
import { define } from './define.ts';

export const APIEXTENSIONS_RESOURCES: readonly ResourceDefinition[] = [
  // None can be made in this step. kubectl lists them for every kind that it does not find, to tell people what is missing.
  define('CustomResourceDefinition', 'customresourcedefinitions', {
    group: 'apiextensions.k8s.io',
    namespaced: false,
    storagePrefix: '/registry/apiextensions.k8s.io/customresourcedefinitions/',
    shortNames: ['crd', 'crds'],
    verbs: ['get', 'list', 'watch'],
  }),
];
