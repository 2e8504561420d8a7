// reviews: "may somebody do this?" as objects of the API, which are answered and not stored.
//
//   SubjectAccessReview        about anybody        (who may ask that is itself a question of rights)
//   LocalSubjectAccessReview   about anybody, in one namespace, so that it can be granted there
//   SelfSubjectAccessReview    about oneself: kubectl auth can-i
//   SelfSubjectRulesReview     all that oneself may do in a namespace: kubectl auth can-i --list
//
// Pure: takes the object as decoded, gives it back with its status, or throws what is wrong with it.
// Same rule upstream: pkg/registry/authorization/* and pkg/apis/authorization/validation.

import type {
  LocalSubjectAccessReview,
  ResourceAttributes as ReviewedResource,
  SelfSubjectAccessReview,
  SelfSubjectAccessReviewSpec,
  SelfSubjectRulesReview,
  SubjectAccessReview,
  SubjectAccessReviewSpec,
  SubjectAccessReviewStatus,
} from 'kubernetes-types/authorization/v1';
import type { ObjectMeta } from 'kubernetes-types/meta/v1';
import { badRequest } from '../api-error.ts';
import { sameValue } from '../strategy/equality.ts';
import { type FieldError, invalid, invalidValue } from '../strategy/field-error.ts';
import type {
  Attributes,
  Authorizer,
  FieldRequirement,
  RuleResolver,
  Subject,
} from './authorizer.ts';
import { fieldRequirements } from './request-attributes.ts';

/** Of 1.31 and later; the types of the package are older. The schema has checked it. */
interface FieldSelectorRequirement {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
}
interface WithFieldSelector extends ReviewedResource {
  readonly fieldSelector?: {
    readonly rawSelector?: string;
    readonly requirements?: readonly FieldSelectorRequirement[];
  };
}

const GROUP = 'authorization.k8s.io';
const VERSION = 'v1';

export function reviewSubjectAccess(
  review: SubjectAccessReview,
  authorizer: Authorizer,
): SubjectAccessReview {
  const errors = [...subjectErrors(review.spec), ...metadataErrors(review.metadata)];
  check('SubjectAccessReview', errors);
  const { spec } = review;
  return { ...review, status: statusOf(authorizer, attributesOf(userOf(spec), spec)) };
}

/** `namespace` is that of the request's path. */
export function reviewLocalSubjectAccess(
  review: LocalSubjectAccessReview,
  namespace: string,
  authorizer: Authorizer,
): LocalSubjectAccessReview {
  const { spec, metadata } = review;
  const here = metadata?.namespace ?? '';
  const about = spec.resourceAttributes?.namespace ?? '';
  const errors = [...subjectErrors(spec), ...localMetadataErrors(metadata)];
  if (spec.resourceAttributes !== undefined && about !== here) {
    const field = 'spec.resourceAttributes.namespace';
    errors.push(invalidValue(field, about, 'must match metadata.namespace'));
  }
  if (spec.nonResourceAttributes !== undefined) {
    const detail = 'disallowed on this kind of request';
    errors.push(invalidValue('spec.nonResourceAttributes', spec.nonResourceAttributes, detail));
  }
  check('LocalSubjectAccessReview', errors);
  if (namespace !== here) {
    throw badRequest(`spec.resourceAttributes.namespace must match namespace: ${namespace}`);
  }
  return { ...review, status: statusOf(authorizer, attributesOf(userOf(spec), spec)) };
}

export function reviewSelfAccess(
  review: SelfSubjectAccessReview,
  user: Subject,
  authorizer: Authorizer,
): SelfSubjectAccessReview {
  const errors = [...attributeErrors(review.spec), ...metadataErrors(review.metadata)];
  check('SelfSubjectAccessReview', errors);
  return { ...review, status: statusOf(authorizer, attributesOf(user, review.spec)) };
}

export function reviewSelfRules(
  review: SelfSubjectRulesReview,
  user: Subject,
  resolver: RuleResolver,
): SelfSubjectRulesReview {
  const namespace = review.spec.namespace ?? '';
  if (namespace === '') throw badRequest('no namespace on request');
  const { resourceRules, nonResourceRules, incomplete, errors } = resolver.rulesFor(
    user,
    namespace,
  );
  return {
    ...review,
    // As upstream: the answer does not repeat the question.
    spec: {},
    status: {
      resourceRules: resourceRules.map((rule) => ({
        verbs: [...rule.verbs],
        apiGroups: [...rule.apiGroups],
        resources: [...rule.resources],
        ...(rule.resourceNames === undefined ? {} : { resourceNames: [...rule.resourceNames] }),
      })),
      nonResourceRules: nonResourceRules.map(({ verbs, nonResourceURLs }) => ({
        verbs: [...verbs],
        nonResourceURLs: [...nonResourceURLs],
      })),
      incomplete,
      ...(errors.length === 0 ? {} : { evaluationError: errors.join(', ') }),
    },
  };
}

