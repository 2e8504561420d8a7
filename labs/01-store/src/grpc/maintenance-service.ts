// MaintenanceService: etcd's service Maintenance: status, alarms, hashes, a snapshot, defragmentation.
//
// A snapshot is a stream of pieces of our own format, not bbolt's. Where etcd counts entries of the raft log, we count revisions: there is
// no other log.
// Upstream: etcd, etcdserver/api/v3rpc/maintenance.go.
// Left out: moving the leader and downgrading, which need other members and other versions.
import type { KeyValueStore } from '../kv.ts';
import type { AlarmKind, Maintenance } from '../maintenance.ts';
import type { ServerCall } from './call.ts';
import type { MemberOptions } from './cluster-service.ts';
import { decimalOf, type Int64, numberOf } from './messages.ts';
import { GrpcError } from './status.ts';

export interface AlarmRequestMessage {
  /** 0 = get, 1 = activate, 2 = deactivate. */
  readonly action: number;
  readonly memberID: Int64;
  readonly alarm: number;
}

const ALARMS: readonly (AlarmKind | undefined)[] = [undefined, 'NOSPACE', 'CORRUPT'];

export type MaintenanceService = ReturnType<typeof maintenanceService>;

export function maintenanceService(
  store: KeyValueStore,
  maintenance: Maintenance,
  { identity, headerOf }: MemberOptions,
) {
  const { memberId } = identity;
  const header = async () => headerOf((await store.status()).revision);
  const alarmMessage = (alarm: AlarmKind) => ({ memberID: memberId, alarm: ALARMS.indexOf(alarm) });
  return {
    Status: async () => {
      const { revision, dbSizeBytes, dbSizeInUseBytes, version } = await store.status();
      const alarms = await maintenance.alarms();
      return {
        header: headerOf(revision),
        version,
        dbSize: dbSizeBytes,
        dbSizeInUse: dbSizeInUseBytes,
        leader: memberId,
        raftIndex: revision,
        raftAppliedIndex: revision,
        raftTerm: identity.raftTerm,
        errors: alarms.map((alarm) => `memberID:${memberId} alarm:${alarm} `),
      };
    },
    Alarm: async ({ action, memberID, alarm: kind }: AlarmRequestMessage) => {
      const active = await maintenance.alarms();
      const alarm = ALARMS[kind];
      if (action === 0) {
        const wanted = active.filter((one) => alarm === undefined || one === alarm);
        return { header: await header(), alarms: wanted.map(alarmMessage) };
      }
      if (action === 1) throw unsupported('raising an alarm by hand');
      const isOurs = ['0', memberId].includes(decimalOf(memberID));
      if (alarm === undefined || !isOurs || !active.includes(alarm)) {
        return { header: await header(), alarms: [] };
      }
      await maintenance.disarm(alarm);
      return { header: await header(), alarms: [alarmMessage(alarm)] };
    },
    Hash: async () => {
      const { hash, revision } = await maintenance.hash();
      return { header: headerOf(revision), hash };
    },
    HashKV: async ({ revision: wish }: { readonly revision: Int64 }) => {
      const { hash, revision, compactRevision } = await maintenance.hashKv(numberOf(wish));
      return { header: headerOf(revision), hash, compactRevision };
    },
    Defragment: async () => {
      await maintenance.defragment();
      return {};
    },
    Snapshot: async (_requests: AsyncIterable<object>, call: ServerCall) => {
      for await (const { bytes: blob, remainingBytes } of maintenance.snapshot(call.signal)) {
        await call.send({ blob, remainingBytes: remainingBytes || undefined });
      }
    },
    MoveLeader: async () => {
      throw new GrpcError('FAILED_PRECONDITION', 'etcdserver: bad leader transferee');
    },
  };
}

function unsupported(what: string): GrpcError {
  return new GrpcError('UNIMPLEMENTED', `etcdserver: ${what} is not supported`);
}
