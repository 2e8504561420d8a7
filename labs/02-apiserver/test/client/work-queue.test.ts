import { getEventListeners } from 'node:events';
import { createLogger } from '@kube-labs/store';
import { describe, expect, test } from 'vitest';
import { ApiError } from '../../src/api-error.ts';
import { FakeClock } from '../../src/client/clock.ts';
import { WorkQueue } from '../../src/client/work-queue.ts';

const never = new AbortController().signal;

function logTo(lines: string[], verbosity = 2) {
  return createLogger('test', { verbosity, destination: { write: (line) => lines.push(line) } });
}

describe('WorkQueue', () => {
  test('add() twice yields the key once', async () => {
    const queue = new WorkQueue();
    queue.add('a');
    queue.add('a');
    queue.add('b');
    expect(queue.length).toBe(2);
    expect(await queue.get(never)).toBe('a');
    expect(await queue.get(never)).toBe('b');
    expect(queue.length).toBe(0);
  });

  test('add() while the key is processed yields it again after done(), not before', async () => {
    const queue = new WorkQueue();
    queue.add('a');
    await queue.get(never);
    queue.add('a');
    expect(queue.length).toBe(0);
    queue.assertConsistent();
    queue.done('a');
    expect(queue.length).toBe(1);
    queue.assertConsistent();
  });

  test('get() waits for add(), first come first served', async () => {
    const queue = new WorkQueue();
    const first = queue.get(never);
    const second = queue.get(never);
    queue.add('a');
    queue.add('b');
    expect(await Promise.all([first, second])).toEqual(['a', 'b']);
  });

  test('get() of an aborted signal passes its key on to the next in line', async () => {
    const queue = new WorkQueue();
    const controller = new AbortController();
    const first = queue.get(controller.signal);
    const second = queue.get(never);
    queue.add('a');
    controller.abort();
    expect(await first).toBeUndefined();
    expect(await second).toBe('a');
  });

  test('who leaves with nothing to pass on does not send the first in line to its end', async () => {
    const queue = new WorkQueue();
    const controller = new AbortController();
    const [first, second] = [queue.get(never), queue.get(never)];
    const leaving = queue.get(controller.signal);
    controller.abort();
    expect(await leaving).toBeUndefined();
    await new Promise((resolve) => setImmediate(resolve));
    queue.add('a');
    queue.add('b');
    expect(await Promise.all([first, second])).toEqual(['a', 'b']);
  });

  test('get() leaves no listener behind', async () => {
    const queue = new WorkQueue();
    const { signal } = new AbortController();
    const got = queue.get(signal);
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    queue.add('a');
    expect(await got).toBe('a');
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  test('addAfter() keeps the earliest of several delays', () => {
    const clock = new FakeClock();
    const queue = new WorkQueue({ clock });
    queue.addAfter('a', 100);
    queue.addAfter('a', 50);
    queue.addAfter('a', 200);
    expect(clock.pendingTimers).toBe(1);
    clock.advance(49);
    expect(queue.length).toBe(0);
    clock.advance(1);
    expect(queue.length).toBe(1);
  });

  test('addAfter() without a delay adds at once', () => {
    const queue = new WorkQueue();
    queue.addAfter('a', 0);
    expect(queue.length).toBe(1);
  });

  test('addRateLimited() doubles from 5 ms up to 1000 s, and forget() starts over', async () => {
    const clock = new FakeClock();
    const queue = new WorkQueue({ clock });
    const delays: number[] = [];
    for (let n = 0; n < 20; n++) {
      const from = clock.now();
      queue.addRateLimited('a');
      while (queue.length === 0) clock.advance(5);
      delays.push(clock.now() - from);
      queue.done((await queue.get(never)) ?? '');
    }
    expect(delays.slice(0, 4)).toEqual([5, 10, 20, 40]);
    expect(delays.at(-1)).toBe(1_000_000);
    expect(queue.numRequeues('a')).toBe(20);
    queue.forget('a');
    expect(queue.numRequeues('a')).toBe(0);
  });

  test('run() never works on one key twice at once, and on every change in the end', async () => {
    const queue = new WorkQueue({ baseDelayMs: 0 });
    const controller = new AbortController();
    const wanted = new Map<string, number>();
    const seen = new Map<string, number>();
    const busy = new Set<string>();
    let changes = 0;
    const running = queue.run(
      { workers: 4, log: logTo([]) },
      async (key) => {
        expect(busy.has(key)).toBe(false);
        busy.add(key);
        const version = wanted.get(key) ?? 0;
        await new Promise((resolve) => setImmediate(resolve));
        busy.delete(key);
        queue.assertConsistent();
        if (++changes % 7 === 0) throw new Error('fails now and then');
        seen.set(key, version);
      },
      controller.signal,
    );
    for (let n = 1; n <= 500; n++) {
      const key = `key-${n % 13}`;
      wanted.set(key, n);
      queue.add(key);
      if (n % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await expect.poll(() => [...seen].sort()).toEqual([...wanted].sort());
    controller.abort();
    await running;
  });

  test('run() logs a failure in one line and tries again; a Conflict only at -v 4', async () => {
    const lines: string[] = [];
    const queue = new WorkQueue({ name: 'pods' });
    const controller = new AbortController();
    const errors = [new ApiError('Conflict', 'stale'), new Error('it\nbroke')];
    queue.add('default/web');
    await queue.run(
      { workers: 1, log: logTo(lines) },
      async () => {
        const error = errors.shift();
        if (error !== undefined) throw error;
        controller.abort();
      },
      controller.signal,
    );
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('Reconcile failed, will try again');
    expect(lines[0]).toContain('queue="pods" key="default/web" err="it\\nbroke"\n');
  });

  test('run() of a queue without a name logs none', async () => {
    const lines: string[] = [];
    const queue = new WorkQueue();
    const controller = new AbortController();
    queue.add('a');
    const failOnce = async () => {
      if (lines.length === 0) throw new Error('it broke');
      controller.abort();
    };
    await queue.run({ workers: 1, log: logTo(lines) }, failOnce, controller.signal);
    expect(lines.join()).toContain('key="a"');
    expect(lines.join()).not.toContain('queue=');
  });

  test('run() returns after the last worker has finished, and leaves no timer', async () => {
    const clock = new FakeClock();
    const queue = new WorkQueue({ clock });
    const controller = new AbortController();
    let finished = false;
    queue.add('a');
    queue.addAfter('later', 1_000);
    await queue.run(
      { workers: 2, log: logTo([]) },
      async () => {
        controller.abort();
        await new Promise((resolve) => setImmediate(resolve));
        finished = true;
      },
      controller.signal,
    );
    expect(finished).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });
});
