// watch-frames: the changes of a watch as bytes, in the shape and encoding that the client asked for.
//
// Most watchers of a resource ask for the same, and an event goes to all of them before the next one comes. So the frame that was made last
// is kept for all watchers of a shape: an event is written once, however many there are. Tables are made for each: their first one
// carries the columns, and ages differ.
//
// Same idea upstream: apiserver, endpoints/handlers/response.go (watchEncoder) and storage/cacher/caching_object.go.

import { encodeProtobuf, encodeWatchFrame, hasProtobuf } from '../codec/protobuf-encode.ts';
import { partialOf, tableOf } from '../printers/table.ts';
import type { ReadonlyApiObject } from '../registry/api-object.ts';
import type { Served } from '../registry/served.ts';
import type { StoredObject } from '../registry/stored-object.ts';
import { CONTENT_TYPES, type Negotiated } from './negotiation.ts';
import { type TableRequest, type TableSettings, tableSettings } from './table-settings.ts';

export interface WatchFrames {
  readonly contentType: string;
  change(type: string, stored: StoredObject): Buffer;
  /** Where the watcher stands, in an object of the kind that it gets. */
  bookmark(revision: number, annotations?: Readonly<Record<string, string>>): Buffer;
  /** A Status. */
  error(status: object): Buffer;
}

interface LastFrame {
  stored: StoredObject;
  type: string;
  frame: Buffer;
}

const END = Buffer.from('}\n');
const HEADS = new Map(
  ['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR'].map((type) => [
    type,
    Buffer.from(`{"type":"${type}","object":`),
  ]),
);
/** By what is served, then by shape and encoding. */
const lastFrames = new WeakMap<Served, Map<string, LastFrame>>();

export function watchFrames(context: TableRequest, shape: Negotiated): WatchFrames {
  const { served } = context;
  const wrap = shape.encoding === 'protobuf' ? binaryFrame : textFrame;
  const error = (status: object) => wrap('ERROR', jsonOf(status));
  const protobuf = `${CONTENT_TYPES.protobuf};stream=watch`;
  const contentType = shape.encoding === 'protobuf' ? protobuf : CONTENT_TYPES.json;
  if (shape.shape === 'table') {
    const table = new TableFrames(served, tableSettings(context, shape));
    return {
      contentType,
      error,
      change: (type, stored) => wrap(type, jsonOf(table.of(stored.object))),
      bookmark: (...at) => wrap('BOOKMARK', jsonOf(table.bookmark(bookmarkOf(served, ...at)))),
    };
  }
  const isPartial = shape.shape === 'partial';
  const shown = (object: ReadonlyApiObject) => partialOf(object, shape.metaVersion);
  const make = (type: string, stored: StoredObject) => {
    if (isPartial) return wrap(type, jsonOf(shown(stored.object)));
    const view = served.view(stored);
    return wrap === textFrame ? storedFrame(type, view) : wrap(type, view.bytes);
  };
  return {
    contentType,
    error,
    change: shared(served, `${shape.encoding} ${shape.shape} ${shape.metaVersion}`, make),
    bookmark: (...at) => {
      const object = bookmarkOf(served, ...at);
      return wrap('BOOKMARK', jsonOf(isPartial ? shown(object) : object));
    },
  };
}

type MakeFrame = (type: string, stored: StoredObject) => Buffer;

function shared(served: Served, shape: string, make: MakeFrame): MakeFrame {
  const ofServed = lastFrames.get(served) ?? new Map<string, LastFrame>();
  lastFrames.set(served, ofServed);
  return (type, stored) => {
    const last = ofServed.get(shape);
    if (last?.stored === stored && last.type === type) return last.frame;
    const frame = make(type, stored);
    ofServed.set(shape, { stored, type, frame });
    return frame;
  };
}

/** Rows one by one; the columns are told once. */
class TableFrames {
  readonly #served: Served;
  readonly #settings: TableSettings;
  #withoutColumns = false;

  constructor(served: Served, settings: TableSettings) {
    this.#served = served;
    this.#settings = settings;
  }

  of(object: ReadonlyApiObject): object {
    const { resourceVersion } = object.metadata;
    const withoutColumns = this.#withoutColumns;
    this.#withoutColumns = true;
    return tableOf([object], { ...this.#settings, metadata: { resourceVersion }, withoutColumns });
  }

  /** A row of nothing: there is no object that a printer could read. */
  bookmark(object: ReadonlyApiObject): object {
    const { columns } = this.#served.printer;
    const printer = { columns, row: () => columns.map(() => null) };
    const { resourceVersion } = object.metadata;
    const withoutColumns = this.#withoutColumns;
    this.#withoutColumns = true;
    const settings = { ...this.#settings, printer, metadata: { resourceVersion } };
    return tableOf([object], { ...settings, withoutColumns, shown: (shown) => shown });
  }
}

function bookmarkOf(
  { definition, apiVersion }: Served,
  revision: number,
  annotations?: Readonly<Record<string, string>>,
): ReadonlyApiObject {
  const metadata = {
    resourceVersion: String(revision),
    creationTimestamp: null,
    ...(annotations && { annotations }),
  };
  // Upstream's bookmarks have a creationTimestamp of null, as Go writes a time that is not there.
  return { kind: definition.kind, apiVersion, metadata } as unknown as ReadonlyApiObject;
}

function jsonOf(object: object): Buffer {
  return Buffer.from(JSON.stringify(object));
}

function headOf(type: string): Buffer {
  return HEADS.get(type) ?? Buffer.from(`{"type":"${type}","object":`);
}

function textFrame(type: string, object: Buffer): Buffer {
  return Buffer.concat([headOf(type), object, END]);
}

/** The same, of an object's stored bytes, which are copied once only. */
function storedFrame(type: string, stored: StoredObject): Buffer {
  const head = headOf(type);
  const frame = Buffer.allocUnsafe(head.length + stored.length + END.length);
  head.copy(frame);
  END.copy(frame, stored.copyTo(frame, head.length));
  return frame;
}

function binaryFrame(type: string, json: Buffer): Buffer {
  const object = JSON.parse(json.toString('utf8')) as object;
  // Of a kind without a message a client can only watch the metadata, so that is what its bookmarks are too.
  const partial = { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1' };
  const message = encodeProtobuf(hasProtobuf(object) ? object : { ...object, ...partial });
  return encodeWatchFrame(type, message);
}
