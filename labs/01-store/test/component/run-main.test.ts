import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';

const RUN_MAIN = new URL('../../src/component/run-main.ts', import.meta.url).pathname;

/** A process whose main function is the given text. */
function start(main: string): ChildProcess {
  const script = `import { runMain } from ${JSON.stringify(RUN_MAIN)}; runMain('demo', ${main});`;
  return spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function outcome(child: ChildProcess) {
  let stderr = '';
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  const [code] = await once(child, 'close');
  return { code, stderr };
}

describe('runMain()', () => {
  test('an error is one sentence and exit code 1', async () => {
    const child = start(`async () => { throw new Error('Cannot start: no flag') }`);
    expect(await outcome(child)).toEqual({ code: 1, stderr: 'demo: Cannot start: no flag\n' });
  });

  test('an error that nobody caught is no stack either', async () => {
    const child = start(`() => new Promise(() => setTimeout(() => { throw new Error('late') }))`);
    expect(await outcome(child)).toEqual({ code: 1, stderr: 'demo: late\n' });
  });

  test('SIGTERM aborts the signal, and the process ends when main() has cleaned up', async () => {
    const child = start(`(signal) => new Promise((resolve) => {
      const alive = setInterval(() => {}, 1000);
      signal.addEventListener('abort', () => { console.error('cleaned'); clearInterval(alive); resolve(); });
      console.log('ready');
    })`);
    const ended = outcome(child);
    if (child.stdout !== null) await once(child.stdout, 'data');
    child.kill('SIGTERM');
    expect(await ended).toEqual({ code: 0, stderr: 'cleaned\n' });
  });

  test('a second signal does not wait', async () => {
    const child = start(`(signal) => new Promise(() => {
      setInterval(() => {}, 1000);
      signal.addEventListener('abort', () => console.log('stubborn'));
      console.log('ready');
    })`);
    const ended = outcome(child);
    if (child.stdout !== null) {
      await once(child.stdout, 'data');
      child.kill('SIGINT');
      await once(child.stdout, 'data');
    }
    child.kill('SIGINT');
    expect((await ended).code).toBe(1);
  });
});
