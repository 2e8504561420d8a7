// The requests of the benchmark as bytes, and the little that it wants to know of the answers.
//
// Encoding is done before the clock runs, by protobufjs and etcd's own descriptions; answers are only skimmed.
import { createRequire } from 'node:module';
import protobuf from 'protobufjs';

export const PATHS = {
  put: '/etcdserverpb.KV/Put',
  range: '/etcdserverpb.KV/Range',
  txn: '/etcdserverpb.KV/Txn',
  compact: '/etcdserverpb.KV/Compact',
  watch: '/etcdserverpb.Watch/Watch',
} as const;

const EVENTS_FIELD = 11;
const KV_FIELD = 2;
const VALUE_FIELD = 5;
const LENGTH_DELIMITED = 2;

const root = new protobuf.Root().loadSync(
  createRequire(import.meta.url).resolve('etcd3/proto/rpc.proto'),
  { keepCase: true },
);

function encoder(name: string): (message: object) => Uint8Array {
  const type = root.lookupType(`etcdserverpb.${name}`);
  return (message) => type.encode(type.fromObject(message)).finish();
}

export const putRequest = encoder('PutRequest');
export const rangeRequest = encoder('RangeRequest');
export const txnRequest = encoder('TxnRequest');
export const compactRequest = encoder('CompactionRequest');
export const watchRequest = encoder('WatchRequest');

/** The revision in an answer's header. */
export function revisionOf(response: Buffer): number {
  const type = root.lookupType('etcdserverpb.PutResponse'); // Each answer has the same header in field 1.
  const { header } = type.toObject(type.decode(response), { longs: Number });
  return header.revision;
}

export function countOf(rangeResponse: Buffer): number {
  const type = root.lookupType('etcdserverpb.RangeResponse');
  return type.toObject(type.decode(rangeResponse), { longs: Number }).count ?? 0;
}

/** The values of the events of a watch's answer. */
export function eventValues(watchResponse: Buffer): Buffer[] {
  return bytesOf(watchResponse, EVENTS_FIELD).flatMap((event) =>
    bytesOf(event, KV_FIELD).flatMap((kv) => bytesOf(kv, VALUE_FIELD)),
  );
}

export function eventCount(watchResponse: Buffer): number {
  return bytesOf(watchResponse, EVENTS_FIELD).length;
}

/** All of a message's fields with this number, which are bytes or messages. */
function bytesOf(message: Buffer, wanted: number): Buffer[] {
  const found: Buffer[] = [];
  const reader = protobuf.Reader.create(message);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag >>> 3 === wanted && (tag & 7) === LENGTH_DELIMITED) {
      const length = reader.uint32();
      found.push(message.subarray(reader.pos, reader.pos + length));
      reader.skip(length);
    } else {
      reader.skipType(tag & 7);
    }
  }
  return found;
}
