// RbacAuthorizer: allows what the rules of a user's roles allow, and has no opinion on anything else.
//
// Same idea upstream: plugin/pkg/auth/authorizer/rbac/rbac.go.

import type { Subject as BindingSubject, PolicyRule } from 'kubernetes-types/rbac/v1';
import {
  type Attributes,
  type AuthorizerAndRules,
  type Decision,
  NO_OPINION,
  type RuleList,
  type Subject,
} from './authorizer.ts';
import { type AppliedBinding, missingRole, type RbacIndex } from './rbac-index.ts';
import { rulesAllow } from './rule-matcher.ts';

export class RbacAuthorizer implements AuthorizerAndRules {
  readonly #index: RbacIndex;

  constructor(index: RbacIndex) {
    this.#index = index;
  }

  authorize(attributes: Attributes): Decision {
    const namespace = attributes.kind === 'resource' ? attributes.namespace : '';
    const missing: string[] = [];
    for (const applied of this.#index.bindingsOf(attributes.user, namespace)) {
      const { roleRef } = applied.binding;
      const rules = this.#index.rulesOf(roleRef, applied.namespace);
      if (rules === undefined) missing.push(missingRole(roleRef));
      else if (rulesAllow(rules, attributes)) {
        return { decision: 'allow', reason: `RBAC: allowed by ${describe(applied)}` };
      }
    }
    return missing.length === 0
      ? NO_OPINION
      : { decision: 'none', reason: `RBAC: ${aggregate(missing)}` };
  }

  rulesFor(user: Subject, namespace: string): RuleList {
    const { rules, errors } = this.#index.rulesFor(user, namespace);
    return { ...splitRules(rules), incomplete: false, errors };
  }
}

/** Rules for resources and rules for paths, apart, as the reviews list them. */
export function splitRules(
  rules: readonly PolicyRule[],
): Pick<RuleList, 'resourceRules' | 'nonResourceRules'> {
  return {
    resourceRules: rules.flatMap(({ verbs, apiGroups = [], resources = [], resourceNames }) =>
      resources.length === 0
        ? []
        : [{ verbs, apiGroups, resources, ...(resourceNames?.length ? { resourceNames } : {}) }],
    ),
    nonResourceRules: rules.flatMap(({ verbs, nonResourceURLs = [] }) =>
      nonResourceURLs.length === 0 ? [] : [{ verbs, nonResourceURLs }],
    ),
  };
}

function describe({ binding, namespace, subject }: AppliedBinding): string {
  const { kind, roleRef, metadata } = binding;
  const name = namespace === '' ? metadata?.name : `${metadata?.name}/${namespace}`;
  const who = describeSubject(subject, namespace);
  return `${kind} ${JSON.stringify(name)} of ${roleRef.kind} ${JSON.stringify(roleRef.name)} to ${who}`;
}

/** Upstream writes NAME/NAMESPACE here. */
function describeSubject(
  { kind, name, namespace }: BindingSubject,
  bindingNamespace: string,
): string {
  const full = kind === 'ServiceAccount' ? `${name}/${namespace || bindingNamespace}` : name;
  return `${kind} ${JSON.stringify(full)}`;
}

/** As Go joins several errors into one. */
export function aggregate(errors: readonly string[]): string {
  const once = [...new Set(errors)];
  return once.length === 1 ? once.join() : `[${once.join(', ')}]`;
}
