// AuthService: etcd's service Auth: users, roles, passwords, and the switch.
//
// While authentication is enabled only root may change anything; others may look at themselves and at their own roles.
// Upstream: etcd, etcdserver/api/v3rpc/auth.go and etcdserver/apply_auth.go.
import type { ServerCall } from '../grpc/call.ts';
import type { ResponseContext } from '../grpc/kv-responses.ts';
import { bytesOf, keyOf } from '../grpc/messages.ts';
import { GrpcError } from '../grpc/status.ts';
import type { KeyValueStore } from '../kv.ts';
import * as auth from './auth-state.ts';
import type { AuthStore } from './auth-store.ts';
import { credentialsOf } from './guard.ts';
import { hashPassword } from './password.ts';
import type { PermissionType } from './permissions.ts';

interface UserMessage {
  readonly name: string;
  readonly password: string;
  readonly options?: { readonly noPassword: boolean } | null;
}

interface UserRoleMessage {
  readonly user: string;
  readonly name: string;
  readonly role: string;
}

interface PermissionMessage {
  readonly permType: number;
  readonly key: Uint8Array;
  readonly rangeEnd: Uint8Array;
}

const PERMISSION_TYPES: readonly PermissionType[] = ['read', 'write', 'readwrite'];

export function authService(store: KeyValueStore, users: AuthStore, { headerOf }: ResponseContext) {
  const header = async () => ({ header: headerOf((await store.status()).revision) });
  const userOf = (call: ServerCall) => users.userOf(credentialsOf(call));
  const assertAdmin = (call: ServerCall) => users.assertAdmin(userOf(call));
  const change = async (call: ServerCall, make: (state: auth.AuthState) => auth.AuthState) => {
    assertAdmin(call);
    await users.change(make);
    return header();
  };
  return {
    ...userMethods(users, { header, userOf, assertAdmin, change }),
    ...roleMethods(users, { header, userOf, assertAdmin, change }),
    AuthEnable: (_: object, call: ServerCall) => change(call, auth.enable),
    AuthDisable: (_: object, call: ServerCall) => change(call, auth.disable),
    AuthStatus: async (_: object, call: ServerCall) => {
      assertAdmin(call);
      const { isEnabled: enabled, revision: authRevision } = users.state;
      return { ...(await header()), enabled, authRevision };
    },
    Authenticate: async ({ name, password }: UserMessage) => {
      const token = await users.authenticate(name, password);
      return { ...(await header()), token };
    },
  };
}

interface Tools {
  header(): Promise<object>;
  userOf(call: ServerCall): string | undefined;
  assertAdmin(call: ServerCall): void;
  change(call: ServerCall, make: (state: auth.AuthState) => auth.AuthState): Promise<object>;
}

function userMethods(users: AuthStore, { header, userOf, assertAdmin, change }: Tools) {
  return {
    UserAdd: async ({ name, password, options }: UserMessage, call: ServerCall) => {
      assertAdmin(call);
      const hash = options?.noPassword === true ? null : await hashPassword(password);
      return change(call, (state) => auth.addUser(state, name, hash));
    },
    UserGet: async ({ name }: UserMessage, call: ServerCall) => {
      const caller = userOf(call);
      if (caller !== name) users.assertAdmin(caller);
      return { ...(await header()), roles: auth.userOf(users.state, name).roles };
    },
    UserList: async (_: object, call: ServerCall) => {
      assertAdmin(call);
      return { ...(await header()), users: auth.namesOf(users.state.users) };
    },
    UserDelete: async ({ name }: UserMessage, call: ServerCall) => {
      const answer = await change(call, (state) => auth.deleteUser(state, name));
      users.forgetTokens(name);
      return answer;
    },
    UserChangePassword: async ({ name, password }: UserMessage, call: ServerCall) => {
      assertAdmin(call);
      const hash = await hashPassword(password);
      const answer = await change(call, (state) => auth.changePassword(state, name, hash));
      users.forgetTokens(name);
      return answer;
    },
    UserGrantRole: ({ user, role }: UserRoleMessage, call: ServerCall) =>
      change(call, (state) => auth.grantRole(state, user, role)),
    UserRevokeRole: ({ name, role }: UserRoleMessage, call: ServerCall) =>
      change(call, (state) => auth.revokeRole(state, name, role)),
  };
}

function roleMethods(users: AuthStore, { header, userOf, assertAdmin, change }: Tools) {
  return {
    RoleAdd: ({ name }: UserMessage, call: ServerCall) =>
      change(call, (state) => auth.addRole(state, name)),
    RoleGet: async ({ role }: UserRoleMessage, call: ServerCall) => {
      const caller = userOf(call);
      if (caller === undefined || !users.hasRole(caller, role)) users.assertAdmin(caller);
      const perm = auth.permissionsOf(users.state, role).map(({ type, key, rangeEnd }) => ({
        permType: PERMISSION_TYPES.indexOf(type),
        key: bytesOf(key),
        rangeEnd: bytesOf(rangeEnd),
      }));
      return { ...(await header()), perm };
    },
    RoleList: async (_: object, call: ServerCall) => {
      assertAdmin(call);
      return { ...(await header()), roles: auth.namesOf(users.state.roles) };
    },
    RoleDelete: ({ role }: UserRoleMessage, call: ServerCall) =>
      change(call, (state) => auth.deleteRole(state, role)),
    RoleGrantPermission: (
      { name, perm }: { name: string; perm?: PermissionMessage | null },
      call: ServerCall,
    ) => change(call, (state) => auth.grantPermission(state, name, permissionOf(perm))),
    RoleRevokePermission: (
      { role, key, rangeEnd }: { role: string; key: Uint8Array; rangeEnd: Uint8Array },
      call: ServerCall,
    ) => {
      const range = { key: keyOf(key), rangeEnd: keyOf(rangeEnd) };
      return change(call, (state) => auth.revokePermission(state, role, range));
    },
  };
}

function permissionOf(message: PermissionMessage | null | undefined) {
  const type = PERMISSION_TYPES[message?.permType ?? -1];
  if (!message || type === undefined) {
    throw new GrpcError('INVALID_ARGUMENT', 'etcdserver: permission not given');
  }
  return { type, key: keyOf(message.key), rangeEnd: keyOf(message.rangeEnd) };
}
