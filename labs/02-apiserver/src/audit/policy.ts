// Audit policy: which requests are written down, and how much of each.
//
//   None < Metadata (who, what, when, the answer's code) < Request (and the body) < RequestResponse (and the answer)
// The first rule that matches decides; a request that no rule matches is not written down. A rule that names namespaces or resources
// is about objects, one that names nonResourceURLs is about other paths, and one that names neither is about all.
// Pure: attributes in, decision out.
// Upstream: apiserver, pkg/audit/policy (reader.go, checker.go) and pkg/apis/audit/validation.
import { parse } from 'yaml';

export const LEVELS = ['None', 'Metadata', 'Request', 'RequestResponse'] as const;
export type Level = (typeof LEVELS)[number];

export const STAGES = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'] as const;
export type Stage = (typeof STAGES)[number];

/** What the policy looks at. */
export interface AuditAttributes {
  readonly user: { readonly name: string; readonly groups: readonly string[] };
  readonly verb: string;
  readonly isResourceRequest: boolean;
  readonly namespace: string;
  readonly apiGroup: string;
  readonly resource: string;
  readonly subresource: string;
  readonly name: string;
  readonly path: string;
}

export interface GroupResources {
  readonly group?: string;
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
}

export interface PolicyRule {
  readonly level: Level;
  readonly users?: readonly string[];
  readonly userGroups?: readonly string[];
  readonly verbs?: readonly string[];
  readonly resources?: readonly GroupResources[];
  readonly namespaces?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
  readonly omitStages?: readonly Stage[];
  readonly omitManagedFields?: boolean;
}

export interface Policy {
  readonly rules: readonly PolicyRule[];
  readonly omitStages?: readonly Stage[];
  readonly omitManagedFields?: boolean;
}

export interface AuditDecision {
  readonly level: Level;
  readonly omitStages: readonly Stage[];
  readonly omitManagedFields: boolean;
}

const API_VERSION = 'audit.k8s.io/v1';
const NOT_AUDITED: AuditDecision = { level: 'None', omitStages: [], omitManagedFields: false };

export function decide(policy: Policy, attributes: AuditAttributes): AuditDecision {
  const rule = policy.rules.find((candidate) => matches(candidate, attributes));
  if (rule === undefined) return NOT_AUDITED;
  return {
    level: rule.level,
    omitStages: [...(policy.omitStages ?? []), ...(rule.omitStages ?? [])],
    omitManagedFields: rule.omitManagedFields ?? policy.omitManagedFields ?? false,
  };
}

function matches(rule: PolicyRule, attributes: AuditAttributes): boolean {
  const { users = [], userGroups = [], verbs = [], namespaces = [], resources = [] } = rule;
  const { nonResourceURLs = [] } = rule;
  const { user, verb } = attributes;
  if (users.length > 0 && !users.includes(user.name)) return false;
  if (userGroups.length > 0 && !userGroups.some((group) => user.groups.includes(group)))
    return false;
  if (verbs.length > 0 && !verbs.includes(verb)) return false;
  if (namespaces.length > 0 || resources.length > 0) {
    return attributes.isResourceRequest && matchesResource({ namespaces, resources }, attributes);
  }
  if (nonResourceURLs.length === 0) return true;
  return (
    !attributes.isResourceRequest &&
    nonResourceURLs.some((pattern) => matchesPath(pattern, attributes.path))
  );
}

function matchesResource(
  { namespaces, resources }: Required<Pick<PolicyRule, 'namespaces' | 'resources'>>,
  { namespace, apiGroup, resource, subresource, name }: AuditAttributes,
): boolean {
  // '' stands for objects without a namespace.
  if (namespaces.length > 0 && !namespaces.includes(namespace)) return false;
  if (resources.length === 0) return true;
  const names = subresource === '' ? [resource] : [`${resource}/${subresource}`];
  const patterns =
    subresource === '' ? ['*', ...names] : ['*', ...names, `${resource}/*`, `*/${subresource}`];
  return resources.some((entry) => {
    if ((entry.group ?? '') !== apiGroup) return false;
    const { resources: wanted = [], resourceNames = [] } = entry;
    if (resourceNames.length > 0 && !resourceNames.includes(name)) return false;
    return wanted.length === 0 || wanted.some((pattern) => patterns.includes(pattern));
  });
}

