// authentication: the resources of the group authentication.k8s.io: who somebody is; nothing of it is stored.
//
// Same facts upstream: registry/authentication/rest/storage_authentication.go.

import { selfSubjectReviews, tokenReviews } from '../../server/identity-reviews.ts';
import type { ResourceDefinition, Verb } from '../resource-definition.ts';
import { define } from './define.ts';

const group = 'authentication.k8s.io';
const verbs: readonly Verb[] = ['create'];

export const AUTHENTICATION_RESOURCES: readonly ResourceDefinition[] = [
  define('SelfSubjectReview', 'selfsubjectreviews', {
    group,
    verbs,
    namespaced: false,
    handle: selfSubjectReviews,
  }),
  define('TokenReview', 'tokenreviews', { group, verbs, namespaced: false, handle: tokenReviews }),
];
