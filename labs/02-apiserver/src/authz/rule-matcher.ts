// rule-matcher: does one RBAC rule allow one request?
//
// All parts of a rule must fit: verb, API group, resource, name. `*` stands for every value; `*/scale` for the subresource scale of
// every resource. A rule for `pods` says nothing about `pods/log`. A rule with names does not fit a request without a name, so a
// create and a list are never allowed by it (a list can be: its field selector may ask for one name).
// A rule for paths compares whole paths; only a `*` at the end is a wildcard.
//
// Same rule upstream: plugin/pkg/auth/authorizer/rbac/rbac.go and pkg/apis/rbac/v1/evaluation_helpers.go.

import type { PolicyRule } from 'kubernetes-types/rbac/v1';
import type { Attributes, ResourceAttributes } from './authorizer.ts';

const ALL = '*';

export function ruleAllows(rule: PolicyRule, attributes: Attributes): boolean {
  if (!hasOrAll(rule.verbs, attributes.verb)) return false;
  return attributes.kind === 'path'
    ? (rule.nonResourceURLs ?? []).some((pattern) => pathMatches(pattern, attributes.path))
    : resourceAllowed(rule, attributes);
}

/** True when any of the rules allows it. */
export function rulesAllow(rules: readonly PolicyRule[], attributes: Attributes): boolean {
  return rules.some((rule) => ruleAllows(rule, attributes));
}

function resourceAllowed(rule: PolicyRule, attributes: ResourceAttributes): boolean {
  return (
    hasOrAll(rule.apiGroups, attributes.group) &&
    resourceMatches(rule.resources, attributes) &&
    nameMatches(rule.resourceNames, attributes.name)
  );
}

function hasOrAll(values: readonly string[] | undefined, wanted: string): boolean {
  return values !== undefined && (values.includes(wanted) || values.includes(ALL));
}

function resourceMatches(
  resources: readonly string[] | undefined,
  { resource, subresource }: ResourceAttributes,
): boolean {
  if (resources === undefined) return false;
  if (subresource === '') return resources.includes(resource) || resources.includes(ALL);
  return (
    resources.includes(`${resource}/${subresource}`) ||
    resources.includes(ALL) ||
    resources.includes(`*/${subresource}`)
  );
}

function nameMatches(names: readonly string[] | undefined, wanted: string): boolean {
  return names === undefined || names.length === 0 || names.includes(wanted);
}

/** `/api/*` covers everything below `/api/`; a star anywhere else is an ordinary character. */
export function pathMatches(pattern: string, path: string): boolean {
  if (pattern === ALL || pattern === path) return true;
  return pattern.endsWith(ALL) && path.startsWith(trimStars(pattern));
}

function trimStars(pattern: string): string {
  let end = pattern.length;
  while (pattern[end - 1] === ALL) end -= 1;
  return pattern.slice(0, end);
}
