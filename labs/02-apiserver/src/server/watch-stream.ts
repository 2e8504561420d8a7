// WatchStream: one client's watch: what the cache tells, written as a stream of JSON lines.
//
// Events are written as they happen, from bytes that all watchers share. A client that reads too slowly is cut off once too much is
// waiting for it (it lists again); it never holds up the others, nor fills the memory. A bookmark now and then lets a client whose
// objects do not change keep its place.
//
// Invariants: events come in the order of the store; nothing comes after the end; the subscription ends with the connection.
// Same idea upstream: apiserver, endpoints/handlers/watch.go and storage/cacher/cache_watcher.go. Left out: watch over WebSocket.

import type { ServerResponse } from 'node:http';
import { expired } from '../api-error.ts';
import type { ObjectFilter } from '../registry/object-filter.ts';
import { groupVersionOf, type ResourceDefinition } from '../registry/resource-definition.ts';
import type { StoredObject } from '../registry/stored-object.ts';
import type { WatchCache } from '../registry/watch-cache.ts';

/** Writes one object in the shape that the client asked for. */
export type WriteObject = (stored: StoredObject) => Buffer;

export interface Framing {
  readonly contentType: string;
  frame(type: string, object: Buffer): Buffer;
}

export interface WatchStreamOptions {
  readonly cache: WatchCache;
  readonly filter: ObjectFilter;
  /** Where to start; undefined: with the current state as ADDED events. */
  readonly fromRevision: number | undefined;
  /** A bookmark behind the initial events says that they are complete. */
  readonly markInitialEventsEnd: boolean;
  readonly bookmarks: boolean;
  readonly timeoutMs: number;
  readonly writeObject: WriteObject;
  /** How a change is written, from the JSON of its object. Default: a line of JSON. */
  readonly framing?: Framing;
  readonly signal: AbortSignal;
}

const BOOKMARK_INTERVAL_MS = 30_000;
const WAITING_BYTES_MAX = 8 * 1024 * 1024;
const NEWLINE = Buffer.from('}\n');

/** Serves a watch until it times out, the client leaves, the server stops, or the cache loses track. */
export async function serveWatch(
  response: ServerResponse,
  options: WatchStreamOptions,
): Promise<void> {
  const { cache, signal } = options;
  await cache.ready();
  const initial = options.fromRevision === undefined;
  const fromRevision = options.fromRevision ?? cache.revision;
  const stream = new WatchStream(response, options);
  // Throws Expired before a header is written, so that the client gets a Status with 410.
  const unsubscribe = cache.subscribe(fromRevision, {
    onEvent: (event) => {
      const change = options.filter.changeOf(event);
      if (change !== undefined) stream.event(change.type, change.stored);
    },
    onEnd: () => stream.fail(),
  });
  try {
    stream.open();
    if (initial) stream.initial(cache.list().filter((stored) => options.filter.matches(stored)));
    await stream.ended(signal);
  } finally {
    unsubscribe();
    stream.close();
  }
}

class WatchStream {
  readonly #response: ServerResponse;
  readonly #options: WatchStreamOptions;
  /** Events that arrive before the initial ones are written wait here. */
  #held: Buffer[] | undefined = [];

  constructor(response: ServerResponse, options: WatchStreamOptions) {
    this.#response = response;
    this.#options = options;
  }

  open(): void {
    const { contentType = 'application/json' } = this.#options.framing ?? {};
    this.#response.writeHead(200, {
      'content-type': contentType,
      'cache-control': 'no-cache, private',
    });
    this.#response.flushHeaders();
    if (this.#options.fromRevision !== undefined) this.#release();
  }

  initial(objects: readonly StoredObject[]): void {
    for (const stored of objects)
      this.#write(this.#frame('ADDED', this.#options.writeObject(stored)));
    if (this.#options.markInitialEventsEnd) {
      this.#bookmark({ 'k8s.io/initial-events-end': 'true' });
    }
    this.#release();
  }

  event(type: string, stored: StoredObject): void {
    const frame = this.#frame(type, this.#options.writeObject(stored));
    if (this.#held === undefined) this.#write(frame);
    else this.#held.push(frame);
  }

  /** The cache lost its place: the client must list again. */
  fail(): void {
    const status = expired('The resourceVersion for the provided watch is too old.').toStatus();
    this.#write(this.#frame('ERROR', Buffer.from(JSON.stringify(status))));
    this.#response.end();
  }

  /** Resolves when there is nothing more to say. */
  async ended(signal: AbortSignal): Promise<void> {
    const { bookmarks, timeoutMs } = this.#options;
    const ticking = bookmarks
      ? setInterval(() => this.#bookmark(), BOOKMARK_INTERVAL_MS)
      : undefined;
    try {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        const done = () => {
          clearTimeout(timer);
          signal.removeEventListener('abort', done);
          resolve();
        };
        this.#response.once('close', done);
        signal.addEventListener('abort', done, { once: true });
        if (signal.aborted || this.#response.destroyed) done();
      });
    } finally {
      clearInterval(ticking);
    }
    if (bookmarks) this.#bookmark();
  }

  close(): void {
    if (!this.#response.writableEnded) this.#response.end();
  }

  #release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const frame of held) this.#write(frame);
  }

  #bookmark(annotations?: Record<string, string>): void {
    const { cache, filter } = this.#options;
    const metadata = {
      resourceVersion: String(cache.revision),
      creationTimestamp: null,
      ...(annotations && { annotations }),
    };
    const object = { ...typeMeta(filter.definition), metadata };
    this.#write(this.#frame('BOOKMARK', Buffer.from(JSON.stringify(object))));
  }

  #frame(type: string, object: Buffer): Buffer {
    const { framing } = this.#options;
    if (framing !== undefined) return framing.frame(type, object);
    return Buffer.concat([Buffer.from(`{"type":"${type}","object":`), object, NEWLINE]);
  }

  #write(frame: Buffer): void {
    if (this.#response.destroyed || this.#response.writableEnded) return;
    this.#response.write(frame);
    if (this.#response.writableLength > WAITING_BYTES_MAX) this.#response.destroy();
  }
}

function typeMeta(definition: ResourceDefinition): { kind: string; apiVersion: string } {
  return { kind: definition.kind, apiVersion: groupVersionOf(definition) };
}
