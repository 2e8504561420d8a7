import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';

const LINES = 5000;
const helper = join(import.meta.dirname, 'support/say-now.ts');

test('sayNow() waits for a reader that is slow, and loses no line', async () => {
  const script = `const { sayNow } = await import(${JSON.stringify(helper)});
for (let n = 1; n <= ${LINES}; n++) sayNow(String(n));
process.kill(process.pid, 'SIGKILL');`;
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '--eval', script],
    { cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'inherit'], timeout: 100_000 },
  );
  const exited = once(child, 'exit');
  // Nothing is taken until the pipe is full: the first piece is there, and then Node reads no further.
  await once(child.stdout, 'readable');
  let last = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    expect(Number(line)).toBe(last + 1);
    last++;
  }
  await exited;
  expect({ last, endedBy: child.signalCode }).toEqual({ last: LINES, endedBy: 'SIGKILL' });
});
