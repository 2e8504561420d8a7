// Identity: who answers. Every response of etcd's API begins with it.
//
// etcd's cluster and member have ids for life, and a term that grows with each election. This store is a cluster of one
// member: the ids are made once and kept in the data directory, and each start of the process counts as an election.
// Upstream: etcd, etcdserver/api/v3rpc/header.go and etcdserver/api/membership.
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StoreError } from '../kv.ts';
import { writeFileDurably } from './durable-file.ts';
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

const FILE = 'member.json';

export function newIdentity(): Identity {
  return { clusterId: randomId(), memberId: randomId(), raftTerm: 2 };
}

/** The identity of the store in this directory, one term later than at its last start. */
export async function openIdentity(dataDir: string): Promise<Identity> {
  const path = join(dataDir, FILE);
  const last = await readIdentity(path);
  const identity = last === undefined ? newIdentity() : { ...last, raftTerm: last.raftTerm + 1 };
  await writeFileDurably(path, `${JSON.stringify(identity)}\n`);
  return identity;
}

async function readIdentity(path: string): Promise<Identity | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new StoreError('unavailable', `cannot read ${path}: ${error.message}`, { cause: error });
  });
  if (text === undefined) return undefined;
  const found = parse(text);
  if (found !== undefined) return found;
  throw new StoreError(
    'corrupt',
    `cannot use ${path}: it is not what this store wrote; remove it to get a new member id`,
  );
}

function parse(text: string): Identity | undefined {
  try {
    const { clusterId, memberId, raftTerm } = JSON.parse(text) as Partial<Identity>;
    if (!isId(clusterId) || !isId(memberId) || !Number.isSafeInteger(raftTerm)) return undefined;
    return { clusterId, memberId, raftTerm: Number(raftTerm) };
  } catch {
    return undefined;
  }
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && /^\d{1,20}$/.test(value);
}

function randomId(): string {
  return (randomBytes(8).readBigUInt64BE() | 1n).toString();
}
