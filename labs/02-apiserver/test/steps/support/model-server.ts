// Model server: an API server for one resource in a few lines: versions, a history, watches that a test cuts, ends or makes too old.
//
// It answers the two calls that a reflector makes, `list` and `watch`, and writes down each of them: `list`, `watch from 7`. What it sends
// is read by its client at once, so a test needs no network and no waiting. The clock is false: a wait is there to be looked at.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LogFields, Logger } from '@kube-labs/store';
import type { ConfigMap } from 'kubernetes-types/core/v1';
import { ApiError, expired } from '#src/api-error.ts';
import type {
  Client,
  ListOptions,
  ListResult,
  WatchEvent,
  WatchOptions,
} from '#src/client/client.ts';
import { FakeClock } from '#src/client/clock.ts';
import { Reflector, type ReflectorOptions, type ReflectorTarget } from '#src/client/reflector.ts';
import { keyOf, type ResourceType, resources } from '#src/client/resources.ts';

type Event = WatchEvent<ConfigMap>;

interface OpenWatch {
  readonly pending: Event[];
  /** How it is to end, before anything that is pending. */
  end: 'in order' | Error | undefined;
  wake: () => void;
}

/** `a` in the namespace shop; the uid is new for each object that is made. */
export function configMap(name: string, version: number, uid = `uid of ${name}`): ConfigMap {
  const metadata = { name, namespace: 'shop', uid, resourceVersion: String(version) };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata };
}

/** `a@7`. */
export const shown = ({ metadata }: ConfigMap): string =>
  `${metadata?.name}@${metadata?.resourceVersion}`;

export class ModelServer {
  /** What clients asked, the oldest first. */
  readonly calls: string[] = [];
  /** Of which objects, a line for each call: `shop, app=web`; `all`. */
  readonly selections: string[] = [];
  readonly #objects = new Map<string, ConfigMap>();
  #history: Event[] = [];
  #version: number;
  /** Watches from before this version are too old. */
  #forgotten = 0;
  readonly #watches = new Set<OpenWatch>();
  readonly #refusals: (Error | undefined)[] = [];

  constructor(version = 0) {
    this.#version = version;
  }

