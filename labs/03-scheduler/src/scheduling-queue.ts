// SchedulingQueue: which pod is next, and when a pod that fitted nowhere is worth another try.
//
//   active ──pop()──▶ in flight ──done()──▶ (gone)
//     ▲                  │ requeue()
//     │ time is over     ├──▶ backoff          the attempt failed by itself, or something helpful happened meanwhile
//     └──────────────────┘    ▲   ▲
//     ▲                       │   │ moveOn(event) that helps, within the backoff time
//     └── moveOn(event) ── unschedulable       waits for an event that could help, at most UNSCHEDULABLE_MS_MAX
//
// Invariants: a pod is in exactly one place; one that is in flight is not handed out again; an event that came while it was in flight
// counts as if it had come right after. Backoff is 1 s doubled with every attempt, up to 10 s.
// Pods are known by uid, so a pod that was deleted and made again under its name is another pod.
// Same idea upstream: kubernetes, pkg/scheduler/backend/queue. Left out: scheduling gates, queueing hints (a
// plugin's events are not looked at more closely), nominated pods.

import { type Clock, realClock } from '@kube-labs/apiserver';
import type { Pod } from 'kubernetes-types/core/v1';
import { uidOf } from './cluster-cache.ts';
import type { ClusterEvent } from './framework.ts';
import { Heap } from './heap.ts';

export interface SchedulingQueueOptions {
  readonly clock?: Clock;
  /** Whether an event could help a pod that these plugins rejected. */
  readonly couldHelp: (event: ClusterEvent, rejectedBy: ReadonlySet<string>) => boolean;
}

export interface QueuedPod {
  readonly pod: Pod;
  /** This one included. */
  readonly attempts: number;
  /** When the pod was first seen: for the metric of how long it took. */
  readonly firstSeenAt: number;
}

/** Why a pod comes back: plugins rejected it on every node, or something went wrong on the way. */
export type Failure =
  | { readonly kind: 'unschedulable'; readonly rejectedBy: ReadonlySet<string> }
  | { readonly kind: 'error' };

type Place =
  | { readonly kind: 'active' }
  | { readonly kind: 'in-flight'; readonly events: Set<ClusterEvent> }
  | { readonly kind: 'backoff'; readonly until: number }
  | {
      readonly kind: 'unschedulable';
      readonly since: number;
      readonly rejectedBy: ReadonlySet<string>;
    };

interface Entry {
  pod: Pod;
  place: Place;
  attempts: number;
  /** Order among pods of one priority. */
  queuedAt: number;
  failedAt: number;
  readonly firstSeenAt: number;
  /** Changes with every move; a heap's item with an old one is no longer meant. */
  ticket: number;
}

/** An item of a heap: it carries what it is sorted by, since the entry may change while it lies there. */
interface Ticket {
  readonly entry: Entry;
  readonly ticket: number;
  readonly priority: number;
  readonly at: number;
}

const BACKOFF_MS = 1_000;
const BACKOFF_MS_MAX = 10_000;
const UNSCHEDULABLE_MS_MAX = 5 * 60_000;

export class SchedulingQueue {
  readonly #clock: Clock;
  readonly #couldHelp: SchedulingQueueOptions['couldHelp'];
  readonly #entries = new Map<string, Entry>();
  /** Of the entries, those that an event may concern. */
  readonly #waiting = new Set<Entry>();
  readonly #active = new Heap<Ticket>(comesFirst);
  readonly #backoff = new Heap<Ticket>(comesFirst);
  #lastTicket = 0;
  #backoffTimer: unknown;
  #wake: (() => void) | undefined;

  constructor({ clock = realClock, couldHelp }: SchedulingQueueOptions) {
    this.#clock = clock;
    this.#couldHelp = couldHelp;
  }

  add(pod: Pod): void {
    if (this.#entries.has(uidOf(pod))) {
      this.update(pod);
      return;
    }
    const now = this.#clock.now();
    const entry: Entry = {
      pod,
      place: { kind: 'active' },
      attempts: 0,
      queuedAt: now,
      failedAt: 0,
      firstSeenAt: now,
      ticket: 0,
    };
    this.#entries.set(uidOf(pod), entry);
    this.#activate(entry);
  }

  /** A pod that fitted nowhere gets another try when somebody changed it; its status does not count. */
  update(pod: Pod): void {
    const entry = this.#entries.get(uidOf(pod));
    if (entry === undefined) return;
    const changed = specChanged(entry.pod, pod);
    entry.pod = pod;
    if (changed && entry.place.kind === 'unschedulable') this.#retry(entry);
    else if (changed && entry.place.kind === 'active') this.#activate(entry); // Its priority may differ.
  }

  delete(uid: string): void {
    const entry = this.#entries.get(uid);
    if (entry === undefined) return;
    entry.ticket = ++this.#lastTicket;
    this.#waiting.delete(entry);
    this.#entries.delete(uid);
  }

  /** The next pod, which is then in flight until done() or requeue(). Undefined when the signal aborts. */
  async pop(signal: AbortSignal): Promise<QueuedPod | undefined> {
    while (!signal.aborted) {
      const entry = this.#takeActive();
      if (entry !== undefined) {
        entry.attempts++;
        this.#move(entry, { kind: 'in-flight', events: new Set() });
        const { pod, attempts, firstSeenAt } = entry;
        return { pod, attempts, firstSeenAt };
      }
      await this.#untilWoken(signal);
    }
    return undefined;
  }

