// authorizer: the question "may this user do this?", and who answers it.
//
// Attributes are what is asked: who, which verb, on what. An Authorizer answers `allow`, `deny`, or `none` when it has nothing to
// say. Of several the first that is not silent decides (`unionAuthorizer`); a request about which all are silent is refused.
// `deny` is for those who must have the last word; RBAC and the Node authorizer never use it, so they only add rights.
//
// A RuleResolver lists what a user may do, for `kubectl auth can-i --list`. It is allowed to be incomplete and says so.
//
// Same idea upstream: apiserver, pkg/authorization/authorizer/interfaces.go. Left out: conditions, label selectors.

/** Of the user only what authorization looks at. */
export interface Subject {
  readonly name: string;
  readonly groups: readonly string[];
}

/** One requirement of a field selector, as far as an authorizer understands it. */
export interface FieldRequirement {
  readonly field: string;
  readonly operator: '=' | '!=';
  readonly value: string;
}

/** A request for an object or a collection. Absent parts are the empty string, as upstream. */
export interface ResourceAttributes {
  readonly kind: 'resource';
  readonly user: Subject;
  /** get, list, watch, create, update, patch, delete, deletecollection, and whatever else a rule may name. */
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  /** Of a list or a watch: the name that its field selector asks for. */
  readonly name: string;
  readonly fieldSelector?: readonly FieldRequirement[];
}

/** A request for a path that is no resource: /version, /metrics. The verb is the method in lower case. */
export interface PathAttributes {
  readonly kind: 'path';
  readonly user: Subject;
  readonly verb: string;
  readonly path: string;
}

export type Attributes = ResourceAttributes | PathAttributes;

export interface Decision {
  readonly decision: 'allow' | 'deny' | 'none';
  /** Why; for people. Empty when there is nothing to tell. */
  readonly reason: string;
}

export interface Authorizer {
  authorize(attributes: Attributes): Decision;
}

export interface ResourceRule {
  readonly verbs: readonly string[];
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
}

export interface NonResourceRule {
  readonly verbs: readonly string[];
  readonly nonResourceURLs: readonly string[];
}

export interface RuleList {
  readonly resourceRules: readonly ResourceRule[];
  readonly nonResourceRules: readonly NonResourceRule[];
  /** The user may be allowed more than the rules say. */
  readonly incomplete: boolean;
  readonly errors: readonly string[];
}

export interface RuleResolver {
  rulesFor(user: Subject, namespace: string): RuleList;
}

export type AuthorizerAndRules = Authorizer & RuleResolver;

export const NO_OPINION: Decision = { decision: 'none', reason: '' };
export const ALLOWED: Decision = { decision: 'allow', reason: '' };

/** The group that may do everything, whatever the authorizers say. */
export const MASTERS_GROUP = 'system:masters';