function statusOf(
  authorizer: Authorizer,
  { attributes, complaint }: Question,
): SubjectAccessReviewStatus {
  const { decision, reason } = authorizer.authorize(attributes);
  return {
    allowed: decision === 'allow',
    ...(decision === 'deny' ? { denied: true } : {}),
    ...(reason === '' ? {} : { reason }),
    ...(complaint === '' ? {} : { evaluationError: complaint }),
  };
}

interface Question {
  readonly attributes: Attributes;
  /** What of the question could not be understood; the rest is answered. */
  readonly complaint: string;
}

function attributesOf(user: Subject, spec: SelfSubjectAccessReviewSpec): Question {
  const { resourceAttributes: asked, nonResourceAttributes: path = {} } = spec;
  if (asked === undefined) {
    const { verb = '', path: text = '' } = path;
    return { attributes: { kind: 'path', user, verb, path: text }, complaint: '' };
  }
  const { requirements, complaint } = selectorOf(asked);
  const attributes: Attributes = {
    kind: 'resource',
    user,
    verb: asked.verb ?? '',
    group: asked.group ?? '',
    version: asked.version || '*',
    resource: asked.resource ?? '',
    subresource: asked.subresource ?? '',
    namespace: asked.namespace ?? '',
    name: asked.name ?? '',
    ...(requirements.length === 0 ? {} : { fieldSelector: requirements }),
  };
  return { attributes, complaint };
}

/** Requirements that nobody understands are left out: the question is then a broader one, and the answer safe. */
function selectorOf({ fieldSelector }: WithFieldSelector): {
  requirements: readonly FieldRequirement[];
  complaint: string;
} {
  const { rawSelector = '', requirements: listed = [] } = fieldSelector ?? {};
  const field = 'spec.resourceAttributes.fieldSelector';
  if (listed.length === 0) {
    const read = fieldRequirements(rawSelector);
    const failed = rawSelector.trim() !== '' && read.length === 0;
    return {
      requirements: read,
      complaint: failed ? `${field} ignored due to parse error` : '',
    };
  }
  const requirements = listed.flatMap(requirementOf);
  if (requirements.length === listed.length) return { requirements, complaint: '' };
  const how = requirements.length === 0 ? 'ignored' : 'partially ignored';
  return { requirements, complaint: `${field} ${how} due to parse error` };
}

function requirementOf({
  key,
  operator,
  values = [],
}: FieldSelectorRequirement): FieldRequirement[] {
  const [value] = values;
  if (value === undefined || values.length > 1) return [];
  if (operator === 'In') return [{ field: key, operator: '=', value }];
  return operator === 'NotIn' ? [{ field: key, operator: '!=', value }] : [];
}

function userOf({ user = '', groups = [] }: SubjectAccessReviewSpec): Subject {
  return { name: user, groups };
}

function subjectErrors(spec: SubjectAccessReviewSpec): FieldError[] {
  const nobody = (spec.user ?? '') === '' && (spec.groups ?? []).length === 0;
  const detail = 'at least one of user or group must be specified';
  return [...attributeErrors(spec), ...(nobody ? [invalidValue('spec.user', '', detail)] : [])];
}

function attributeErrors(spec: SelfSubjectAccessReviewSpec): FieldError[] {
  const { resourceAttributes, nonResourceAttributes } = spec;
  if (resourceAttributes !== undefined && nonResourceAttributes !== undefined) {
    const detail = 'cannot be specified in combination with resourceAttributes';
    return [invalidValue('spec.nonResourceAttributes', nonResourceAttributes, detail)];
  }
  if (resourceAttributes !== undefined || nonResourceAttributes !== undefined) return [];
  const detail = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';
  return [invalidValue('spec.resourceAttributes', undefined, detail)];
}

function metadataErrors({ managedFields: _, ...rest }: ObjectMeta = {}): FieldError[] {
  return isEmpty(rest) ? [] : [invalidValue('metadata', rest, 'must be empty')];
}

function localMetadataErrors(metadata: ObjectMeta = {}): FieldError[] {
  const { managedFields: _, namespace: _n, ...rest } = metadata;
  const detail = 'must be empty except for namespace';
  return isEmpty(rest) ? [] : [invalidValue('metadata', rest, detail)];
}

/** Clients written in Go send `creationTimestamp: null` with every object. */
function isEmpty(metadata: object): boolean {
  return Object.values(metadata).every((value) => sameValue(value, undefined));
}

function check(kind: string, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalid({ group: GROUP, version: VERSION, kind }, '', errors);
}
