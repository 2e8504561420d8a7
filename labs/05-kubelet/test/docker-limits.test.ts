// What a container may not do to its node: fill the disk with its log, or the process table.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { kubectl, kubectlCommand } from './kubectl.ts';
import { FOREVER, Lab, script } from './lab.ts';
import { statusOf } from './objects.ts';

const LINES = 2_000;
const FILE_BYTES = 64 * 1024;
/** Lines that fit into one file: so far the writer is ahead of who reads along, however busy the machine is. */
const AHEAD = 500;
/** Longer than all files of a log. */
const WRITE = `pad=$(head -c 90 /dev/zero | tr '\\0' x); i=0
  while [ $i -lt ${LINES} ]; do
    [ $((i % ${AHEAD})) -eq 0 ] && until [ -e /tmp/seen-$i ]; do sleep 0.05; done
    i=$((i+1)); echo "$i $pad"
  done`;

let lab: Lab;
beforeAll(async () => {
  const log = [`--container-log-max-size=${FILE_BYTES / 1024}Ki`, '--container-log-max-files=3'];
  lab = await Lab.start({ number: 223, flags: [...log, '--pod-max-pids=30'] });
});
afterAll(() => lab[Symbol.asyncDispose]());

const numbersOf = (text: string) => text.split('\n').filter(Boolean).map(Number.parseFloat);
const from = (first: number) => Array.from({ length: LINES - first + 1 }, (_, i) => first + i);

test.concurrent('a log is cut off at its beginning, and its order is kept; who follows it sees all of it', async () => {
  await lab.createPod('loud', { containers: [script('c', `${WRITE}; ${FOREVER}`)] });
  await lab.running('loud');
  const [program = '', ...args] = await kubectlCommand(lab, 'logs', '-f', 'loud');
  const logs = spawn(program, args);
  let followed = '';
  logs.stdout.on('data', (chunk: Buffer) => {
    followed += chunk;
  });
  for (let seen = 0; seen < LINES; seen += AHEAD) {
    await lab.exec('c_loud', 'touch', `/tmp/seen-${seen}`);
    const next = seen + AHEAD;
    await lab.until(`line ${next} is there`, async () => followed.includes(`\n${next} x`));
  }
  logs.kill();
  await once(logs, 'exit');
  expect(numbersOf(followed)).toEqual(from(1));
  const { stdout: kept } = await kubectl(lab, 'logs', 'loud');
  const [first = 0] = numbersOf(kept);
  expect(first).toBeGreaterThan(1);
  expect(numbersOf(kept)).toEqual(from(first));
  expect(kept.length).toBeLessThan(3 * FILE_BYTES);
});

test.concurrent('a fork bomb ends at its limit; the pod beside it does not notice', async () => {
  const bomb = 'i=0; while [ $i -lt 200 ]; do sleep 60 & i=$((i+1)); done; exit 0';
  const terminationMessagePolicy = 'FallbackToLogsOnError';
  await lab.createPod('bomb', {
    containers: [script('c', bomb, { terminationMessagePolicy })],
    restartPolicy: 'Never',
  });
  await lab.createPod('beside', { containers: [script('c', FOREVER)] });
  const pod = await lab.podWhen('bomb', ({ status }) => status?.phase === 'Failed');
  expect(statusOf(pod, 'c')?.state?.terminated?.message).toContain('Cannot fork');
  expect(statusOf(await lab.running('beside'), 'c')?.restartCount).toBe(0);
});
