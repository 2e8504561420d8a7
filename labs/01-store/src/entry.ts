// Entries as bytes: the one place that knows the order of the fields.
//
// A log says what changed (commit, compact, lease-grant, lease-revoke, meta). A snapshot says what
// a compaction left (snapshot, version), then repeats the commits since, and closes with end.
import type { ByteReader, ByteWriter } from './bytes.ts';
import type { Change } from './change.ts';
import type { Entry } from './journal.ts';
import { type KeyValue, StoreError } from './kv.ts';

export type SnapshotEntry =
  /** Opens a snapshot. `last`: the changes of the compaction's own revision, which a watch may still ask for. */
  | {
      readonly kind: 'snapshot';
      readonly compactRevision: number;
      readonly last: readonly Change[];
    }
  | { readonly kind: 'version'; readonly kv: KeyValue }
  | { readonly kind: 'end' };

const KINDS = [
  'commit',
  'compact',
  'lease-grant',
  'lease-revoke',
  'snapshot',
  'version',
  'end',
  'meta',
] as const;
const DELETE = 0;
const PUT = 1;

export function writeEntry(writer: ByteWriter, entry: Entry | SnapshotEntry): void {
  writer.uint8(KINDS.indexOf(entry.kind));
  switch (entry.kind) {
    case 'commit':
      writer.double(entry.revision);
      writeChanges(writer, entry.changes);
      break;
    case 'compact':
      writer.double(entry.revision);
      break;
    case 'lease-grant':
      writer.int64(entry.id);
      writer.double(entry.ttlSeconds);
      break;
    case 'lease-revoke':
      writer.int64(entry.id);
      break;
    case 'meta':
      writer.latin1(entry.name);
      writer.bytes(entry.value);
      break;
    case 'snapshot':
      writer.double(entry.compactRevision);
      writeChanges(writer, entry.last);
      break;
    case 'version':
      writeVersion(writer, entry.kv);
      break;
    case 'end':
      break;
    default:
      entry satisfies never;
  }
}

export function readEntry(reader: ByteReader): Entry | SnapshotEntry {
  const number = reader.uint8();
  const kind = KINDS[number];
  switch (kind) {
    case 'commit':
      return { kind, revision: reader.double(), changes: readChanges(reader) };
    case 'compact':
      return { kind, revision: reader.double() };
    case 'lease-grant':
      return { kind, id: reader.int64(), ttlSeconds: reader.double() };
    case 'lease-revoke':
      return { kind, id: reader.int64() };
    case 'meta':
      return { kind, name: reader.latin1(), value: reader.bytes() };
    case 'snapshot':
      return { kind, compactRevision: reader.double(), last: readChanges(reader) };
    case 'version':
      return { kind, kv: readVersion(reader) };
    case 'end':
      return { kind };
    case undefined:
      throw new StoreError('corrupt', `an entry has the unknown kind ${number}`);
    default:
      return kind satisfies never;
  }
}

function writeChanges(writer: ByteWriter, changes: readonly Change[]): void {
  writer.uint32(changes.length);
  for (const change of changes) {
    writer.uint8(change.type === 'put' ? PUT : DELETE);
    writer.latin1(change.key);
    if (change.type === 'delete') continue;
    writer.int64(change.lease);
    writer.bytes(change.value);
  }
}

function readChanges(reader: ByteReader): readonly Change[] {
  return Array.from({ length: reader.uint32() }, () => {
    const type = reader.uint8() === PUT ? 'put' : 'delete';
    const key = reader.latin1();
    if (type === 'delete') return { type, key };
    return { type, key, lease: reader.int64(), value: reader.bytes() };
  });
}

function writeVersion(writer: ByteWriter, kv: KeyValue): void {
  writer.latin1(kv.key);
  writer.double(kv.createRevision);
  writer.double(kv.modRevision);
  writer.double(kv.version);
  writer.int64(kv.lease);
  writer.bytes(kv.value);
}

function readVersion(reader: ByteReader): KeyValue {
  return {
    key: reader.latin1(),
    createRevision: reader.double(),
    modRevision: reader.double(),
    version: reader.double(),
    lease: reader.int64(),
    value: reader.bytes(),
  };
}
