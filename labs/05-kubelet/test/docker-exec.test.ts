// Commands in a real container: the exit code is the command's own or none, and what is ended leaves no process behind.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { runHostCommand } from '#src/host-command.ts';
import { BridgeNetwork } from '#src/network/bridge.ts';
import { DockerRuntime } from '#src/runtime/docker/docker-runtime.ts';
import { RuntimeError } from '#src/runtime/runtime.ts';
import { IMAGE, shell } from './lab.ts';

const network = new BridgeNetwork({ name: 'unused', stateDirectory: '/', run: runHostCommand });
const runtime = new DockerRuntime({
  network,
  nodeAddress: '127.0.0.1',
  cluster: 'kubelet-test-exec',
  node: 'node-1',
  engine: { hostNetworkMode: 'host', oomScoreAdjustMin: 0, sandboxImage: IMAGE },
});
const never = new AbortController().signal;
let id = '';
beforeAll(async () => {
  const args = ['run', '-d', '--network=none', '--label=kube-labs=kubelet-test-exec', '--init'];
  id = await shell('docker', [...args, '--entrypoint=sleep', IMAGE, 'infinity']);
});
afterAll(() => shell('docker', ['rm', '-f', id]));

const sh = (text: string, limits: { timeoutMs?: number; signal?: AbortSignal } = {}) =>
  runtime.execSync(id, ['sh', '-c', text], { signal: never, ...limits });
const processes = async () => (await shell('docker', ['top', id, '-eo', 'pid,args'])).split('\n');

async function untilGone(text: string): Promise<void> {
  const deadlineMs = Date.now() + 30_000;
  while ((await processes()).some((line) => line.includes(text))) {
    expect(Date.now(), `${text} still runs`).toBeLessThan(deadlineMs);
  }
}

test('a command has its own exit code, and a missing one that of a shell', async () => {
  expect(await sh('echo said; exit 7')).toEqual({ kind: 'exited', exitCode: 7, output: 'said\n' });
  const missing = await runtime.execSync(id, ['no-such-command'], { signal: never });
  expect(missing).toMatchObject({ kind: 'exited', exitCode: expect.toSatisfy((code) => code > 0) });
});

test('a command that closes its output long before it ends is waited for', async () => {
  expect(await sh('exec >/dev/null 2>&1; sleep 2.5; exit 7')).toEqual({
    kind: 'exited',
    exitCode: 7,
    output: '',
  });
});

test('a command that takes too long is ended with its children', async () => {
  expect(await sh('sleep 987 & sleep 988', { timeoutMs: 500 })).toEqual({ kind: 'timeout' });
  await untilGone('sleep 98');
});

test('a command that is ended while it is being started runs nowhere', async () => {
  expect(await sh('sleep 967 & sleep 968', { timeoutMs: 1 })).toEqual({ kind: 'timeout' });
  await untilGone('sleep 96');
});

test('a command without a time limit is ended with its children by its signal', async () => {
  const interrupt = new AbortController();
  const running = sh('sleep 977; true', { signal: interrupt.signal });
  const deadlineMs = Date.now() + 30_000;
  while (!(await processes()).some((line) => line.endsWith(' sleep 977'))) {
    expect(Date.now(), 'it never started').toBeLessThan(deadlineMs);
  }
  interrupt.abort();
  await expect(running).rejects.toThrow('abort');
  await untilGone('sleep 977');
  await expect(sh('true', { signal: interrupt.signal })).rejects.toThrow('abort');
});

test('a container that does not run is an error, not an exit code', async () => {
  const gone = runtime.execSync('no-such-container', ['true'], { signal: never });
  await expect(gone).rejects.toSatisfy((error) => RuntimeError.is(error, 'not-found'));
});
