// EventCorrelator: of many events, which are written, and as what.
//
//   the same again (object, type, reason, message)         counts up the one that is there
//   ten or more that differ in their message only,         become one: "(combined from similar events): …"
//     within ten minutes
//   more than 25 of one source about one object            are dropped; one more every five minutes
// Pure but for its memory: drafts in, decisions out; whoever writes tells it what was written.
// Numbers and words are upstream's: k8s.io/client-go/tools/record/events_cache.go.

import type { ObjectReference } from 'kubernetes-types/core/v1';
import type { Clock } from './clock.ts';
import { RateLimiter } from './rate-limiter.ts';

export interface EventDraft {
  readonly involvedObject: ObjectReference;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** An event as it is in the API server. */
export interface KnownEvent {
  readonly name: string;
  readonly count: number;
  readonly firstTimestamp: string;
}

export interface Correlated {
  readonly draft: EventDraft;
  /** What written() must be told. */
  readonly identity: string;
  /** The event that is counted up; undefined = a new one. */
  readonly known: KnownEvent | undefined;
}

const MEMORY_MAX = 4_096;
const SIMILAR_MAX = 10;
const SIMILAR_MS = 600_000;
const SPAM_LIMIT = { burst: 25, perSecond: 1 / 300 };
const COMBINED = '(combined from similar events): ';

interface Similar {
  readonly messages: Set<string>;
  lastMs: number;
}

export class EventCorrelator {
  readonly #clock: Clock;
  readonly #known = new Map<string, KnownEvent>();
  readonly #similar = new Map<string, Similar>();
  readonly #limiters = new Map<string, RateLimiter>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Undefined = the event is dropped: there are too many about this object. */
  correlate(draft: EventDraft): Correlated | undefined {
    const combined = this.#combine(draft);
    const key = keyOf(draft.involvedObject);
    const limiter = this.#limiters.get(key) ?? new RateLimiter(SPAM_LIMIT, this.#clock);
    remember(this.#limiters, key, limiter);
    if (!limiter.tryTake()) return undefined;
    const identity = identityOf(draft, combined === draft);
    return { draft: combined, identity, known: this.#known.get(identity) };
  }

  written(identity: string, known: KnownEvent): void {
    remember(this.#known, identity, known);
  }

  /** The draft itself, or one that stands for it and those like it. */
  #combine(draft: EventDraft): EventDraft {
    const key = similarityOf(draft);
    const found = this.#similar.get(key);
    const isFresh = found !== undefined && draft.at - found.lastMs <= SIMILAR_MS;
    const similar = isFresh ? found : { messages: new Set<string>(), lastMs: draft.at };
    remember(this.#similar, key, similar);
    similar.messages.add(draft.message);
    similar.lastMs = draft.at;
    if (similar.messages.size < SIMILAR_MAX) return draft;
    // The oldest makes room: how many there were does not matter any more.
    for (const oldest of similar.messages) {
      if (similar.messages.size < SIMILAR_MAX) break;
      similar.messages.delete(oldest);
    }
    similar.messages.add(draft.message);
    return { ...draft, message: COMBINED + draft.message };
  }
}

/** Of a Map as of a cache: what was used last goes last. */
function remember<V>(memory: Map<string, V>, key: string, value: V): void {
  memory.delete(key);
  memory.set(key, value);
  if (memory.size <= MEMORY_MAX) return;
  for (const oldest of memory.keys()) {
    memory.delete(oldest);
    return;
  }
}

/** Combined events are one, whatever the last message was. */
function identityOf(draft: EventDraft, isSingle: boolean): string {
  return isSingle ? JSON.stringify([similarityOf(draft), draft.message]) : similarityOf(draft);
}

function similarityOf({ involvedObject, type, reason }: EventDraft): string {
  return JSON.stringify([keyOf(involvedObject), involvedObject.fieldPath, type, reason]);
}

function keyOf({ kind, namespace, name, uid }: ObjectReference): string {
  return JSON.stringify([kind, namespace, name, uid]);
}