  get version(): number {
    return this.#version;
  }
  get objects(): readonly ConfigMap[] {
    return [...this.#objects.values()];
  }

  put(name: string): void {
    const known = this.#objects.get(name);
    this.#version += 1;
    const uid = known?.metadata?.uid ?? `uid ${this.#version}`;
    const object = configMap(name, this.#version, uid);
    this.#objects.set(name, object);
    this.#tell({ type: known === undefined ? 'ADDED' : 'MODIFIED', object });
  }

  remove(name: string): void {
    const known = this.#objects.get(name);
    if (known === undefined) return;
    this.#version += 1;
    this.#objects.delete(name);
    this.#tell({ type: 'DELETED', object: configMap(name, this.#version, known.metadata?.uid) });
  }

  /** Something else in the store changes, which no watcher of ours hears of. */
  changeElsewhere(): void {
    this.#version += 1;
  }

  bookmark(): void {
    const metadata = { resourceVersion: String(this.#version) };
    this.#send({ type: 'BOOKMARK', object: { apiVersion: 'v1', kind: 'ConfigMap', metadata } });
  }

  /** One that does not say where it is. */
  emptyBookmark(): void {
    this.#send({ type: 'BOOKMARK', object: { apiVersion: 'v1', kind: 'ConfigMap' } });
  }

  /** A type of event that no client of today knows. */
  sendUnknown(): void {
    const object = configMap('unknown', this.#version + 100);
    this.#send({ type: 'SPARKLE', object } as unknown as Event);
  }

  /** What is pending in a connection is lost with it. */
  endWatches(end: 'in order' | Error): void {
    for (const watch of this.#watches) {
      watch.end = end;
      watch.wake();
    }
  }

  /** Forgets every version before the one of now. */
  compact(): void {
    this.#forgotten = this.#version;
    this.#history = [];
  }

  /** How each of the next calls fails; undefined: it works. */
  refuse(...errors: readonly (Error | undefined)[]): void {
    this.#refusals.push(...errors);
  }

  async list(
    _type: ResourceType<ConfigMap>,
    options: ListOptions = {},
  ): Promise<ListResult<ConfigMap>> {
    this.calls.push('list');
    this.selections.push(selected(options));
    this.#mayRefuse();
    return { items: this.objects, resourceVersion: String(this.#version) };
  }

  async *watch(
    _type: ResourceType<ConfigMap>,
    options: WatchOptions,
    signal: AbortSignal,
  ): AsyncGenerator<Event, void, void> {
    const from = Number(options.resourceVersion);
    const { allowWatchBookmarks, timeoutSeconds } = options;
    this.calls.push(`watch from ${from}`);
    this.selections.push(selected(options));
    if (allowWatchBookmarks !== true || timeoutSeconds === undefined) {
      throw new Error('a watch without bookmarks, or without a time');
    }
    this.#mayRefuse();
    if (from < this.#forgotten) throw expired(`too old resource version: ${from}`);
    const pending = this.#history.filter(({ object }) => versionOf(object) > from);
    const watch: OpenWatch = { pending, end: undefined, wake: () => undefined };
    const onAbort = () => watch.wake();
    this.#watches.add(watch);
    signal.addEventListener('abort', onAbort);
    try {
      for (;;) {
        if (signal.aborted || watch.end === 'in order') return;
        if (watch.end !== undefined) throw watch.end;
        const event = watch.pending.shift();
        if (event !== undefined) yield event;
        else {
          await new Promise<void>((resolve) => {
            watch.wake = resolve;
          });
        }
      }
    } finally {
      this.#watches.delete(watch);
      signal.removeEventListener('abort', onAbort);
    }
  }

  #tell(event: Event): void {
    this.#history.push(event);
    this.#send(event);
  }

  #send(event: Event): void {
    for (const watch of this.#watches) {
      watch.pending.push(event);
      watch.wake();
    }
  }

  #mayRefuse(): void {
    const error = this.#refusals.shift();
    if (error !== undefined) throw error;
  }
}

function selected(options: ListOptions): string {
  const { namespace, labelSelector, fieldSelector, metadataOnly = false } = options;
  const said = [namespace, labelSelector, fieldSelector, metadataOnly ? 'metadata only' : ''];
  return said.filter(Boolean).join(', ') || 'all';
}

const versionOf = ({ metadata }: ConfigMap): number => Number(metadata?.resourceVersion);

/** A target that writes down what it is told: `replace a@1 b@2`, `put a@3`, `remove shop/a`. */
export function writtenTarget(): ReflectorTarget<ConfigMap> & { readonly told: string[] } {
  const told: string[] = [];
  return {
    told,
    replace: (objects) => void told.push(['replace', ...objects.map(shown)].join(' ')),
    put: (object) => void told.push(`put ${shown(object)}`),
    remove: (key, last) => void told.push(`remove ${key}, last ${keyOf(last)}`),
  };
}

export interface Reflecting extends AsyncDisposable {
  readonly clock: FakeClock;
  /** Whether it waits for the clock. */
  readonly waits: boolean;
  settle(): Promise<void>;
  /** Ends it, and resolves when it has ended. */
  stop(): Promise<void>;
}

/** A reflector at work between the model server and a target. */
export async function startReflector(
  server: ModelServer,
  target: ReflectorTarget<ConfigMap>,
  options: ReflectorOptions = {},
): Promise<Reflecting> {
  const clock = new FakeClock();
  const log = new FaultLog();
  const stopped = new AbortController();
  const client = server as unknown as Client;
  const reflector = new Reflector(client, resources.configMaps, target, {
    clock,
    random: () => 0,
    log,
    ...options,
  });
  const running = reflector.run(stopped.signal);
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 3; i += 1) await nextTurn();
    if (log.fault !== undefined) throw new Error(log.fault);
  };
  const stop = async (): Promise<void> => {
    stopped.abort();
    await running;
  };
  await settle();
  return {
    clock,
    get waits() {
      return clock.pendingTimers > 0;
    },
    settle,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** What a reflector catches may be a function that is still to be written: then nothing more will come, and the test shall say so. */
class FaultLog implements Logger {
  fault: string | undefined;
  warn(_message: string, { err = '' }: LogFields = {}): void {
    if (String(err).includes('is not written yet')) this.fault = String(err);
  }
  error(): void {}
  info(): void {}
  debug(): void {}
  child(): Logger {
    return this;
  }
}

export const refusal = (reason: ApiError['reason']): ApiError =>
  new ApiError(reason, `the server says ${reason}`);
