// authorization: the resources of the group authorization.k8s.io: who may do what; nothing of it is stored.
//
// Same facts upstream: registry/authorization/rest/storage_authorization.go.

import {
  localSubjectAccessReviews,
  selfSubjectAccessReviews,
  selfSubjectRulesReviews,
  subjectAccessReviews,
} from '../../server/access-reviews.ts';
import type { ResourceDefinition, Verb } from '../resource-definition.ts';
import { define } from './define.ts';

const group = 'authorization.k8s.io';
const verbs: readonly Verb[] = ['create'];

export const AUTHORIZATION_RESOURCES: readonly ResourceDefinition[] = [
  define('LocalSubjectAccessReview', 'localsubjectaccessreviews', {
    group,
    verbs,
    handle: localSubjectAccessReviews,
  }),
  define('SelfSubjectAccessReview', 'selfsubjectaccessreviews', {
    group,
    verbs,
    namespaced: false,
    handle: selfSubjectAccessReviews,
  }),
  define('SelfSubjectRulesReview', 'selfsubjectrulesreviews', {
    group,
    verbs,
    namespaced: false,
    handle: selfSubjectRulesReviews,
  }),
  define('SubjectAccessReview', 'subjectaccessreviews', {
    group,
    verbs,
    namespaced: false,
    handle: subjectAccessReviews,
  }),
];
