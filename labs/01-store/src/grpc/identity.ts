// Identity: who answers. Every response of etcd's API begins with it.
//
// etcd's cluster and member have ids for life, and a term that grows with each election. This store is a cluster of one
// member: the ids are made once and kept with the data, and each start of the process counts as an election.
// Upstream: etcd, etcdserver/api/v3rpc/header.go and etcdserver/api/membership.
// Left out: a store that was restored from a snapshot keeps the ids it was taken from; etcd's gets new ones.
import { randomBytes } from 'node:crypto';
import { StoreError } from '../kv.ts';
import type { Meta } from '../meta.ts';
import type { Int64Like } from './messages.ts';

export interface Identity {
  /** Decimal uint64s. */
  readonly clusterId: string;
  readonly memberId: string;
  readonly raftTerm: number;
}

export interface ResponseHeader {
  readonly clusterId: Int64Like;
  readonly memberId: Int64Like;
  readonly revision: number;
  readonly raftTerm: number;
}

const NAME = 'member';
const FIRST_TERM = 2;

export function newIdentity(): Identity {
  return { clusterId: randomId(), memberId: randomId(), raftTerm: FIRST_TERM };
}

/** The identity of this store, one term later than at its last start. */
export async function openIdentity(meta: Pick<Meta, 'get' | 'set'>): Promise<Identity> {
  const found = meta.get(NAME);
  const last = found === undefined ? undefined : parse(found);
  const identity = last === undefined ? newIdentity() : { ...last, raftTerm: last.raftTerm + 1 };
  await meta.set(NAME, Buffer.from(JSON.stringify(identity)));
  return identity;
}

function parse(bytes: Uint8Array): Identity {
  const text = Buffer.from(bytes).toString();
  const [, clusterId, memberId, raftTerm] =
    /^\{"clusterId":"(\d+)","memberId":"(\d+)","raftTerm":(\d+)\}$/.exec(text) ?? [];
  if (clusterId === undefined || memberId === undefined) {
    throw new StoreError('corrupt', `cannot read who this member is: ${JSON.stringify(text)}`);
  }
  return { clusterId, memberId, raftTerm: Number(raftTerm) };
}

function randomId(): string {
  return (randomBytes(8).readBigUInt64BE() | 1n).toString();
}
