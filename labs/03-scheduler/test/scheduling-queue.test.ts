import { FakeClock } from '@kube-labs/apiserver';
import type { Pod } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import { uidOf } from '../src/cluster-cache.ts';
import { SchedulingQueue } from '../src/scheduling-queue.ts';
import { pod, seeded } from './support.ts';

const { signal } = new AbortController();
const rejectedBy = (...names: string[]) => ({
  kind: 'unschedulable' as const,
  rejectedBy: new Set(names),
});

/** NodeAdd helps everybody, AssignedPodDelete only who lacks resources. */
function setUp() {
  const clock = new FakeClock();
  const queue = new SchedulingQueue({
    clock,
    couldHelp: (event, plugins) =>
      event === 'NodeAdd' || (event === 'AssignedPodDelete' && plugins.has('NodeResourcesFit')),
  });
  const pop = async (): Promise<Pod> => {
    const queued = await queue.pop(signal);
    if (queued === undefined) throw new Error('nothing popped');
    return queued.pod;
  };
  return { clock, queue, pop };
}

describe('SchedulingQueue', () => {
  test('pop() gives the higher priority first, then who came first', async () => {
    const { clock, queue, pop } = setUp();
    const low = pod();
    const high = pod({ spec: { priority: 10 } });
    const later = pod();
    queue.add(low);
    queue.add(high);
    clock.advance(1);
    queue.add(later);
    expect([await pop(), await pop(), await pop()]).toEqual([high, low, later]);
  });

  test('pop() waits for add(), and ends when the signal aborts', async () => {
    const { queue } = setUp();
    const waiting = queue.pop(signal);
    const subject = pod();
    queue.add(subject);
    expect(await waiting).toMatchObject({ pod: subject, attempts: 1 });
    const controller = new AbortController();
    const second = queue.pop(controller.signal);
    controller.abort();
    expect(await second).toBeUndefined();
  });

  test('a pod in flight is not handed out again, and done() ends it', async () => {
    const { queue, pop } = setUp();
    const subject = pod();
    queue.add(subject);
    await pop();
    queue.add(subject);
    expect(queue.counts()).toMatchObject({ active: 0, 'in-flight': 1 });
    queue.done(uidOf(subject));
    expect(queue.counts()).toMatchObject({ active: 0, 'in-flight': 0 });
  });

  test('backoff grows from 1 s to 10 s', async () => {
    const { clock, queue, pop } = setUp();
    queue.add(pod());
    const waits: number[] = [];
    for (let attempt = 0; attempt < 6; attempt++) {
      const subject = await pop();
      const from = clock.now();
      queue.requeue(subject, { kind: 'error' });
      while (queue.counts().active === 0) clock.advance(100);
      waits.push(clock.now() - from);
    }
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
  });

  test('several pods in backoff come back each in its time, with one timer', async () => {
    const { clock, queue, pop } = setUp();
    const first = pod();
    queue.add(first);
    queue.requeue(await pop(), { kind: 'error' });
    clock.advance(1_000);
    queue.requeue(await pop(), { kind: 'error' }); // Its second attempt: 2 s.
    const second = pod();
    queue.add(second);
    queue.requeue(await pop(), { kind: 'error' }); // Its first: 1 s.
    expect(clock.pendingTimers).toBe(1);
    clock.advance(1_000);
    expect(await pop()).toBe(second);
    expect(queue.counts().backoff).toBe(1);
    clock.advance(1_000);
    expect(await pop()).toBe(first);
  });

  test('a rejected pod waits for an event that could help it', async () => {
    const { clock, queue, pop } = setUp();
    queue.add(pod());
    const subject = await pop();
    queue.requeue(subject, rejectedBy('TaintToleration'));
    clock.advance(60_000);
    queue.moveOn('AssignedPodDelete');
    expect(queue.counts().unschedulable).toBe(1);
    queue.moveOn('NodeAdd');
    expect(await pop()).toBe(subject);
  });

  test('an event within the backoff time does not shorten it', async () => {
    const { clock, queue, pop } = setUp();
    queue.add(pod());
    queue.requeue(await pop(), rejectedBy('NodeResourcesFit'));
    clock.advance(400);
    queue.moveOn('AssignedPodDelete');
    expect(queue.counts()).toMatchObject({ active: 0, backoff: 1 });
    clock.advance(599);
    expect(queue.counts().active).toBe(0);
    clock.advance(1);
    expect(queue.counts().active).toBe(1);
  });

  test('an event while the pod is in flight is not lost', async () => {
    const { clock, queue, pop } = setUp();
    queue.add(pod());
    const subject = await pop();
    queue.moveOn('NodeAdd'); // The snapshot of this cycle does not have the node yet.
    queue.requeue(subject, rejectedBy('NodeResourcesFit'));
    clock.advance(1_000);
    expect(queue.counts().active).toBe(1);
  });

  test('what has waited five minutes is tried again without an event', async () => {
    const { clock, queue, pop } = setUp();
    queue.add(pod());
    queue.requeue(await pop(), rejectedBy('NodeAffinity'));
    clock.advance(5 * 60_000 - 1);
    queue.flushUnschedulable();
    expect(queue.counts().unschedulable).toBe(1);
    clock.advance(1);
    queue.flushUnschedulable();
    expect(queue.counts().active).toBe(1);
  });

  test('update() of the spec tries a rejected pod again, of the status it does not', async () => {
    const { clock, queue, pop } = setUp();
    queue.add(pod());
    const subject = await pop();
    queue.requeue(subject, rejectedBy('TaintToleration'));
    clock.advance(10_000);
    queue.update({ ...subject, status: { phase: 'Pending' } });
    expect(queue.counts().unschedulable).toBe(1);
    const tolerant = {
      ...subject,
      spec: { containers: [], tolerations: [{ operator: 'Exists' }] },
    };
    queue.update(tolerant);
    expect(await pop()).toBe(tolerant);
  });

  test('update() while the pod is in flight counts when it comes back', async () => {
    const { clock, queue, pop } = setUp();
    queue.add(pod());
    const subject = await pop();
    queue.update({ ...subject, spec: { containers: [], nodeSelector: { disk: 'ssd' } } });
    queue.requeue(subject, rejectedBy('NodeAffinity'));
    clock.advance(1_000);
    expect(queue.counts().active).toBe(1);
  });

  test('delete() takes a pod out of every place, and it does not come back', async () => {
    const { clock, queue, pop } = setUp();
    const inFlight = pod();
    queue.add(inFlight);
    await pop();
    queue.delete(uidOf(inFlight));
    queue.requeue(inFlight, { kind: 'error' });
    const inBackoff = pod();
    queue.add(inBackoff);
    queue.requeue(await pop(), { kind: 'error' });
    queue.delete(uidOf(inBackoff));
    const active = pod();
    queue.add(active);
    queue.delete(uidOf(active));
    clock.advance(60_000);
    queue.moveOn('NodeAdd');
    expect(queue.counts()).toEqual({ active: 0, 'in-flight': 0, backoff: 0, unschedulable: 0 });
  });

  test('a pod made again under the same name is another pod', async () => {
    const { queue, pop } = setUp();
    const old = pod({ name: 'web' });
    queue.add(old);
    await pop();
    queue.delete(uidOf(old));
    const young = pod({ name: 'web' });
    queue.add(young);
    queue.requeue(old, { kind: 'error' });
    expect(await pop()).toBe(young);
    expect(queue.counts().backoff).toBe(0);
  });

  test('no pod is ever lost or doubled, whatever happens in whatever order (seeded)', async () => {
    const seed = 1109;
    const random = seeded(seed);
    const below = (limit: number) => Math.floor(random() * limit);
    const { clock, queue } = setUp();
    const alive = new Map<string, Pod>();
    const flying = new Map<string, Pod>();
    for (let step = 0; step < 5_000; step++) {
      const some = [...alive.values()][below(alive.size)];
      const flown = [...flying.values()][below(flying.size)];
      switch (below(8)) {
        case 0: {
          const subject = pod({ spec: { priority: below(3) } });
          alive.set(uidOf(subject), subject);
          queue.add(subject);
          break;
        }
        case 1:
          if (some === undefined || random() < 0.7) break;
          queue.delete(uidOf(some));
          alive.delete(uidOf(some));
          flying.delete(uidOf(some));
          break;
        case 2:
          queue.moveOn(random() < 0.5 ? 'NodeAdd' : 'AssignedPodDelete');
          break;
        case 3:
          clock.advance(below(2_000));
          break;
        case 4:
          if (flown === undefined) break;
          queue.requeue(flown, random() < 0.5 ? { kind: 'error' } : rejectedBy('NodeAffinity'));
          flying.delete(uidOf(flown));
          break;
        default: {
          if (queue.counts().active === 0) break;
          const popped = (await queue.pop(signal))?.pod as Pod;
          expect(alive.has(uidOf(popped)) && !flying.has(uidOf(popped)), `seed ${seed}`).toBe(true);
          flying.set(uidOf(popped), popped);
        }
      }
      const counts = queue.counts();
      const total = counts.active + counts.backoff + counts.unschedulable + counts['in-flight'];
      expect(total, `seed ${seed}, step ${step}`).toBe(alive.size);
      expect(counts['in-flight'], `seed ${seed}, step ${step}`).toBe(flying.size);
    }
    queue.close();
    expect(clock.pendingTimers).toBe(0);
  });
});
