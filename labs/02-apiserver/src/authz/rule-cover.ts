// rule-cover: which rights does one list of rules give that another list does not?
//
// The second list is broken down into its smallest pieces: one group, one resource, one verb, one name. Each piece is either covered
// by a single rule of the first list or not at all; what is not covered is what is missing. The same question is asked twice: may
// somebody grant this role (escalation), and what must be added to a default role (reconciliation)?
//
// Same rule upstream: component-helpers, auth/rbac/validation/policy_comparator.go; pkg/registry/rbac/validation/policy_compact.go.

import type { PolicyRule } from 'kubernetes-types/rbac/v1';
import { pathMatches } from './rule-matcher.ts';

const ALL = '*';

/** The pieces of `wanted` that `held` does not cover; empty when everything is covered. */
export function uncoveredRules(
  held: readonly PolicyRule[],
  wanted: readonly PolicyRule[],
): PolicyRule[] {
  return wanted
    .flatMap(breakDown)
    .filter((piece) => !held.some((rule) => coversPiece(rule, piece)));
}

/** One verb, one group and one resource (with at most one name), or one verb and one path. */
function breakDown(rule: PolicyRule): PolicyRule[] {
  const pieces: PolicyRule[] = [];
  for (const group of rule.apiGroups ?? []) {
    for (const resource of rule.resources ?? []) {
      for (const verb of rule.verbs) pieces.push(...ofNames(rule, { group, resource, verb }));
    }
  }
  for (const path of rule.nonResourceURLs ?? []) {
    for (const verb of rule.verbs) pieces.push({ nonResourceURLs: [path], verbs: [verb] });
  }
  return pieces;
}

function ofNames(
  { resourceNames = [] }: PolicyRule,
  { group, resource, verb }: { group: string; resource: string; verb: string },
): PolicyRule[] {
  const piece = { apiGroups: [group], resources: [resource], verbs: [verb] };
  if (resourceNames.length === 0) return [piece];
  return resourceNames.map((name) => ({ ...piece, resourceNames: [name] }));
}

function coversPiece(rule: PolicyRule, piece: PolicyRule): boolean {
  return (
    coversAll(rule.verbs, piece.verbs) &&
    coversAll(rule.apiGroups, piece.apiGroups) &&
    coversResources(rule.resources, piece.resources) &&
    coversNames(rule.resourceNames, piece.resourceNames) &&
    (piece.nonResourceURLs ?? []).every((path) =>
      (rule.nonResourceURLs ?? []).some((pattern) => pathMatches(pattern, path)),
    )
  );
}

function coversAll(held: readonly string[] = [], wanted: readonly string[] = []): boolean {
  return held.includes(ALL) || wanted.every((value) => held.includes(value));
}

function coversResources(held: readonly string[] = [], wanted: readonly string[] = []): boolean {
  if (coversAll(held, wanted)) return true;
  return wanted.every((resource) => {
    const slash = resource.indexOf('/');
    return held.includes(resource) || (slash >= 0 && held.includes(`*${resource.slice(slash)}`));
  });
}

/** A rule without names covers every name; one with names never covers a right without. */
function coversNames(held: readonly string[] = [], wanted: readonly string[] = []): boolean {
  if (held.length === 0) return true;
  return wanted.length > 0 && wanted.every((name) => held.includes(name));
}

/** Puts the pieces of one resource together again, so that a person can read the list. */
export function compactRules(pieces: readonly PolicyRule[]): PolicyRule[] {
  const simple = new Map<string, PolicyRule>();
  const others: PolicyRule[] = [];
  for (const piece of pieces) {
    const key = simpleKey(piece);
    const found = key === undefined ? undefined : simple.get(key);
    if (found !== undefined) found.verbs.push(...piece.verbs);
    else if (key !== undefined) simple.set(key, { ...piece, verbs: [...piece.verbs] });
    else others.push(piece);
  }
  return [...others, ...simple.values()];
}

function simpleKey({ apiGroups = [], resources = [], ...rest }: PolicyRule): string | undefined {
  const special = (rest.resourceNames ?? []).length + (rest.nonResourceURLs ?? []).length > 0;
  if (special || apiGroups.length !== 1 || resources.length !== 1) return undefined;
  return `${apiGroups[0]}|${resources[0]}`;
}

/** `{APIGroups:["apps"], Resources:["deployments"], Verbs:["get" "list"]}`, as kubectl's users know it. */
export function describeRule(rule: PolicyRule): string {
  const parts = {
    APIGroups: rule.apiGroups,
    Resources: rule.resources,
    NonResourceURLs: rule.nonResourceURLs,
    ResourceNames: rule.resourceNames,
    Verbs: rule.verbs,
  };
  const shown = Object.entries(parts).flatMap(([name, values = []]) =>
    values.length === 0 ? [] : [`${name}:${quoteList(values)}`],
  );
  return `{${shown.join(', ')}}`;
}

/** As Go's %q shows a list of strings. */
export function quoteList(values: readonly string[]): string {
  return `[${values.map((value) => JSON.stringify(value)).join(' ')}]`;
}
