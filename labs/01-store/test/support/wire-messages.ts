// Messages of etcd's API as bytes, by the proto files: what a client sends, and what it makes of the answers.
import { createRequire } from 'node:module';
import protobuf from 'protobufjs';

const root = new protobuf.Root();
root.loadSync(createRequire(import.meta.url).resolve('etcd3/proto/rpc.proto'));

/** A frame of a message that is given as bytes, or as fields of a type such as PutRequest. */
export function frame(message: Uint8Array): Buffer {
  const bytes = Buffer.alloc(5 + message.length);
  bytes.writeUInt32BE(message.length, 1);
  bytes.set(message, 5);
  return bytes;
}

export function encode(type: string, fields: object): Buffer {
  return Buffer.from(root.lookupType(`etcdserverpb.${type}`).encode(fields).finish());
}

export function frameOf(type: string, fields: object): Buffer {
  return frame(encode(type, fields));
}

/** The messages in a body, with numbers for int64s and text for bytes. */
export function decodeFrames(type: string, body: Buffer): Record<string, unknown>[] {
  const messageType = root.lookupType(`etcdserverpb.${type}`);
  const messages: Record<string, unknown>[] = [];
  for (let at = 0; at < body.length; ) {
    const end = at + 5 + body.readUInt32BE(at + 1);
    const message = messageType.decode(body.subarray(at + 5, end));
    messages.push(messageType.toObject(message, { longs: Number, bytes: String, enums: String }));
    at = end;
  }
  return messages;
}
