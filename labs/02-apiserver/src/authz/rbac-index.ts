// RbacIndex: who is bound to which role, kept so that a request asks only for its own user and groups.
//
//   subject → bindings    of the whole cluster, and of each namespace
//   role    → rules       as they are now; a binding may come before its role, and stay when the role goes
//
// A request looks at the bindings of its user's name and of each of its groups, so its cost depends on what the user is bound to
// and not on how many bindings there are. A service account is a user by the name system:serviceaccount:NAMESPACE:NAME.
//
// Invariants:
//   1. a binding stands under each of its subjects, and nowhere after it was removed or changed.
//   2. rights only add up: no binding and no rule ever takes a right away.
//
// Objects are taken as given and never changed: they come out of a cache.
// Same idea upstream: pkg/registry/rbac/validation/rule.go, which walks over all bindings instead.

import type {
  Subject as BindingSubject,
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  RoleRef,
} from 'kubernetes-types/rbac/v1';
import type { Subject } from './authorizer.ts';

export const RBAC_GROUP = 'rbac.authorization.k8s.io';

export type RbacObject = ClusterRole | ClusterRoleBinding | Role | RoleBinding;
type Binding = ClusterRoleBinding | RoleBinding;

/** A binding that applies to a user, and by which of its subjects. */
export interface AppliedBinding {
  readonly binding: Binding;
  /** '' for a binding of the whole cluster. */
  readonly namespace: string;
  readonly subject: BindingSubject;
}

type BySubject = Map<string, Map<string, AppliedBinding>>;

export class RbacIndex {
  readonly #clusterRoles = new Map<string, readonly PolicyRule[]>();
  readonly #roles = new Map<string, readonly PolicyRule[]>();
  /** By the binding's key, to find its subjects again when it changes. */
  readonly #bindings = new Map<string, Binding>();
  /** By namespace; '' holds the bindings of the whole cluster. */
  readonly #bySubject = new Map<string, BySubject>();

  /** Adds an object, or replaces the one of the same name. */
  set(object: RbacObject): void {
    switch (object.kind) {
      case 'ClusterRole':
        this.#clusterRoles.set(object.metadata?.name ?? '', object.rules ?? []);
        return;
      case 'Role':
        this.#roles.set(keyOf(object), object.rules ?? []);
        return;
      case 'ClusterRoleBinding':
      case 'RoleBinding':
        this.#unbind(keyOf(object));
        this.#bind(object);
        return;
    }
  }

  /** Forgets the object of this kind and name. */
  delete(object: RbacObject): void {
    switch (object.kind) {
      case 'ClusterRole':
        this.#clusterRoles.delete(object.metadata?.name ?? '');
        return;
      case 'Role':
        this.#roles.delete(keyOf(object));
        return;
      case 'ClusterRoleBinding':
      case 'RoleBinding':
        this.#unbind(keyOf(object));
        return;
    }
  }

  /** The bindings that apply to a user in a namespace: those of the whole cluster first. */
  *bindingsOf(user: Subject, namespace: string): Generator<AppliedBinding> {
    yield* this.#boundIn('', user);
    if (namespace !== '') yield* this.#boundIn(namespace, user);
  }

  /** The rules of the role that a binding in this namespace names; undefined when there is no such role. */
  rulesOf(roleRef: RoleRef, bindingNamespace: string): readonly PolicyRule[] | undefined {
    if (roleRef.kind === 'ClusterRole') return this.#clusterRoles.get(roleRef.name);
    return this.#roles.get(`${bindingNamespace}/${roleRef.name}`);
  }

  /** All rules that apply to a user in a namespace, and the roles that are missing. */
  rulesFor(user: Subject, namespace: string): { rules: PolicyRule[]; errors: string[] } {
    const rules: PolicyRule[] = [];
    const errors: string[] = [];
    for (const applied of this.bindingsOf(user, namespace)) {
      const { roleRef } = applied.binding;
      const found = this.rulesOf(roleRef, applied.namespace);
      if (found === undefined) errors.push(missingRole(roleRef));
      else rules.push(...found);
    }
    return { rules, errors };
  }

  *#boundIn(namespace: string, { name, groups }: Subject): Generator<AppliedBinding> {
    const bySubject = this.#bySubject.get(namespace);
    if (bySubject === undefined) return;
    yield* bySubject.get(userKey(name))?.values() ?? [];
    for (const group of groups) yield* bySubject.get(groupKey(group))?.values() ?? [];
  }

  #bind(binding: Binding): void {
    const key = keyOf(binding);
    const namespace = binding.metadata?.namespace ?? '';
    this.#bindings.set(key, binding);
    const bySubject = getOrMake(this.#bySubject, namespace, (): BySubject => new Map());
    for (const subject of binding.subjects ?? []) {
      const who = subjectKey(subject, namespace);
      if (who === undefined) continue;
      const bound = getOrMake(bySubject, who, () => new Map<string, AppliedBinding>());
      // The first subject that fits is the one that upstream names as the reason.
      if (!bound.has(key)) bound.set(key, { binding, namespace, subject });
    }
  }

  #unbind(key: string): void {
    const binding = this.#bindings.get(key);
    if (binding === undefined) return;
    this.#bindings.delete(key);
    const namespace = binding.metadata?.namespace ?? '';
    const bySubject = this.#bySubject.get(namespace);
    for (const subject of binding.subjects ?? []) {
      const who = subjectKey(subject, namespace);
      const bound = who === undefined ? undefined : bySubject?.get(who);
      bound?.delete(key);
      if (who !== undefined && bound?.size === 0) bySubject?.delete(who);
    }
    if (bySubject?.size === 0) this.#bySubject.delete(namespace);
  }
}

/** What is said of a role that a binding names but that does not exist; with the singular, as upstream's lister has it. */
export function missingRole({ kind, name }: RoleRef): string {
  return `${kind.toLowerCase()}.${RBAC_GROUP} "${name}" not found`;
}

export function serviceAccountUser(namespace: string, name: string): string {
  return `system:serviceaccount:${namespace}:${name}`;
}

function subjectKey(
  { kind, name, namespace }: BindingSubject,
  bindingNamespace: string,
): string | undefined {
  switch (kind) {
    case 'User':
      return userKey(name);
    case 'Group':
      return groupKey(name);
    case 'ServiceAccount': {
      // A role binding means the accounts of its own namespace when it names none.
      const home = (namespace ?? '') === '' ? bindingNamespace : (namespace ?? '');
      return home === '' ? undefined : userKey(serviceAccountUser(home, name));
    }
    default:
      return undefined;
  }
}

const userKey = (name: string): string => `u ${name}`;
const groupKey = (name: string): string => `g ${name}`;

function keyOf({ metadata }: RbacObject): string {
  return `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
}

function getOrMake<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}
