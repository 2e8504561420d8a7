// access-reviews: POST of a review of access: the question is decoded, answered, and sent back with its answer.
//
// Same idea upstream: pkg/registry/authorization/*/rest.go.

import type {
  LocalSubjectAccessReview,
  SelfSubjectAccessReview,
  SelfSubjectRulesReview,
  SubjectAccessReview,
} from 'kubernetes-types/authorization/v1';
import {
  reviewLocalSubjectAccess,
  reviewSelfAccess,
  reviewSelfRules,
  reviewSubjectAccess,
} from '../authz/reviews.ts';
import { alwaysAllow } from '../authz/union.ts';
import type { ResourceHandler } from './handler.ts';
import type { RequestContext } from './request-context.ts';
import { bodyOf, fieldValidationOf, negotiated } from './request-context.ts';
import { send } from './responses.ts';
import { checkNamespace } from './write-checks.ts';

export const subjectAccessReviews: ResourceHandler = (context, { authorizer = alwaysAllow }) =>
  answer<SubjectAccessReview>(context, (review) => reviewSubjectAccess(review, authorizer));

export const localSubjectAccessReviews: ResourceHandler = (
  context,
  { authorizer = alwaysAllow },
) => {
  const { namespace = '' } = context.info;
  return answer<LocalSubjectAccessReview>(context, (review) =>
    reviewLocalSubjectAccess(review, namespace, authorizer),
  );
};

export const selfSubjectAccessReviews: ResourceHandler = (context, { authorizer = alwaysAllow }) =>
  answer<SelfSubjectAccessReview>(context, (review) =>
    reviewSelfAccess(review, context.user, authorizer),
  );

export const selfSubjectRulesReviews: ResourceHandler = (context, { authorizer = alwaysAllow }) =>
  answer<SelfSubjectRulesReview>(context, (review) =>
    reviewSelfRules(review, context.user, authorizer),
  );

async function answer<T>(context: RequestContext, review: (object: T) => T): Promise<void> {
  const { request, response, served, info } = context;
  const { kind } = served.definition;
  const { bytes, contentType } = await bodyOf(context);
  const { object, warnings } = served.codec.decode(bytes, contentType, fieldValidationOf(context));
  checkNamespace(object, info.namespace);
  // The path says the namespace when the body does not.
  const home = info.namespace === undefined ? {} : { namespace: info.namespace };
  const metadata = { ...home, ...object.metadata };
  const reviewed = review({ ...object, metadata } as T) as object;
  const body = { ...reviewed, kind, apiVersion: served.apiVersion };
  const { encoding } = negotiated(context);
  await send(request, response, { status: 201, body, encoding, warnings });
}
