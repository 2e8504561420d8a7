// Messages: etcd's protobuf messages, as the proto files of the etcd3 package describe them.
//
// The types below are what protobufjs makes of the bytes: every field is there, with its default if it was not sent;
// unknown fields are skipped. Int64 fields are Long objects, for 2^53 is not enough for a lease id: numberOf()
// and decimalOf() turn them into what the store uses. Nobody makes Longs on the way out, where numbers will do.
// Bytes that were decoded are views of what came over the network: copy what is kept.
// Upstream: etcd, etcdserver/etcdserverpb/rpc.proto, mvcc/mvccpb/kv.proto, auth/authpb/auth.proto.
import { createRequire } from 'node:module';
import protobuf from 'protobufjs';
import type { Key } from '../kv.ts';
import { FRAME_HEADER_BYTES, sealFrame } from './framing.ts';
import { GrpcError } from './status.ts';

export interface Int64 {
  toNumber(): number;
  toString(): string;
}

/** What an answer may hold where an int64 is due. */
export type Int64Like = number | string | Int64 | { readonly low: number; readonly high: number };

export interface MethodDescription {
  /** As on the wire: /etcdserverpb.KV/Put */
  readonly path: string;
  readonly service: string;
  readonly name: string;
  readonly isRequestStream: boolean;
  readonly isResponseStream: boolean;
  decode(message: Buffer): object;
  /** A whole frame. */
  encode(message: object): Buffer;
}

/** All methods of etcd's API. */
export function loadMethods(): readonly MethodDescription[] {
  const root = new protobuf.Root();
  root.loadSync(createRequire(import.meta.url).resolve('etcd3/proto/rpc.proto'));
  root.resolveAll();
  const space = root.lookup('etcdserverpb') as protobuf.Namespace;
  return space.nestedArray
    .filter((nested) => nested instanceof protobuf.Service)
    .flatMap((service) => service.methodsArray.map((method) => describe(service, method)));
}

function describe(service: protobuf.Service, method: protobuf.Method): MethodDescription {
  method.resolve();
  const { resolvedRequestType: request, resolvedResponseType: response } = method;
  if (request === null || response === null) throw new Error(`${method.fullName} has no types`);
  const serviceName = service.fullName.slice(1);
  return {
    path: `/${serviceName}/${method.name}`,
    service: serviceName,
    name: method.name,
    isRequestStream: method.requestStream === true,
    isResponseStream: method.responseStream === true,
    decode: (message) => decode(request, message, method.requestStream === true),
    encode: (message) => encode(response, message),
  };
}

/** The message is written behind the room for its header, so it is never copied. */
function encode(type: protobuf.Type, message: object): Buffer {
  const writer = protobuf.Writer.create();
  for (let i = 0; i < FRAME_HEADER_BYTES; i++) writer.bool(false);
  return sealFrame(type.encode(message, writer).finish() as Buffer);
}

function decode(type: protobuf.Type, message: Buffer, isOfStream: boolean): object {
  try {
    return type.decode(message);
  } catch (error) {
    // In the words of Go's server, which has different ones for streams.
    const what = isOfStream
      ? 'failed to unmarshal the received message '
      : 'error unmarshalling request: ';
    throw new GrpcError('INTERNAL', `grpc: ${what}${(error as Error).message}`, { cause: error });
  }
}

export function numberOf(value: Int64): number {
  return value.toNumber();
}

/** A decimal uint64 as a message has it: for what goes into every answer, as reading the digits takes a while. */
export function uint64Of(decimal: string): Int64Like {
  return protobuf.util.LongBits.from(decimal).toLong(true);
}

export function decimalOf(value: Int64): string {
  return value.toString();
}

/** The store's form of a key: one char per byte. */
export function keyOf(bytes: Uint8Array): Key {
  // protobufjs makes buffers of bytes, but an empty array of bytes that were not sent.
  return bytes instanceof Buffer ? bytes.toString('latin1') : '';
}

/** A value that may be kept: a small view would keep a whole chunk of the network in memory. */
export function copyOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes);
}

export function bytesOf(key: Key): Buffer {
  return Buffer.from(key, 'latin1');
}

// The requests, service by service.

export interface RangeRequestMessage {
  readonly key: Uint8Array;
  readonly rangeEnd: Uint8Array;
  readonly limit: Int64;
  readonly revision: Int64;
  readonly sortOrder: number;
  readonly sortTarget: number;
  readonly serializable: boolean;
  readonly keysOnly: boolean;
  readonly countOnly: boolean;
  readonly minModRevision: Int64;
  readonly maxModRevision: Int64;
  readonly minCreateRevision: Int64;
  readonly maxCreateRevision: Int64;
}

export interface PutRequestMessage {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly lease: Int64;
  readonly prevKv: boolean;
  readonly ignoreValue: boolean;
  readonly ignoreLease: boolean;
}

export interface DeleteRangeRequestMessage {
  readonly key: Uint8Array;
  readonly rangeEnd: Uint8Array;
  readonly prevKv: boolean;
}

export interface TxnRequestMessage {
  readonly compare: readonly CompareMessage[];
  readonly success: readonly RequestOpMessage[];
  readonly failure: readonly RequestOpMessage[];
}

/** One of the four, or none when the sender has an operation that we do not know. */
export interface RequestOpMessage {
  readonly requestRange?: RangeRequestMessage | null;
  readonly requestPut?: PutRequestMessage | null;
  readonly requestDeleteRange?: DeleteRangeRequestMessage | null;
  readonly requestTxn?: TxnRequestMessage | null;
}

export interface CompareMessage {
  readonly result: number;
  readonly target: number;
  readonly key: Uint8Array;
  readonly rangeEnd: Uint8Array;
  readonly version: Int64;
  readonly createRevision: Int64;
  readonly modRevision: Int64;
  readonly value: Uint8Array;
  readonly lease: Int64;
}
