// PodWorkers: one worker for each pod; a worker does one thing at a time, and never forgets a wake-up.
//
//   syncing ──(deleted, finished, orphaned)──▶ terminating ──(nothing runs)──▶ terminated ──(nothing is left)──▶ gone
//
// There is no way back: a pod that began to terminate is never started again. A worker sleeps until it is woken by a change
// of its pod, an event of the runtime, a probe, or its own timer. A deletion interrupts what is going on, and so does a
// grace period that becomes shorter. A failed step is tried again with growing pauses.
//
// Same idea upstream: kubernetes, pkg/kubelet/pod_workers.go. A static pod that comes again waits for the one before it where
// it is read: config/file-source.ts.

import { type Clock, type Logger, messageOf } from '@kube-labs/apiserver';
import type { Pod, PodCondition } from 'kubernetes-types/core/v1';
import type { PodIdentity } from '../runtime/runtime.ts';

/** A pod as its worker knows it. `pod` is absent for containers that the API knows nothing of. */
export interface WorkedPod {
  readonly identity: PodIdentity;
  readonly pod: Pod | undefined;
}

/** Why a pod ends. */
export type Ending =
  /** Somebody wants it away. */
  | { readonly why: 'deleted' }
  /** Its containers have ended, by its own restart policy for good; or the API says that they have. */
  | { readonly why: 'finished' }
  /** The kubelet will not have it, or not any more: it has failed, and this is what its status then says. */
  | {
      readonly why: 'rejected' | 'evicted' | 'deadline' | 'shutdown';
      readonly reason: string;
      readonly message: string;
      readonly condition?: Pick<PodCondition, 'type' | 'status' | 'reason' | 'message'>;
    };

export type WorkState =
  | { readonly state: 'syncing' }
  | { readonly state: 'terminating'; readonly graceSeconds: number; readonly ending: Ending }
  | { readonly state: 'terminated'; readonly ending: Ending }
  | { readonly state: 'gone' };

export interface SyncResult {
  readonly final: boolean;
  readonly againAfterMs?: number;
  readonly ending?: Ending;
}

/** The effects. All three may be called any number of times, and throw when they should be called again. */
export interface PodSyncer {
  /** Resolves with `final` when nothing of the pod will ever run again by its own restart policy, with `ending` to end it. */
  syncPod(pod: Pod, signal: AbortSignal): Promise<SyncResult>;
  syncTerminating(
    work: WorkedPod,
    options: { readonly graceSeconds: number; readonly ending: Ending },
    signal: AbortSignal,
  ): Promise<void>;
  /** @param options.deleted everything goes, not only what a finished pod no longer needs. */
  syncTerminated(work: WorkedPod, options: { readonly deleted: boolean }): Promise<void>;
}

export interface PodWorkersOptions {
  readonly syncer: PodSyncer;
  readonly clock: Clock;
  readonly log: Logger;
  /** A pod is looked at this often when nothing happens. */
  readonly resyncMs?: number;
  /** Nothing of the pod is left, and its worker has gone. */
  onGone?(identity: PodIdentity): void;
}

interface Worker {
  readonly identity: PodIdentity;
  pod: Pod | undefined;
  work: WorkState;
  /** The pod is to vanish from the node: it is being deleted in the API, or is not known there. */
  deleted: boolean;
  /** The API has no such object (any more): when the node is clean, nobody needs the worker. */
  unknown: boolean;
  dirty: boolean;
  running: boolean;
  failures: number;
  timer: unknown;
  interrupt: AbortController;
  /** Who wait until nothing of the pod runs any more. */
  readonly waiting: Set<() => void>;
}

const RESYNC_MS = 60_000;
const RETRY_BASE_MS = 500;
const RETRY_MAX_MS = 20_000;

export class PodWorkers {
  readonly #options: PodWorkersOptions;
  readonly #workers = new Map<string, Worker>();
  /** Of all workers that are at work. */
  readonly #loops = new Set<Promise<void>>();
  #stopped = false;

  constructor(options: PodWorkersOptions) {
    this.#options = options;
  }

