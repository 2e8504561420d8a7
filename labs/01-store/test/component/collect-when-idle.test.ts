import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';

const SOURCE = new URL('../../src/component/collect-when-idle.ts', import.meta.url).pathname;

/** A process that looks for garbage; what it prints, and how it ends. */
async function outcome(script: string): Promise<{ code: number | null; stdout: string }> {
  const text = `import { collectWhenIdle } from ${JSON.stringify(SOURCE)}; ${script}`;
  const args = ['--import', 'tsx', '--input-type=module', '-e', text];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let stdout = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  const [code] = await once(child, 'close');
  return { code, stdout };
}

test('a process that becomes idle gives back what it does not need any more', async () => {
  const script = `
    const megabytes = () => Math.round(process.memoryUsage().heapTotal / 1024 / 1024);
    let rows = Array.from({ length: 100_000 }, (_, index) => ({ index, text: 'row ' + index }));
    const before = megabytes();
    const forgotten = new WeakRef(rows);
    rows = undefined;
    collectWhenIdle();
    const poll = setInterval(() => {
      if (forgotten.deref() !== undefined) return;
      clearInterval(poll);
      console.log(before > megabytes() ? 'smaller' : 'as large as before');
    }, 20);
  `;
  expect(await outcome(script)).toEqual({ code: 0, stdout: 'smaller\n' });
}, 30_000);

test('a process that has nothing else to do ends', async () => {
  expect(await outcome('collectWhenIdle();')).toEqual({ code: 0, stdout: '' });
});
