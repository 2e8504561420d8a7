// What people do in a container, with stock kubectl: exec with and without a terminal, attach, cp.

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { kubectl, kubectlCommand, kubectlWith } from './kubectl.ts';
import { FOREVER, Lab, script } from './lab.ts';

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ number: 238 });
  await Promise.all([
    lab.createPod('work', {
      containers: [script('c', FOREVER)],
    }),
    lab.createPod('reads', {
      restartPolicy: 'Never',
      containers: [
        script('c', 'while read line; do echo "got $line"; done; echo end', {
          stdin: true,
          stdinOnce: true,
        }),
      ],
    }),
  ]);
  await Promise.all([lab.running('work'), lab.running('reads')]);
});
afterAll(() => lab[Symbol.asyncDispose]());

const exec = ['exec', 'work', '-c', 'c'];

test.concurrent('exec keeps output and errors apart, and ends with the code of the command', async () => {
  const ran = await kubectl(lab, ...exec, '--', 'sh', '-c', 'echo out; echo err >&2; exit 7');
  expect(ran).toMatchObject({ code: 7, stdout: 'out\n' });
  expect(ran.stderr).toBe('err\ncommand terminated with exit code 7\n');
  const missing = await kubectl(lab, ...exec, '--', 'no-such-command');
  expect(missing.code).toBe(126);
  expect(missing.stdout).toContain('"no-such-command": executable file not found in $PATH');
});

test.concurrent('exec -i passes stdin on, and its end', async () => {
  const input = 'x'.repeat(200_000);
  const ran = await kubectlWith(lab, { input }, ...exec, '-i', '--', 'wc', '-c');
  expect(ran).toMatchObject({ code: 0, stdout: '200000\n' });
});

/** Runs a command line on a terminal of its own, of this size, which changes while it runs. */
async function onTerminal(command: readonly string[], input: string): Promise<string> {
  const typed = command.map((word) => `'${word}'`).join(' ');
  // kubectl drops a change that comes while it tells of another: it is changed to and fro.
  const change = 'stty rows 50 < /dev/tty; sleep 1; stty rows 49 < /dev/tty; sleep 0.2';
  const changes = `(until [ -e "$GO" ]; do sleep 0.1; done; for i in $(seq 30); do ${change}; done)`;
  const line = `stty rows 40 cols 100 -echo; ${changes} & exec ${typed}`;
  const folder = await mkdtemp(join(tmpdir(), 'kube-labs-terminal-'));
  try {
    const go = join(folder, 'go');
    const child = spawn('script', ['-qec', line, '/dev/null'], {
      env: { ...process.env, GO: go },
      timeout: 100_000,
    });
    let seen = '';
    child.stdout.on('data', (chunk: Buffer) => {
      seen += chunk.toString();
      // At once: after the last words the folder goes.
      if (seen.includes('before 40 100')) writeFileSync(go, '');
    });
    child.stdin.write(input);
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect(code).toBe(0);
    return seen;
  } finally {
    await rm(folder, { recursive: true });
  }
}

test.concurrent('exec -it has a terminal of the size of the one that it was typed on, also when that changes', async () => {
  const when = (size: string, say: string) =>
    `until [ "$(stty size)" = "${size}" ]; do sleep 0.1; done; echo ${say} $(stty size)`;
  const inside = `${when('40 100', 'before')}; ${when('50 100', 'after')}`;
  const command = await kubectlCommand(lab, ...exec, '-it', '--', 'sh', '-c', 'read x; eval "$x"');
  const seen = await onTerminal(command, `${inside}\n`);
  expect(seen).toContain('before 40 100');
  expect(seen).toContain('after 50 100');
});

test.concurrent('attach reaches the process itself, which goes on until its input ends', async () => {
  const ran = await kubectlWith(lab, { input: 'one\ntwo\n' }, 'attach', 'reads', '-i', '-q');
  expect(ran.stdout).toBe('got one\ngot two\nend\n');
  await lab.podWhen('reads', ({ status }) => status?.phase === 'Succeeded');
});

test.concurrent("the kubelet's own pages, through the API server", async () => {
  const page = async (path: string) =>
    (await kubectl(lab, 'get', '--raw', `/api/v1/nodes/node-1/proxy/${path}`)).stdout;
  expect(await page('healthz')).toBe('ok');
  expect(await page('metrics')).toContain('kubelet_node_name{node="node-1"} 1');
  const { items } = JSON.parse(await page('pods'));
  expect(items.map(({ metadata }: { metadata: { name: string } }) => metadata.name)).toContain(
    'work',
  );
  expect(JSON.parse(await page('configz')).kubeletconfig.authorization.mode).toBe('Webhook');
});

test.concurrent('cp there and back again gives the same bytes', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kube-labs-cp-'));
  try {
    const bytes = randomBytes(300_000);
    await writeFile(join(folder, 'there'), bytes);
    for (const [from, to] of [
      [join(folder, 'there'), 'work:/tmp/copied'],
      ['work:/tmp/copied', join(folder, 'back')],
    ] as const) {
      expect(await kubectl(lab, 'cp', '-c', 'c', from, to)).toMatchObject({ code: 0 });
    }
    expect((await readFile(join(folder, 'back'))).equals(bytes)).toBe(true);
  } finally {
    await rm(folder, { recursive: true });
  }
});
