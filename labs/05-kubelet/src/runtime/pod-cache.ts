// PodCache: what the engine has of each pod, kept up to date by the engine's own events.
//
// The engine is asked about a pod when an event names it, when somebody outdates what is known (whoever changed something
// himself), and by refreshAll() about everything, since events can be lost. Nobody asks it only to look.
//
// Invariants: one question about a pod is on its way at a time, and one more may wait for it, which all share that ask
// meanwhile; an answer never replaces one to a later question; whoever asks gets an answer to a question that was put
// after he asked.
//
// Same idea upstream: kubernetes, pkg/kubelet/container/cache.go, and pkg/kubelet/pleg (evented and generic).

import { isDeepStrictEqual } from 'node:util';
import { type Logger, messageOf } from '@kube-labs/apiserver';
import type { PodIdentity, RuntimeEvent, RuntimePod, RuntimeService } from './runtime.ts';

export interface PodCacheOptions {
  readonly runtime: Pick<RuntimeService, 'listPods' | 'podStatus' | 'events'>;
  readonly log: Logger;
}

type PodEvent = Extract<RuntimeEvent, { type: 'pod' }>;

interface Known {
  readonly pod: RuntimePod;
  /** When the question was put that this answers. */
  readonly askedAt: number;
}

interface Asking {
  readonly askedAt: number;
  readonly now: Promise<RuntimePod>;
  next: Promise<RuntimePod> | undefined;
}

export class PodCache {
  readonly #options: PodCacheOptions;
  readonly #known = new Map<string, Known>();
  /** When something was changed of which the answer is not known yet. */
  readonly #outdated = new Map<string, number>();
  readonly #asking = new Map<string, Asking>();
  readonly #listeners = new Set<(pod: PodIdentity) => void>();
  readonly #changing = new Set<string>();
  /** Puts questions and changes in order. */
  #time = 0;
  /** Everything was listed, and nothing speaks against it: of a pod that is not known the engine has nothing. */
  #isComplete = false;

  constructor(options: PodCacheOptions) {
    this.#options = options;
  }

  /** All of which the engine had something when it was last asked. */
  list(): readonly RuntimePod[] {
    return [...this.#known.values()].map(({ pod }) => pod).filter((pod) => !isEmpty(pod));
  }

  has(uid: string): boolean {
    const known = this.#known.get(uid);
    return known !== undefined && !isEmpty(known.pod);
  }

  /** What is known, as long as nothing speaks against it; else what the engine says now. */
  async current(pod: PodIdentity): Promise<RuntimePod> {
    const known = this.#known.get(pod.uid);
    const outdatedAt = this.#outdated.get(pod.uid);
    if (known !== undefined && outdatedAt === undefined) return known.pod;
    const asking = this.#asking.get(pod.uid);
    const isUntouched = asking === undefined && outdatedAt === undefined;
    if (this.#isComplete && isUntouched) return nothingOf(pod);
    return asking !== undefined && asking.askedAt > (outdatedAt ?? 0)
      ? asking.now
      : this.refresh(pod);
  }

  refresh(pod: PodIdentity): Promise<RuntimePod> {
    const asking = this.#asking.get(pod.uid);
    if (asking === undefined) return this.#ask(pod);
    asking.next ??= asking.now.then(
      () => this.#ask(pod),
      () => this.#ask(pod),
    );
    return asking.next;
  }

  /** Something was done to the pod: what is known of it no longer counts. */
  outdate(uid: string): void {
    this.#outdated.set(uid, ++this.#time);
  }

  /** Whoever changes something of a pod himself is not told by each start that he has started it: he asks when he has done. */
  async change<T>(uid: string, work: () => Promise<T>): Promise<T> {
    this.#changing.add(uid);
    try {
      return await work();
    } finally {
      this.#changing.delete(uid);
      this.outdate(uid);
    }
  }

  /** Asks about everything, and tells of what events did not. */
  async refreshAll(): Promise<void> {
    const askedAt = ++this.#time;
    const found = await this.#options.runtime.listPods();
    const uids = new Set(found.map(({ identity }) => identity.uid));
    const gone = this.list().filter(({ identity }) => !uids.has(identity.uid));
    this.#forgetEmpty(askedAt);
    const all = [...found, ...gone.map(({ identity }) => nothingOf(identity))];
    for (const pod of all) if (this.#note(pod, askedAt)) this.#tell(pod.identity);
    this.#isComplete = true;
  }

  /** Calls back after an event, or where the engine has something else than was known. */
  onChange(listener: (pod: PodIdentity) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Follows the engine. @param onResync the connection is new: anything may have happened before it. */
  async run(onResync: () => void, signal: AbortSignal): Promise<void> {
    for await (const event of this.#options.runtime.events(signal)) {
      // Not waited for: what happens to one pod must not wait for the engine's answer about another.
      if (event.type === 'resync') void this.#resync().then(onResync);
      else void this.#follow(event);
    }
  }

  async #resync(): Promise<void> {
    this.#isComplete = false;
    for (const uid of this.#known.keys()) this.outdate(uid);
    try {
      await this.refreshAll();
    } catch (error) {
      this.#options.log.warn('Failed to relist pods', { err: messageOf(error) });
    }
  }

  async #follow({ pod, action }: PodEvent): Promise<void> {
    this.outdate(pod.uid);
    const isOwnDoing = action === 'start' && this.#changing.has(pod.uid);
    try {
      if (!isOwnDoing) await this.refresh(pod);
    } catch (error) {
      // Outdated it stays: whoever looks next asks again.
      this.#options.log.warn('Failed to look at pod', { podUID: pod.uid, err: messageOf(error) });
    }
    this.#tell(pod);
  }

  #ask(pod: PodIdentity): Promise<RuntimePod> {
    const askedAt = ++this.#time;
    const answer = async () => {
      try {
        const found = await this.#options.runtime.podStatus(pod);
        this.#note(found, askedAt);
        return found;
      } finally {
        if (asking.next === undefined) this.#asking.delete(pod.uid);
      }
    };
    const asking: Asking = { askedAt, now: answer(), next: undefined };
    this.#asking.set(pod.uid, asking);
    return asking.now;
  }

  /** @returns whether it is news. */
  #note(pod: RuntimePod, askedAt: number): boolean {
    const { uid } = pod.identity;
    const known = this.#known.get(uid);
    if (known !== undefined && known.askedAt > askedAt) return false;
    if ((this.#outdated.get(uid) ?? 0) < askedAt) this.#outdated.delete(uid);
    this.#known.set(uid, { pod, askedAt });
    return !isDeepStrictEqual(known?.pod ?? nothingOf(pod.identity), pod);
  }

  /** Those that were empty before are kept until now only so that no earlier question's answer comes after them. */
  #forgetEmpty(askedBefore: number): void {
    for (const [uid, { pod, askedAt }] of this.#known) {
      if (askedAt > askedBefore || !isEmpty(pod)) continue;
      this.#known.delete(uid);
      // What was done since the list was asked for it may not tell of.
      if ((this.#outdated.get(uid) ?? 0) < askedBefore) this.#outdated.delete(uid);
    }
  }

  #tell(pod: PodIdentity): void {
    for (const listener of this.#listeners) listener(pod);
  }
}

function isEmpty({ sandboxes, containers }: RuntimePod): boolean {
  return sandboxes.length + containers.length === 0;
}

function nothingOf(identity: PodIdentity): RuntimePod {
  return { identity, sandboxes: [], containers: [] };
}
