// Guard: the services as they are for who is calling. It asks before each call whether the caller may.
//
// The services themselves know nothing of users. A request that is not allowed never reaches the store.
// Rules: reading needs read on the range, and so does every comparison; writing needs write, and read too if the old value is wanted;
// a lease may be used or revoked by who may write all its keys; copies and hashes of everything are for root.
// Upstream: etcd, etcdserver/apply_auth.go and etcdserver/api/v3rpc/maintenance.go (authMaintenanceServer).
import type { ServerCall } from '../grpc/call.ts';
import {
  deleteRangeRequestOf,
  type KvService,
  putRequestOf,
  rangeRequestOf,
  txnRequestOf,
} from '../grpc/kv-service.ts';
import type { LeaseIdMessage, LeaseService } from '../grpc/lease-service.ts';
import type { MaintenanceService } from '../grpc/maintenance-service.ts';
import {
  type DeleteRangeRequestMessage,
  decimalOf,
  type PutRequestMessage,
  type RangeRequestMessage,
  type TxnRequestMessage,
} from '../grpc/messages.ts';
import type { Handler } from '../grpc/server.ts';
import type { Compare, KeyValueStore, Op } from '../kv.ts';
import type { AuthStore, Credentials } from './auth-store.ts';

export function credentialsOf(call: ServerCall): Credentials {
  const token = call.headers.token ?? call.headers.authorization;
  return {
    token: token === undefined ? undefined : String(token),
    get commonName() {
      return call.commonName;
    },
  };
}

export function guardKv(kv: KvService, users: AuthStore, store: KeyValueStore) {
  const check = async (call: ServerCall, ops: () => readonly (Op | Compare)[]) => {
    if (!users.isEnabled) return;
    const user = users.userOf(credentialsOf(call));
    if (user === undefined || users.isRoot(user)) return;
    for (const op of ops()) await assertMay(users, store, user, op);
  };
  return {
    ...kv,
    Range: async (message: RangeRequestMessage, call: ServerCall) => {
      await check(call, () => [{ kind: 'range', ...rangeRequestOf(message) }]);
      return kv.Range(message);
    },
    Put: async (message: PutRequestMessage, call: ServerCall) => {
      await check(call, () => [{ kind: 'put', ...putRequestOf(message) }]);
      return kv.Put(message);
    },
    DeleteRange: async (message: DeleteRangeRequestMessage, call: ServerCall) => {
      await check(call, () => [{ kind: 'delete', ...deleteRangeRequestOf(message) }]);
      return kv.DeleteRange(message);
    },
    Txn: async (message: TxnRequestMessage, call: ServerCall) => {
      await check(call, () => [{ kind: 'txn', ...txnRequestOf(message) }]);
      return kv.Txn(message);
    },
  };
}

export function guardLease(lease: LeaseService, users: AuthStore, store: KeyValueStore) {
  return {
    ...lease,
    LeaseRevoke: async (message: LeaseIdMessage, call: ServerCall) => {
      const user = users.userOf(credentialsOf(call));
      await assertMayUseLease(users, store, user, decimalOf(message.ID));
      return lease.LeaseRevoke(message);
    },
  };
}

export function guardMaintenance(maintenance: MaintenanceService, users: AuthStore) {
  const guarded: Record<string, Handler> = { ...maintenance };
  for (const name of ['Defragment', 'Hash', 'HashKV', 'Snapshot'] as const) {
    const handler = maintenance[name] as Handler;
    guarded[name] = async (request: never, call: ServerCall) => {
      users.assertAdmin(users.userOf(credentialsOf(call)));
      return (await handler(request, call)) as object;
    };
  }
  return guarded;
}

async function assertMay(
  users: AuthStore,
  store: KeyValueStore,
  user: string,
  op: Op | Compare,
): Promise<void> {
  if (!('kind' in op)) {
    users.assertMay(user, 'read', op);
    return;
  }
  if (op.kind === 'txn') {
    for (const part of [...op.compare, ...op.success, ...op.failure]) {
      await assertMay(users, store, user, part);
    }
    return;
  }
  users.assertMay(user, op.kind === 'range' ? 'read' : 'write', op);
  if (op.kind !== 'range' && op.prevKv === true) users.assertMay(user, 'read', op);
  if (op.kind === 'put' && op.lease !== undefined) {
    await assertMayUseLease(users, store, user, op.lease);
  }
}

async function assertMayUseLease(
  users: AuthStore,
  store: KeyValueStore,
  user: string | undefined,
  id: string,
): Promise<void> {
  if (user === undefined || id === '0' || users.isRoot(user)) return;
  const { keys } = await store.leaseTimeToLive(id);
  for (const key of keys) users.assertMay(user, 'write', { key });
}