  has(uid: string): boolean {
    return this.#workers.has(uid);
  }

  hasName({ namespace, name }: Omit<PodIdentity, 'uid'>): boolean {
    const isOf = ({ identity }: Worker) =>
      identity.name === name && identity.namespace === namespace;
    return [...this.#workers.values()].some(isOf);
  }

  stateOf(uid: string): WorkState | undefined {
    return this.#workers.get(uid)?.work;
  }

  /** The pod as the API has it now, new or changed. */
  update(pod: Pod): void {
    const identity = identityOf(pod);
    const worker = this.#workers.get(identity.uid) ?? this.#add(identity);
    worker.pod = pod;
    const isFinal = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
    if (pod.metadata?.deletionTimestamp !== undefined) {
      worker.deleted = true;
      this.#terminate(worker, graceOf(pod), { why: 'deleted' });
    } else if (isFinal) {
      this.#terminate(worker, graceOf(pod), { why: 'finished' });
    }
    this.wake(identity.uid);
  }

  /** The pod's object is newer, but nothing in it that the worker acts upon has changed. */
  refresh(pod: Pod): void {
    const worker = this.#workers.get(pod.metadata?.uid ?? '');
    if (worker !== undefined) worker.pod = pod;
  }

  /** The API no longer has the pod, or never had it: what is left of it on this node goes. */
  remove(identity: PodIdentity, graceSeconds: number): void {
    const worker = this.#workers.get(identity.uid) ?? this.#add(identity);
    worker.deleted = true;
    worker.unknown = true;
    if (worker.work.state === 'gone') {
      this.#drop(worker);
      return;
    }
    this.#terminate(worker, graceSeconds, { why: 'deleted' });
    this.wake(identity.uid);
  }

  /**
   * The kubelet itself has decided that the pod ends, or never starts. Its object stays, and tells why. Resolves when nothing of it
   * runs any more, or when the workers are stopped.
   */
  end(pod: Pod, ending: Ending, graceSeconds = 0): Promise<void> {
    const identity = identityOf(pod);
    const worker = this.#workers.get(identity.uid) ?? this.#add(identity);
    worker.pod = pod;
    this.#terminate(worker, graceSeconds, ending);
    this.wake(identity.uid);
    if (worker.work.state !== 'terminating' || this.#stopped) return Promise.resolve();
    return new Promise((resolve) => worker.waiting.add(resolve));
  }

  /** Something may have changed: there will be a step that begins after this, at once if none goes on. */
  wake(uid: string): void {
    const worker = this.#workers.get(uid);
    if (worker === undefined || this.#stopped) return;
    worker.dirty = true;
    if (worker.running) return;
    const loop = this.#run(worker).then(() => void this.#loops.delete(loop));
    this.#loops.add(loop);
  }

  wakeAll(): void {
    for (const uid of this.#workers.keys()) this.wake(uid);
  }

  /** Ends the loops, and touches no container. Resolves when the last step has ended: nothing is started after that. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const worker of this.#workers.values()) {
      worker.interrupt.abort();
      this.#options.clock.clearTimeout(worker.timer);
      tellAll(worker.waiting);
    }
    await Promise.all(this.#loops);
  }

  #add(identity: PodIdentity): Worker {
    const worker: Worker = {
      identity,
      pod: undefined,
      work: { state: 'syncing' },
      deleted: false,
      unknown: false,
      dirty: false,
      running: false,
      failures: 0,
      timer: undefined,
      interrupt: new AbortController(),
      waiting: new Set(),
    };
    this.#workers.set(identity.uid, worker);
    return worker;
  }

  #drop(worker: Worker): void {
    this.#options.clock.clearTimeout(worker.timer);
    this.#workers.delete(worker.identity.uid);
    this.#options.onGone?.(worker.identity);
  }

  /** The pod ends, with so many seconds for its processes; or it ends sooner than it was to. Interrupts what goes on for it. */
  #terminate(worker: Worker, graceSeconds: number, ending: Ending): void {
    const { work } = worker;
    const begins = work.state === 'syncing';
    const isShorter = work.state === 'terminating' && graceSeconds < work.graceSeconds;
    if (!begins && !isShorter) return;
    // Who comes later may shorten the end, but it keeps its first reason.
    const reason = work.state === 'terminating' ? work.ending : ending;
    worker.work = { state: 'terminating', graceSeconds, ending: reason };
    worker.failures = 0;
    worker.interrupt.abort();
    worker.interrupt = new AbortController();
  }

  /** One step after the other, until there was no wake-up since the last one began. */
  async #run(worker: Worker): Promise<void> {
    worker.running = true;
    while (worker.dirty && !this.#stopped) {
      worker.dirty = false;
      this.#options.clock.clearTimeout(worker.timer);
      const { signal } = worker.interrupt;
      try {
        const againAfterMs = await this.#step(worker, signal);
        worker.failures = 0;
        const { resyncMs = RESYNC_MS } = this.#options;
        // One that has ended costs nothing until somebody wants something of it.
        if (worker.work.state === 'syncing') this.#wakeAfter(worker, againAfterMs ?? resyncMs);
      } catch (error) {
        if (signal.aborted) worker.dirty = true;
        else this.#retry(worker, error);
      }
    }
    worker.running = false;
  }

  /** One step of what the pod's state demands, and the state it leads to. Resolves with the time after which another is due, if it is known. */
  async #step(worker: Worker, signal: AbortSignal): Promise<number | undefined> {
    const { syncer } = this.#options;
    const { work, pod } = worker;
    switch (work.state) {
      case 'syncing': {
        if (pod === undefined) return undefined;
        const { final, againAfterMs, ending } = await syncer.syncPod(pod, signal);
        if (ending !== undefined) this.#terminate(worker, graceOf(pod), ending);
        else if (final) this.#terminate(worker, 0, { why: 'finished' });
        worker.dirty ||= final || ending !== undefined;
        return againAfterMs;
      }
      case 'terminating':
        await syncer.syncTerminating(worker, work, signal);
        worker.work = { state: 'terminated', ending: work.ending };
        worker.dirty = true;
        tellAll(worker.waiting);
        return undefined;
      case 'terminated': {
        const { deleted } = worker;
        await syncer.syncTerminated(worker, { deleted });
        if (deleted) worker.work = { state: 'gone' };
        if (deleted && worker.unknown) this.#drop(worker);
        return undefined;
      }
      case 'gone':
        return undefined;
      default:
        return work satisfies never;
    }
  }

  /** Tells of a step that failed, and has another made after a pause that doubles with each failure in a row. */
  #retry(worker: Worker, error: unknown): void {
    const pauseMs = Math.min(RETRY_BASE_MS * 2 ** worker.failures, RETRY_MAX_MS);
    worker.failures++;
    const { namespace, name } = worker.identity;
    const fields = { pod: `${namespace}/${name}`, state: worker.work.state, err: messageOf(error) };
    this.#options.log.error('Error syncing pod, will try again', fields);
    this.#wakeAfter(worker, pauseMs);
  }

  /** In place of what the worker waited for until now. */
  #wakeAfter(worker: Worker, delayMs: number): void {
    if (!this.#workers.has(worker.identity.uid) || this.#stopped) return;
    const { clock } = this.#options;
    clock.clearTimeout(worker.timer);
    worker.timer = clock.setTimeout(() => this.wake(worker.identity.uid), delayMs);
  }
}

function tellAll(waiting: Set<() => void>): void {
  for (const tell of waiting) tell();
  waiting.clear();
}

export function identityOf(pod: Pod): PodIdentity {
  const { uid = '', name = '', namespace = '' } = pod.metadata ?? {};
  return { uid, name, namespace };
}

const GRACE_SECONDS_DEFAULT = 30;

function graceOf(pod: Pod): number {
  const { deletionGracePeriodSeconds } = pod.metadata ?? {};
  const grace = deletionGracePeriodSeconds ?? pod.spec?.terminationGracePeriodSeconds;
  // Even a forced deletion gives the process a moment, as upstream does.
  return Math.max(1, grace ?? GRACE_SECONDS_DEFAULT);
}
