import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { isTimeToCollect } from '#src/component/collect-when-idle.ts';

const SOURCE = new URL('../../src/component/collect-when-idle.ts', import.meta.url).pathname;

/** A process that looks for garbage; what it prints, and how it ends. */
async function outcome(script: string): Promise<{ code: number | null; stdout: string }> {
  const text = `import { collectWhenIdle } from ${JSON.stringify(SOURCE)}; ${script}`;
  const args = ['--import', 'tsx', '--input-type=module', '-e', text];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 100_000,
  });
  let stdout = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  const [code] = await once(child, 'close');
  return { code, stdout };
}

describe('isTimeToCollect()', () => {
  test.each([
    { name: 'not while the start is busy', idleLooks: 0, heapBytes: 100, keptBytes: 0, is: false },
    { name: 'as soon as the start is over', idleLooks: 1, heapBytes: 100, keptBytes: 0, is: true },
    { name: 'not between two rushes', idleLooks: 29, heapBytes: 200, keptBytes: 40, is: false },
    { name: 'after a minute', idleLooks: 30, heapBytes: 52, keptBytes: 40, is: true },
    { name: 'not for little', idleLooks: 300, heapBytes: 51, keptBytes: 40, is: false },
  ])('$name', ({ is, ...idleness }) => {
    expect(isTimeToCollect(idleness)).toBe(is);
  });
});

test('a process that becomes idle gives back what it does not need any more', async () => {
  const script = `
    import { constants, performance, PerformanceObserver } from 'node:perf_hooks';
    const alive = setInterval(() => {}, 1000);
    // A collection that V8 began by itself is over long before the first look.
    const observer = new PerformanceObserver((list) => {
      const isLate = ({ startTime }) => startTime > startMs + 1500;
      const isWhole = ({ detail }) => detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR;
      if (!list.getEntries().some((one) => isLate(one) && isWhole(one))) return;
      // On a busy machine also V8's own may be late.
      if (process.memoryUsage().heapTotal >= before) return;
      console.log('smaller');
      observer.disconnect();
      clearInterval(alive);
    });
    observer.observe({ entryTypes: ['gc'] });
    Array.from({ length: 100_000 }, (_, index) => ({ index, text: 'row ' + index }));
    const before = process.memoryUsage().heapTotal;
    const startMs = performance.now();
    collectWhenIdle();
  `;
  expect(await outcome(script)).toEqual({ code: 0, stdout: 'smaller\n' });
});

test('a process that has nothing else to do ends', async () => {
  expect(await outcome('collectWhenIdle();')).toEqual({ code: 0, stdout: '' });
});
