// The layout of the heap, looked at in a process of its own, as V8's flags are the whole process's.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';

const SOURCE = new URL('../../src/server/frugal-heap.ts', import.meta.url).pathname;

/** The most MiB that the young generation had while much was made, and kept for a while. */
async function youngMiB(begin: string): Promise<number> {
  const script = `
    import { setTimeout as wait } from 'node:timers/promises';
    import { frugalHeap, youngBytes } from ${JSON.stringify(SOURCE)};
    ${begin}
    const kept = [];
    let most = 0;
    for (let turn = 0; turn < 300; turn += 1) {
      for (let i = 0; i < 5000; i += 1) kept[i + (turn % 40) * 5000] = { i, text: [i] };
      await wait(2);
      most = Math.max(most, youngBytes());
    }
    console.log(most / 1024 / 1024);
  `;
  const args = ['--import', 'tsx', '--input-type=module', '-e', script];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 100_000,
    killSignal: 'SIGKILL',
  });
  let printed = '';
  child.stdout.on('data', (chunk) => {
    printed += chunk;
  });
  await once(child, 'close');
  return Number(printed);
}

test('the young generation stops growing where it was told to, and no process is kept alive for that', async () => {
  const [free, frugal] = await Promise.all([
    youngMiB(''),
    youngMiB('frugalHeap({ youngBytesMax: 4 * 1024 * 1024, lookMs: 0 });'),
  ]);
  // One doubling may come between two looks.
  expect(frugal).toBeGreaterThanOrEqual(4);
  expect(frugal).toBeLessThanOrEqual(8);
  expect(free).toBeGreaterThanOrEqual(16);
});
