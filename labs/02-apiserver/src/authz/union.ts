// union: several authorizers as one, and the simple ones: always, never, for some paths, for the cluster's masters.
//
// The order is that of --authorization-mode, with two before it: the group system:masters may do everything (so a cluster whose
// roles are broken can be mended), and the paths of --authorization-always-allow-paths are open (so a probe needs no credentials).
//
// Same idea upstream: apiserver, pkg/authorization/{union,path,authorizerfactory}.

import {
  ALLOWED,
  type Attributes,
  type Authorizer,
  type AuthorizerAndRules,
  type Decision,
  MASTERS_GROUP,
  NO_OPINION,
  type RuleList,
  type Subject,
} from './authorizer.ts';

const NO_RULES: RuleList = {
  resourceRules: [],
  nonResourceRules: [],
  incomplete: false,
  errors: [],
};

const EVERYTHING: RuleList = {
  resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
  nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
  incomplete: false,
  errors: [],
};

/** The first one that allows or denies decides; the reasons of the silent ones are told together. */
export function unionAuthorizer(authorizers: readonly AuthorizerAndRules[]): AuthorizerAndRules {
  return {
    authorize(attributes) {
      const reasons: string[] = [];
      for (const authorizer of authorizers) {
        const decision = authorizer.authorize(attributes);
        if (decision.decision !== 'none') return decision;
        if (decision.reason !== '') reasons.push(decision.reason);
      }
      return { decision: 'none', reason: reasons.join('\n') };
    },
    rulesFor(user, namespace) {
      const lists = authorizers.map((authorizer) => authorizer.rulesFor(user, namespace));
      return {
        resourceRules: lists.flatMap(({ resourceRules }) => resourceRules),
        nonResourceRules: lists.flatMap(({ nonResourceRules }) => nonResourceRules),
        incomplete: lists.some(({ incomplete }) => incomplete),
        errors: lists.flatMap(({ errors }) => errors),
      };
    },
  };
}

export const alwaysAllow: AuthorizerAndRules = {
  authorize: () => ALLOWED,
  rulesFor: () => EVERYTHING,
};

export const alwaysDeny: AuthorizerAndRules = {
  authorize: () => ({ decision: 'none', reason: 'Everything is forbidden.' }),
  rulesFor: () => NO_RULES,
};

/** Upstream's privileged group. It lists no rules of its own: the default binding of cluster-admin does. */
export const masters: AuthorizerAndRules = {
  authorize: ({ user }) => (isMaster(user) ? ALLOWED : NO_OPINION),
  rulesFor: () => NO_RULES,
};

export function isMaster({ groups }: Subject): boolean {
  return groups.includes(MASTERS_GROUP);
}

/** Opens paths that are no resources; `/healthz` only itself, `/healthz/*` all below it. */
export function pathAuthorizer(patterns: readonly string[]): AuthorizerAndRules {
  const exact = new Set<string>();
  const prefixes: string[] = [];
  for (const pattern of patterns) {
    // Upstream takes a star only as the last character, and a leading slash or none.
    const path = pattern.replace(/^\//, '');
    if (!path.includes('*')) exact.add(path);
    else if (path.indexOf('*') === path.length - 1) prefixes.push(path.slice(0, -1));
    else throw new Error(`Cannot always allow path "${pattern}": only trailing * is allowed`);
  }
  const authorize = (attributes: Attributes): Decision => {
    if (attributes.kind !== 'path') return NO_OPINION;
    const path = attributes.path.replace(/^\//, '');
    const open = exact.has(path) || prefixes.some((prefix) => path.startsWith(prefix));
    return open ? ALLOWED : NO_OPINION;
  };
  return { authorize, rulesFor: () => NO_RULES };
}

/** True when this authorizer, asked alone, says yes. */
export function isAllowed(authorizer: Authorizer, attributes: Attributes): boolean {
  return authorizer.authorize(attributes).decision === 'allow';
}
