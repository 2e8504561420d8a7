// LeaseService: etcd's service Lease: grant, revoke, keep alive, time to live, list.
//
// A lease that is not there is an error to who revokes it, a time of -1 to who asks, and a time of 0 to who keeps it alive.
// Upstream: etcd, etcdserver/api/v3rpc/lease.go; the shortest time is one and a half of etcd's election timeouts of a second.
import { type KeyValueStore, StoreError } from '../kv.ts';
import type { ServerCall } from './call.ts';
import type { ResponseContext } from './kv-responses.ts';
import { bytesOf, decimalOf, type Int64, numberOf } from './messages.ts';

export interface LeaseGrantRequestMessage {
  readonly TTL: Int64;
  readonly ID: Int64;
}

export interface LeaseIdMessage {
  readonly ID: Int64;
}

export interface LeaseTimeToLiveRequestMessage extends LeaseIdMessage {
  readonly keys: boolean;
}

const TTL_SECONDS_MIN = 2;

export type LeaseService = ReturnType<typeof leaseService>;

export function leaseService(store: KeyValueStore, { headerOf }: ResponseContext) {
  const header = async () => headerOf((await store.status()).revision);
  return {
    LeaseGrant: async ({ TTL, ID }: LeaseGrantRequestMessage) => {
      const wish = Math.max(TTL_SECONDS_MIN, numberOf(TTL));
      const { id, ttlSeconds } = await store.grantLease(wish, decimalOf(ID));
      return { header: await header(), ID: id, TTL: ttlSeconds };
    },
    LeaseRevoke: async ({ ID }: LeaseIdMessage) => {
      await store.revokeLease(decimalOf(ID));
      return { header: await header() };
    },
    LeaseTimeToLive: async ({ ID, keys: isWithKeys }: LeaseTimeToLiveRequestMessage) => {
      const { ttlSeconds, grantedTtlSeconds, keys } = await store.leaseTimeToLive(decimalOf(ID));
      return {
        header: await header(),
        ID,
        TTL: ttlSeconds,
        grantedTTL: grantedTtlSeconds || undefined,
        keys: isWithKeys ? keys.map(bytesOf) : [],
      };
    },
    LeaseLeases: async () => ({
      header: await header(),
      leases: (await store.leases()).map((ID) => ({ ID })),
    }),
    LeaseKeepAlive: async (requests: AsyncIterable<LeaseIdMessage>, call: ServerCall) => {
      for await (const { ID } of requests) {
        // The revision before the answer: a lease that is alive at a revision is not revoked before it.
        const before = await header();
        const TTL = await remaining(store, decimalOf(ID));
        await call.send({ header: before, ID, TTL: TTL || undefined });
      }
    },
  };
}

async function remaining(store: KeyValueStore, id: string): Promise<number> {
  try {
    return (await store.keepAliveLease(id)).ttlSeconds;
  } catch (error) {
    if (StoreError.is(error, 'lease-not-found')) return 0;
    throw error;
  }
}