  /** The pod is bound. */
  done(uid: string): void {
    if (this.#entries.get(uid)?.place.kind === 'in-flight') this.delete(uid);
  }

  /** The attempt failed. Does nothing when the pod was deleted meanwhile. */
  requeue(pod: Pod, failure: Failure): void {
    const entry = this.#entries.get(uidOf(pod));
    if (entry?.place.kind !== 'in-flight') return;
    const { events } = entry.place;
    const changed = specChanged(pod, entry.pod);
    entry.failedAt = this.#clock.now();
    if (failure.kind === 'error' || changed || this.#anyHelps(events, failure.rejectedBy)) {
      this.#retry(entry);
      return;
    }
    const { rejectedBy } = failure;
    this.#move(entry, { kind: 'unschedulable', since: entry.failedAt, rejectedBy });
  }

  /** Something happened in the cluster: whoever it could help is tried again. */
  moveOn(event: ClusterEvent): void {
    for (const entry of this.#waiting) {
      const { place } = entry;
      if (place.kind === 'in-flight') place.events.add(event);
      else if (place.kind === 'unschedulable' && this.#couldHelp(event, place.rejectedBy)) {
        this.#retry(entry);
      }
    }
  }

  /** Tries again what has waited too long: an event may have been missed, or not have been thought of. */
  flushUnschedulable(): void {
    const limit = this.#clock.now() - UNSCHEDULABLE_MS_MAX;
    for (const entry of this.#waiting) {
      if (entry.place.kind === 'unschedulable' && entry.place.since <= limit) this.#retry(entry);
    }
  }

  /** How many pods are where. */
  counts(): Readonly<Record<Place['kind'], number>> {
    const counts = { active: 0, 'in-flight': 0, backoff: 0, unschedulable: 0 };
    for (const { place } of this.#entries.values()) counts[place.kind]++;
    return counts;
  }

  /** Stops the timer; the queue is not used afterwards. */
  close(): void {
    this.#clock.clearTimeout(this.#backoffTimer);
  }

  #anyHelps(events: ReadonlySet<ClusterEvent>, rejectedBy: ReadonlySet<string>): boolean {
    return [...events].some((event) => this.#couldHelp(event, rejectedBy));
  }

  /** Back to active, but not before its backoff is over. */
  #retry(entry: Entry): void {
    const until = entry.failedAt + backoffMs(entry.attempts);
    if (until <= this.#clock.now()) {
      this.#activate(entry);
      return;
    }
    this.#move(entry, { kind: 'backoff', until });
    this.#backoff.push({ entry, ticket: entry.ticket, priority: 0, at: until });
    this.#armBackoff();
  }

  #activate(entry: Entry): void {
    if (entry.place.kind !== 'active') entry.queuedAt = this.#clock.now();
    this.#move(entry, { kind: 'active' });
    const priority = entry.pod.spec?.priority ?? 0;
    this.#active.push({ entry, ticket: entry.ticket, priority, at: entry.queuedAt });
    this.#wake?.();
  }

  #move(entry: Entry, place: Place): void {
    entry.place = place;
    entry.ticket = ++this.#lastTicket;
    const mayMove = place.kind === 'in-flight' || place.kind === 'unschedulable';
    if (mayMove) this.#waiting.add(entry);
    else this.#waiting.delete(entry);
  }

  #takeActive(): Entry | undefined {
    for (let next = this.#active.pop(); next !== undefined; next = this.#active.pop()) {
      if (next.ticket === next.entry.ticket) return next.entry;
    }
    return undefined;
  }

  /** One timer, for the pod whose backoff ends first. */
  #armBackoff(): void {
    this.#clock.clearTimeout(this.#backoffTimer);
    const now = this.#clock.now();
    for (let next = this.#backoff.peek(); next !== undefined; next = this.#backoff.peek()) {
      const isMeant = next.ticket === next.entry.ticket;
      if (isMeant && next.at > now) {
        this.#backoffTimer = this.#clock.setTimeout(() => this.#armBackoff(), next.at - now);
        return;
      }
      this.#backoff.pop();
      if (isMeant) this.#activate(next.entry);
    }
  }

  #untilWoken(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#wake = undefined;
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#wake = wake;
      signal.addEventListener('abort', wake);
    });
  }
}

/** PrioritySort: the higher priority, then who has waited longer, then who came first. */
function comesFirst(one: Ticket, other: Ticket): boolean {
  if (one.priority !== other.priority) return one.priority > other.priority;
  return one.at === other.at ? one.ticket < other.ticket : one.at < other.at;
}

function backoffMs(attempts: number): number {
  return Math.min(BACKOFF_MS_MAX, BACKOFF_MS * 2 ** (Math.min(attempts, 30) - 1));
}

function specChanged(previous: Pod, pod: Pod): boolean {
  const relevant = ({ metadata, spec }: Pod) =>
    JSON.stringify([metadata?.labels, metadata?.annotations, metadata?.deletionTimestamp, spec]);
  return previous !== pod && relevant(previous) !== relevant(pod);
}
