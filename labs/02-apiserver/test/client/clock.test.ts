import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { FakeClock, realClock, sleep } from '../../src/client/clock.ts';

describe('FakeClock.advance()', () => {
  test('runs timers in the order in which they are due, each at its own moment', () => {
    const clock = new FakeClock(0);
    const ran: string[] = [];
    clock.setTimeout(() => ran.push(`b@${clock.now()}`), 20);
    clock.setTimeout(() => {
      ran.push(`a@${clock.now()}`);
      clock.setTimeout(() => ran.push(`c@${clock.now()}`), 15);
    }, 10);
    clock.clearTimeout(clock.setTimeout(() => ran.push('never'), 5));
    clock.advance(30);
    expect(ran).toEqual(['a@10', 'b@20', 'c@25']);
    expect(clock.now()).toBe(30);
  });
});

describe('sleep()', () => {
  test('ends when the signal aborts, and leaves no timer and no listener', async () => {
    const clock = new FakeClock();
    const controller = new AbortController();
    const sleeping = sleep(1_000, controller.signal, clock);
    expect(clock.pendingTimers).toBe(1);
    controller.abort();
    await sleeping;
    expect(clock.pendingTimers).toBe(0);
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  });

  test('leaves no listener when the time is over', async () => {
    const { signal } = new AbortController();
    await sleep(1, signal, realClock);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  test('a time that is over is no wait, and nothing to warn of', async () => {
    const warnings: Error[] = [];
    const heard = (warning: Error) => warnings.push(warning);
    process.on('warning', heard);
    await sleep(-255, new AbortController().signal, realClock);
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', heard);
    expect(warnings).toEqual([]);
  });
});
