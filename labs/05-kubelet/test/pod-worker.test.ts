// A worker's life: never twice at once, nothing forgotten, no way back.

import { FakeClock, silentLogger } from '@kube-labs/apiserver';
import type { Pod } from 'kubernetes-types/core/v1';
import { expect, test, vi } from 'vitest';
import { type Ending, type PodSyncer, PodWorkers } from '#src/pod/pod-worker.ts';
import { IDENTITY, pod } from './objects.ts';

/** A syncer that notes its calls; each waits until the test lets it go on. */
class SlowSyncer implements PodSyncer {
  readonly log: string[] = [];
  final = false;
  ending: Ending | undefined;
  fail = false;
  active = 0;
  activeMax = 0;
  #open: () => void = () => {};
  #gate: Promise<void> | undefined;

  close(): void {
    this.#gate = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  open(): void {
    this.#gate = undefined;
    this.#open();
  }

  async syncPod(_: Pod, signal: AbortSignal) {
    await this.#note('sync', signal);
    if (this.fail) throw new Error('not now');
    return { final: this.final, ...(this.ending === undefined ? {} : { ending: this.ending }) };
  }

  async syncTerminating(
    _: unknown,
    options: { graceSeconds: number; ending: Ending },
    signal: AbortSignal,
  ) {
    const { graceSeconds, ending } = options;
    const why = ending.why === 'deleted' || ending.why === 'finished' ? '' : `, ${ending.reason}`;
    await this.#note(`terminating ${graceSeconds}${why}`, signal);
  }

  async syncTerminated(_: unknown, options: { deleted: boolean }) {
    await this.#note(options.deleted ? 'terminated, deleted' : 'terminated');
  }

  async #note(what: string, signal?: AbortSignal): Promise<void> {
    this.active++;
    this.activeMax = Math.max(this.activeMax, this.active);
    this.log.push(what);
    const aborted = new Promise<void>((resolve) =>
      signal?.addEventListener('abort', () => resolve()),
    );
    await (signal === undefined ? this.#gate : Promise.race([this.#gate, aborted]));
    this.active--;
    signal?.throwIfAborted();
  }
}

function setUp() {
  const syncer = new SlowSyncer();
  const clock = new FakeClock();
  const gone: string[] = [];
  const onGone = ({ uid }: { uid: string }) => gone.push(uid);
  const workers = new PodWorkers({ syncer, clock, log: silentLogger, onGone });
  return { syncer, clock, workers, gone };
}

const deleted = (graceSeconds: number) =>
  pod(
    {},
    { metadata: { ...IDENTITY, deletionTimestamp: 'x', deletionGracePeriodSeconds: graceSeconds } },
  );

test('PodWorkers run one step of a pod at a time, and once more for a wake-up in between', async () => {
  const { syncer, workers } = setUp();
  syncer.close();
  workers.update(pod());
  for (let count = 0; count < 5; count++) workers.wake('u1');
  syncer.open();
  await vi.waitFor(() => expect(syncer.log).toEqual(['sync', 'sync']));
  expect(syncer.activeMax).toBe(1);
});

test('PodWorkers look again after a minute of silence, and sooner after a failure', async () => {
  const { syncer, clock, workers } = setUp();
  workers.update(pod());
  await vi.waitFor(() => expect(clock.pendingTimers).toBe(1));
  clock.advance(60_000);
  await vi.waitFor(() => expect(syncer.log.length).toBe(2));
  await vi.waitFor(() => expect(clock.pendingTimers).toBe(1));
  syncer.fail = true;
  clock.advance(60_000);
  await vi.waitFor(() => expect(syncer.log.length).toBe(3));
  await vi.waitFor(() => expect(clock.pendingTimers).toBe(1));
  clock.advance(500);
  await vi.waitFor(() => expect(syncer.log.length).toBe(4));
});

test('PodWorkers interrupt what goes on when the pod is deleted, and take it to its end', async () => {
  const { syncer, workers } = setUp();
  syncer.close();
  workers.update(pod());
  workers.update(deleted(30));
  syncer.open();
  await vi.waitFor(() => expect(workers.stateOf('u1')).toEqual({ state: 'gone' }));
  expect(syncer.log).toEqual(['sync', 'terminating 30', 'terminated, deleted']);
  workers.remove(IDENTITY, 1);
  expect(workers.has('u1')).toBe(false);
});