/** `/healthz*` and `*`: a star at the end stands for any rest. */
function matchesPath(pattern: string, path: string): boolean {
  return pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : path === pattern;
}

/** Throws an Error that names the file, the field and what is wrong. */
export function readAuditPolicy(text: string, file: string): Policy {
  const refuse = (reason: string): never => {
    throw new Error(`cannot read the audit policy ${file}: ${reason}`);
  };
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 0 });
  } catch (error) {
    refuse((error as Error).message.split('\n', 1)[0] ?? '');
  }
  const policy = (value ?? {}) as Policy & { apiVersion?: string; kind?: string };
  if (policy.apiVersion !== API_VERSION || policy.kind !== 'Policy') {
    const found = `${policy.apiVersion ?? ''} ${policy.kind ?? ''}`.trim() || 'neither of them';
    refuse(`it must have apiVersion ${API_VERSION} and kind Policy, it has ${found}`);
  }
  if (!Array.isArray(policy.rules) || policy.rules.length === 0) {
    refuse('rules: Required value: a policy without rules writes nothing down');
  }
  const errors = [
    ...checkStages(policy.omitStages, 'omitStages'),
    ...policy.rules.flatMap((rule, i) => checkRule(rule, `rules[${i}]`)),
  ];
  if (errors.length > 0) refuse(errors.join('; '));
  return policy;
}

function checkRule(rule: PolicyRule, at: string): readonly string[] {
  const errors = [...checkStages(rule.omitStages, `${at}.omitStages`)];
  const { level, resources = [], namespaces = [], nonResourceURLs = [] } = rule;
  if (!LEVELS.includes(level)) {
    const supported = LEVELS.map((known) => JSON.stringify(known)).join(', ');
    errors.push(
      `${at}.level: Unsupported value: ${JSON.stringify(level ?? '')}: supported values: ${supported}`,
    );
  }
  if (nonResourceURLs.length > 0 && (resources.length > 0 || namespaces.length > 0)) {
    errors.push(
      `${at}.nonResourceURLs: Invalid value: ${JSON.stringify(nonResourceURLs)}: rules cannot apply to both regular resources and non-resource URLs`,
    );
  }
  for (const [i, url] of nonResourceURLs.entries()) {
    if (url === '*') continue;
    if (!url.startsWith('/')) {
      errors.push(
        `${at}.nonResourceURLs[${i}]: Invalid value: ${JSON.stringify(url)}: non-resource URL rules must begin with a '/' character`,
      );
    }
    if (url.slice(0, -1).includes('*')) {
      errors.push(
        `${at}.nonResourceURLs[${i}]: Invalid value: ${JSON.stringify(url)}: non-resource URL wildcards '*' must be the final character of the rule`,
      );
    }
  }
  for (const [
    i,
    { group = '', resourceNames = [], resources: names = [] },
  ] of resources.entries()) {
    // A version does not belong here: the group is of all its versions.
    if (group.includes('/')) {
      errors.push(
        `${at}.resources[${i}].group: Invalid value: ${JSON.stringify(group)}: must be a group without its version`,
      );
    }
    if (resourceNames.length > 0 && names.length === 0) {
      errors.push(
        `${at}.resources[${i}].resourceNames: Invalid value: ${JSON.stringify(resourceNames)}: using resourceNames requires at least one resource`,
      );
    }
  }
  return errors;
}

function checkStages(stages: readonly Stage[] = [], at: string): readonly string[] {
  const allowed = STAGES.map((stage) => stage).join(',');
  return stages.flatMap((stage, i) =>
    STAGES.includes(stage)
      ? []
      : [`${at}[${i}]: Invalid value: ${JSON.stringify(stage)}: allowed stages are ${allowed}`],
  );
}
