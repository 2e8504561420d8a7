// EventRecorder: tells people what a component did to an object, as core/v1 events (`kubectl describe`, `kubectl events`).
//
//   1. event() never throws and never waits: events are a courtesy, and the work does not depend on them.
//   2. The same event again raises the count of the first one instead of making a new one; similar ones are combined, and of
//      too many about one object some are dropped: see EventCorrelator.
//   3. At most QUEUE_LENGTH_MAX events wait; then the newest is dropped. An event that the server turns down is dropped
//      too; one that did not reach it is tried again, ATTEMPTS_MAX times in all.
//
// Same idea upstream: k8s.io/client-go/tools/record (EventBroadcaster, EventCorrelator).
// Left out: events.k8s.io/v1 series.

import { type Logger, silentLogger } from '@kube-labs/store';
import type { Event, ObjectReference } from 'kubernetes-types/core/v1';
import { ApiError } from '../api-error.ts';
import type { Client } from './client.ts';
import { type Clock, realClock } from './clock.ts';
import {
  type Correlated,
  EventCorrelator,
  type EventDraft,
  type KnownEvent,
} from './event-correlator.ts';
import { type KubernetesObject, resources } from './resources.ts';

export interface EventRecorderOptions {
  readonly clock?: Clock;
  readonly log?: Logger;
  /** Between two attempts when the server cannot be reached. Default 10 s, as upstream. */
  readonly retryMs?: number;
}

export type EventType = 'Normal' | 'Warning';

const QUEUE_LENGTH_MAX = 1_000;
const ATTEMPTS_MAX = 12;
const RETRY_MS = 10_000;
const FLUSH_MS = 5_000;
const MESSAGE_CHARS_MAX = 1_024;

export class EventRecorder {
  readonly #client: Client;
  readonly #component: string;
  readonly #host: string | undefined;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #retryMs: number;
  readonly #queue: EventDraft[] = [];
  readonly #correlator: EventCorrelator;
  #sending: Promise<void> | undefined;
  #flushing = false;
  #endPause: (() => void) | undefined;
  #sequence = 0;

  constructor(
    client: Client,
    component: string,
    host?: string,
    options: EventRecorderOptions = {},
  ) {
    this.#client = client;
    this.#component = component;
    this.#host = host;
    this.#clock = options.clock ?? realClock;
    this.#correlator = new EventCorrelator(this.#clock);
    this.#log = options.log ?? silentLogger;
    this.#retryMs = options.retryMs ?? RETRY_MS;
  }

  /** `fieldPath` says which part of the object it is about: spec.containers{web}. */
  event(
    object: KubernetesObject & { fieldPath?: string },
    type: EventType,
    reason: string,
    message: string,
  ): void {
    if (this.#queue.length >= QUEUE_LENGTH_MAX) {
      this.#log.debug('Dropped an event, too many are waiting', { reason });
      return;
    }
    const text = message.slice(0, MESSAGE_CHARS_MAX);
    const at = this.#clock.now();
    this.#queue.push({ involvedObject: referenceTo(object), type, reason, message: text, at });
    this.#sending ??= this.#sendAll();
  }

  /** Resolves when everything was sent, or after five seconds. No waiting for a server that cannot be reached. */
  async flush(): Promise<void> {
    if (this.#sending === undefined) return;
    this.#flushing = true;
    this.#endPause?.();
    let timer: unknown;
    const timeout = new Promise<void>((resolve) => {
      timer = this.#clock.setTimeout(resolve, FLUSH_MS);
    });
    await Promise.race([this.#sending, timeout]);
    this.#clock.clearTimeout(timer);
    this.#flushing = false;
  }

  async #sendAll(): Promise<void> {
    await Promise.resolve(); // The caller of event() goes on first.
    for (let draft = this.#queue.shift(); draft !== undefined; draft = this.#queue.shift()) {
      const correlated = this.#correlator.correlate(draft);
      if (correlated !== undefined) await this.#send(correlated);
    }
    this.#sending = undefined;
  }

  async #send(event: Correlated): Promise<void> {
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
      try {
        await this.#write(event);
        return;
      } catch (error) {
        const final = ApiError.is(error) || this.#flushing || attempt === ATTEMPTS_MAX;
        const { reason } = event.draft;
        this.#log.debug('Could not write an event', { reason, err: error, final });
        if (final) return;
        await this.#pause();
      }
    }
  }

  /** Counts up the event that is already there, or creates one. */
  async #write({ draft, identity, known }: Correlated): Promise<void> {
    if (known !== undefined) {
      try {
        await this.#countUp(draft, known);
        this.#correlator.written(identity, { ...known, count: known.count + 1 });
        return;
      } catch (error) {
        if (!ApiError.is(error, 'NotFound')) throw error; // It expired: create it again, with its count.
      }
    }
    const event = this.#build(draft, known);
    await this.#client.create(resources.events, event);
    const { count = 1, firstTimestamp = '' } = event;
    this.#correlator.written(identity, { name: event.metadata.name ?? '', count, firstTimestamp });
  }

  async #countUp(draft: EventDraft, known: KnownEvent): Promise<void> {
    const ref = { namespace: namespaceOf(draft.involvedObject), name: known.name };
    const { message } = draft;
    const patch = { count: known.count + 1, lastTimestamp: timestamp(draft.at), message };
    await this.#client.patch(resources.events, ref, patch, { type: 'merge' });
  }

  #build(draft: EventDraft, known: KnownEvent | undefined): Event {
    const { involvedObject, type, reason, message } = draft;
    const at = timestamp(draft.at);
    return {
      metadata: { name: this.#nameFor(draft), namespace: namespaceOf(involvedObject) },
      involvedObject,
      reason,
      message,
      type,
      source: {
        component: this.#component,
        ...(this.#host === undefined ? {} : { host: this.#host }),
      },
      reportingComponent: this.#component,
      reportingInstance: this.#host ?? '',
      count: (known?.count ?? 0) + 1,
      firstTimestamp: known?.firstTimestamp ?? at,
      lastTimestamp: at,
    };
  }

  /** `<object>.<hex>`: the time in nanoseconds, made unique by a sequence in its last digits. */
  #nameFor({ involvedObject, at }: EventDraft): string {
    this.#sequence = (this.#sequence + 1) % 1_000_000;
    const nanoseconds = BigInt(at) * 1_000_000n + BigInt(this.#sequence);
    return `${involvedObject.name}.${nanoseconds.toString(16)}`;
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        this.#clock.clearTimeout(timer);
        this.#endPause = undefined;
        resolve();
      };
      const timer = this.#clock.setTimeout(end, this.#retryMs);
      this.#endPause = end;
    });
  }
}

/** Objects without a namespace (nodes) have their events in `default`, as upstream. */
function namespaceOf(reference: ObjectReference): string {
  return reference.namespace ?? 'default';
}

function referenceTo(object: KubernetesObject & { fieldPath?: string }): ObjectReference {
  const { namespace, name, uid, resourceVersion } = object.metadata ?? {};
  return {
    kind: object.kind ?? '',
    name: name ?? '',
    apiVersion: object.apiVersion ?? '',
    ...(namespace ? { namespace } : {}),
    ...(uid ? { uid } : {}),
    ...(resourceVersion ? { resourceVersion } : {}),
    ...(object.fieldPath ? { fieldPath: object.fieldPath } : {}),
  };
}

/** metav1.Time knows whole seconds only. */
function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
