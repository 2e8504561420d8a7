// The scheduler as a process: its flags, its health port, its end.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { startTestApiServer } from '@kube-labs/apiserver';
import { describe, expect, onTestFinished, test } from 'vitest';
import { freePort } from '../../../test/free-port.ts';

const MAIN = new URL('../src/main.ts', import.meta.url).pathname;

function start(...flags: string[]): ChildProcess {
  return spawn(process.execPath, ['--import', 'tsx', MAIN, ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function outcome(child: ChildProcess) {
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      output += chunk;
    });
  }
  const [code] = await once(child, 'close');
  return { code, output };
}

describe('kube-scheduler', () => {
  test('--help explains every flag', async () => {
    const { code, output } = await outcome(start('--help'));
    expect(code).toBe(0);
    for (const flag of [
      '--kubeconfig',
      '--bind-address',
      '--secure-port',
      '--leader-elect',
      '-v',
    ]) {
      expect(output).toContain(flag);
    }
  });

  test.each([
    ['no kubeconfig', [], "required option '--kubeconfig <file>' not specified"],
    ['an unknown flag', ['--kubeconfig=x', '--nope'], "unknown option '--nope'"],
    ['a port that is no number', ['--kubeconfig=x', '--secure-port=abc'], 'Not a number.'],
    ['a file that is not there', ['--kubeconfig=/none'], 'Cannot read kubeconfig /none: ENOENT'],
  ])('bad input is one clear sentence and exit code 1: %s', async (_name, flags, message) => {
    const { code, output } = await outcome(start(...flags));
    expect(code).toBe(1);
    expect(output).toContain(message);
    expect(output.trim().split('\n')).toHaveLength(1);
  });

  test.each([[[]], [['--leader-elect']]])(
    'serves health and metrics, and stops on SIGTERM: %s',
    async (flags) => {
      await using server = await startTestApiServer();
      const port = await freePort();
      const kubeconfig = await server.kubeconfig();
      const bind = ['--bind-address=127.0.0.1', `--secure-port=${port}`];
      const child = start(`--kubeconfig=${kubeconfig}`, ...bind, '-v=4', ...flags);
      onTestFinished(() => void child.kill('SIGKILL'));
      const ended = outcome(child);
      const get = async (path: string) => {
        try {
          return await (await fetch(`http://127.0.0.1:${port}${path}`)).text();
        } catch {
          return undefined;
        }
      };
      await expect.poll(() => get('/readyz'), { timeout: 60_000 }).toBe('ok');
      expect(await get('/healthz')).toBe('ok');
      expect(await get('/metrics')).toContain('scheduler_pending_pods{queue="active"} 0');
      child.kill('SIGTERM');
      const { code, output } = await ended;
      expect(output).toMatch(/^I\d{4} [\d:.]+ scheduler\] Serving health and metrics /);
      expect(code).toBe(0);
    },
  );
});
