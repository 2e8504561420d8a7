// AuthState: users, roles, and whether anybody asks for them; and what each request makes of it.
//
// Pure functions: state and request in, new state out, or etcd's error. Nothing is changed in place, so a state that could not be
// written to disk is simply not taken over. Every change takes a revision of its own, apart from the revisions of the keys.
// Upstream: etcd, auth/store.go.
import { GrpcError } from '../grpc/status.ts';
import type { Key } from '../kv.ts';
import type { Permission } from './permissions.ts';

export interface User {
  /** Null = this user has no password, and comes in with a certificate only. */
  readonly passwordHash: string | null;
  readonly roles: readonly string[];
}

export interface Role {
  readonly permissions: readonly Permission[];
}

export interface AuthState {
  readonly isEnabled: boolean;
  readonly revision: number;
  readonly users: Readonly<Record<string, User>>;
  readonly roles: Readonly<Record<string, Role>>;
}

/** The user and the role that may do everything. The user must exist before authentication can be enabled. */
export const ROOT = 'root';

const EVERYTHING: Permission = { type: 'readwrite', key: '', rangeEnd: '\0' };

export const NEW_STATE: AuthState = { isEnabled: false, revision: 1, users: {}, roles: {} };

export function enable(state: AuthState): AuthState {
  if (state.isEnabled) return state;
  const root = get(state.users, ROOT);
  if (root === undefined) throw precondition('root user does not exist');
  if (!root.roles.includes(ROOT)) throw precondition('root user does not have root role');
  return { ...state, isEnabled: true };
}

export function disable(state: AuthState): AuthState {
  return state.isEnabled ? next(state, { isEnabled: false }) : state;
}

export function addUser(state: AuthState, name: string, passwordHash: string | null): AuthState {
  if (name === '') throw invalid('user name is empty');
  if (get(state.users, name) !== undefined) throw precondition('user name already exists');
  return withUser(state, name, { passwordHash, roles: [] });
}

export function deleteUser(state: AuthState, name: string): AuthState {
  if (state.isEnabled && name === ROOT) throw invalid('invalid auth management');
  userOf(state, name);
  return next(state, { users: without(state.users, name) });
}

export function changePassword(state: AuthState, name: string, hash: string | null): AuthState {
  const user = userOf(state, name);
  const passwordHash = user.passwordHash === null ? null : hash;
  return withUser(state, name, { ...user, passwordHash });
}

export function grantRole(state: AuthState, name: string, role: string): AuthState {
  const user = userOf(state, name);
  // The role root need not be made: it has no permissions of its own.
  if (role !== ROOT) roleOf(state, role);
  if (user.roles.includes(role)) return state;
  return withUser(state, name, { ...user, roles: [...user.roles, role].sort(byBytes) });
}

export function revokeRole(state: AuthState, name: string, role: string): AuthState {
  if (state.isEnabled && name === ROOT && role === ROOT) throw invalid('invalid auth management');
  const user = userOf(state, name);
  if (!user.roles.includes(role)) throw precondition('role is not granted to the user');
  return withUser(state, name, { ...user, roles: user.roles.filter((one) => one !== role) });
}

export function addRole(state: AuthState, name: string): AuthState {
  if (name === '') throw invalid('role name is empty');
  if (get(state.roles, name) !== undefined) throw precondition('role name already exists');
  return withRole(state, name, { permissions: [] });
}

export function deleteRole(state: AuthState, name: string): AuthState {
  if (state.isEnabled && name === ROOT) throw invalid('invalid auth management');
  roleOf(state, name);
  const users = Object.entries(state.users).map(([user, { passwordHash, roles }]) => {
    return [user, { passwordHash, roles: roles.filter((role) => role !== name) }] as const;
  });
  return next(state, { users: fromEntries(users), roles: without(state.roles, name) });
}

export function grantPermission(state: AuthState, name: string, given: Permission): AuthState {
  const others = roleOf(state, name).permissions.filter((one) => !isSameRange(one, given));
  const permissions = [...others, given].sort((a, b) => byBytes(a.key, b.key));
  return withRole(state, name, { permissions });
}

export function revokePermission(
  state: AuthState,
  name: string,
  range: { key: Key; rangeEnd: Key },
): AuthState {
  const { permissions } = roleOf(state, name);
  const left = permissions.filter((one) => !isSameRange(one, range));
  if (left.length === permissions.length) {
    throw precondition('permission is not granted to the role');
  }
  return withRole(state, name, { permissions: left });
}

export function userOf(state: AuthState, name: string): User {
  const user = get(state.users, name);
  if (user === undefined) throw precondition('user name not found');
  return user;
}

export function roleOf(state: AuthState, name: string): Role {
  const role = get(state.roles, name);
  if (role === undefined) throw precondition('role name not found');
  return role;
}

/** What is shown of a role: root's power stands nowhere, but can be seen. */
export function permissionsOf(state: AuthState, name: string): readonly Permission[] {
  const { permissions } = roleOf(state, name);
  return name === ROOT ? [EVERYTHING] : permissions;
}

/** The names, in the order of their bytes. */
export function namesOf(things: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(things).sort(byBytes);
}

/** A name may be anything, `constructor` too. */
export function get<T>(things: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(things, name) ? things[name] : undefined;
}

function next(state: AuthState, change: Partial<AuthState>): AuthState {
  return { ...state, ...change, revision: state.revision + 1 };
}

function withUser(state: AuthState, name: string, user: User): AuthState {
  return next(state, { users: fromEntries([...Object.entries(state.users), [name, user]]) });
}

function withRole(state: AuthState, name: string, role: Role): AuthState {
  return next(state, { roles: fromEntries([...Object.entries(state.roles), [name, role]]) });
}

function without<T>(things: Readonly<Record<string, T>>, name: string): Record<string, T> {
  return fromEntries(Object.entries(things).filter(([one]) => one !== name));
}

/** Not an object literal, in which a name like __proto__ would be no entry. */
function fromEntries<T>(entries: readonly (readonly [string, T])[]): Record<string, T> {
  return Object.fromEntries(entries);
}

function isSameRange(a: { key: Key; rangeEnd: Key }, b: { key: Key; rangeEnd: Key }): boolean {
  return a.key === b.key && a.rangeEnd === b.rangeEnd;
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function precondition(what: string): GrpcError {
  return new GrpcError('FAILED_PRECONDITION', `etcdserver: ${what}`);
}

function invalid(what: string): GrpcError {
  return new GrpcError('INVALID_ARGUMENT', `etcdserver: ${what}`);
}
