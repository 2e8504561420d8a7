// `kubectl logs` with all its flags, through the API server, of real containers.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { kubectl } from './kubectl.ts';
import { FOREVER, isReady, Lab, script } from './lab.ts';
import { statusOf } from './objects.ts';

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ number: 235 });
  await Promise.all([
    lab.createPod('talk', {
      initContainers: [script('first', 'echo from init')],
      containers: [
        script('c', `echo old; sleep 1.5; echo new 1; echo new 2; ${FOREVER}`),
        script('side', `echo from the side; ${FOREVER}`),
      ],
    }),
    lab.createPod('brief', {
      restartPolicy: 'Never',
      containers: [script('c', 'echo begin; sleep 1; echo end; exit 3')],
    }),
    lab.createPod('again', {
      volumes: [{ name: 'mark', emptyDir: {} }],
      containers: [
        script('c', `if mkdir /mark/x; then echo first; exit 1; fi; echo second; ${FOREVER}`, {
          volumeMounts: [{ name: 'mark', mountPath: '/mark' }],
        }),
      ],
    }),
    lab.createPod('never', {
      containers: [script('c', 'true', { image: 'none/such:1', imagePullPolicy: 'Never' })],
    }),
  ]);
  const written = (text: string, ...args: readonly string[]) =>
    lab.until(`${text} is written`, async () => (await logs(...args)).includes(text));
  await Promise.all([
    written('new 2', 'talk', '-c', 'c'),
    written('from the side', 'talk', '-c', 'side'),
    written('begin', 'brief'),
  ]);
});
afterAll(() => lab[Symbol.asyncDispose]());

async function logs(...args: readonly string[]): Promise<string> {
  return (await kubectl(lab, 'logs', ...args)).stdout;
}

test.concurrent('all of it, its end, and its first bytes', async () => {
  expect(await logs('talk', '-c', 'c')).toBe('old\nnew 1\nnew 2\n');
  expect(await logs('talk', '-c', 'c', '--tail=1')).toBe('new 2\n');
  expect(await logs('talk', '-c', 'c', '--tail=0')).toBe('');
  expect(await logs('talk', '-c', 'c', '--limit-bytes=5')).toBe('old\nn');
  // The first container is meant when nobody says which.
  expect(await logs('talk', '--tail=1')).toBe('new 2\n');
});

test.concurrent('--timestamps, --since-time and --since', async () => {
  const stamped = await logs('talk', '-c', 'c', '--timestamps');
  const [, time = ''] = /^(\S+Z) new 1$/m.exec(stamped) ?? [];
  expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/);
  const second = `${time.slice(0, 19)}Z`;
  expect(await logs('talk', '-c', 'c', `--since-time=${second}`)).toBe('new 1\nnew 2\n');
  expect(await logs('talk', '-c', 'c', '--since=1h')).toBe('old\nnew 1\nnew 2\n');
  await lab.until('nothing is as new as that', async () => {
    return (await logs('talk', '-c', 'c', '--since=1s')) === '' || undefined;
  });
});

test.concurrent('--all-containers, with and without --prefix', async () => {
  const all = await logs('talk', '--all-containers');
  expect(all.split('\n').sort()).toEqual([
    '',
    'from init',
    'from the side',
    'new 1',
    'new 2',
    'old',
  ]);
  const prefixed = await logs('talk', '--all-containers', '--prefix');
  expect(prefixed).toContain('[pod/talk/side] from the side\n');
});

test.concurrent('-f goes on until the container ends; what has ended can still be read', async () => {
  expect(await logs('brief', '-f')).toBe('begin\nend\n');
  await lab.podWhen('brief', (pod) => pod.status?.phase === 'Failed');
  expect(await logs('brief')).toBe('begin\nend\n');
});

test.concurrent('-p is the run before this one', async () => {
  await lab.podWhen('again', (pod) => statusOf(pod, 'c')?.restartCount === 1 && isReady(pod));
  await lab.until('it has written', async () => (await logs('again')).includes('second'));
  expect(await logs('again', '-p')).toBe('first\n');
  expect((await kubectl(lab, 'logs', 'talk', '-c', 'c', '-p')).stderr).toContain(
    'previous terminated container "c" in pod "talk" not found',
  );
});

test.concurrent('what cannot be read is said', async () => {
  await lab.podWhen(
    'never',
    (pod) => statusOf(pod, 'c')?.state?.waiting?.reason === 'ErrImageNeverPull',
  );
  expect((await kubectl(lab, 'logs', 'never')).stderr).toBe(
    'Error from server (BadRequest): container "c" in pod "never" is waiting to start: ErrImageNeverPull\n',
  );
  expect((await kubectl(lab, 'logs', 'talk', '-c', 'none')).stderr).toContain(
    'container none is not valid for pod talk',
  );
});