test('PodWorkers begin anew with a shorter grace period, not with a longer one', async () => {
  const { syncer, workers } = setUp();
  syncer.close();
  workers.update(deleted(30));
  workers.update(deleted(60));
  workers.remove(IDENTITY, 1);
  await vi.waitFor(() => expect(syncer.log).toEqual(['terminating 30', 'terminating 1']));
  syncer.open();
  await vi.waitFor(() => expect(workers.has('u1')).toBe(false));
  expect(syncer.activeMax).toBe(1);
});

test('PodWorkers clean up after a finished pod, and remove the rest when it is deleted', async () => {
  const { syncer, clock, workers } = setUp();
  syncer.final = true;
  workers.update(pod());
  await vi.waitFor(() => expect(workers.stateOf('u1')).toMatchObject({ state: 'terminated' }));
  expect(syncer.log).toEqual(['sync', 'terminating 0', 'terminated']);
  // From then on it costs nothing.
  expect(clock.pendingTimers).toBe(0);
  workers.update(deleted(30));
  await vi.waitFor(() => expect(workers.stateOf('u1')).toEqual({ state: 'gone' }));
  expect(syncer.log.at(-1)).toBe('terminated, deleted');
});

const EVICTED = { why: 'evicted', reason: 'Evicted', message: 'low on memory' } as const;

test('PodWorkers.end() ends a pod within its grace, keeps the first reason, and resolves when nothing runs', async () => {
  const { syncer, clock, workers } = setUp();
  syncer.close();
  workers.update(pod());
  let hasEnded = false;
  const ended = workers.end(pod(), EVICTED, 10).then(() => {
    hasEnded = true;
  });
  await vi.waitFor(() => expect(syncer.log).toEqual(['sync', 'terminating 10, Evicted']));
  const again = workers.end(pod(), { ...EVICTED, why: 'shutdown', reason: 'Terminated' }, 2);
  await vi.waitFor(() => expect(syncer.log.at(-1)).toBe('terminating 2, Evicted'));
  expect(hasEnded).toBe(false);
  syncer.open();
  await Promise.all([ended, again]);
  await vi.waitFor(() => expect(syncer.log.at(-1)).toBe('terminated'));
  expect(workers.stateOf('u1')).toEqual({ state: 'terminated', ending: EVICTED });
  await workers.end(pod(), EVICTED);
  expect(clock.pendingTimers).toBe(0);
});

test('PodWorkers.end() does not wait for ever when the workers are stopped', async () => {
  const { syncer, workers } = setUp();
  syncer.close();
  const ended = workers.end(pod(), EVICTED);
  await vi.waitFor(() => expect(syncer.log).toEqual(['terminating 0, Evicted']));
  await Promise.all([workers.stop(), ended, workers.end(pod(), EVICTED)]);
});

test('a sync that finds that its pod must end gives it the grace of its spec', async () => {
  const { syncer, workers } = setUp();
  syncer.ending = { why: 'deadline', reason: 'DeadlineExceeded', message: 'too long' };
  workers.update(pod({ terminationGracePeriodSeconds: 7 }));
  await vi.waitFor(() =>
    expect(syncer.log).toEqual(['sync', 'terminating 7, DeadlineExceeded', 'terminated']),
  );
  expect(workers.stateOf('u1')).toEqual({ state: 'terminated', ending: syncer.ending });
});

test('PodWorkers take away containers that the API never knew', async () => {
  const { syncer, workers, gone } = setUp();
  workers.remove(IDENTITY, 1);
  await vi.waitFor(() => expect(workers.has('u1')).toBe(false));
  expect(syncer.log).toEqual(['terminating 1', 'terminated, deleted']);
  expect(gone).toEqual(['u1']);
});

test('PodWorkers that are stopped start nothing more, and have stopped when their last step has ended', async () => {
  const { syncer, clock, workers } = setUp();
  workers.update(deleted(0));
  syncer.close();
  // Taking away what is left cannot be interrupted.
  await vi.waitFor(() => expect(syncer.log.at(-1)).toBe('terminating 1'));
  syncer.open();
  syncer.close();
  await vi.waitFor(() => expect(syncer.log.at(-1)).toBe('terminated, deleted'));
  let hasStopped = false;
  const stopping = workers.stop().then(() => {
    hasStopped = true;
  });
  workers.update({ ...pod(), metadata: { ...IDENTITY, uid: 'u2' } });
  await new Promise((resolve) => setImmediate(resolve));
  expect(hasStopped).toBe(false);
  syncer.open();
  await stopping;
  expect(syncer.active).toBe(0);
  expect(clock.pendingTimers).toBe(0);
  expect(syncer.log.at(-1)).toBe('terminated, deleted');
});
