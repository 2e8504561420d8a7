// The launcher's command line: every verb explains itself, every mistake is one sentence and exit code 1.

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkoutDir } from '../src/cluster-config.ts';

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function launcher(args: readonly string[], env: Record<string, string> = {}): Promise<Result> {
  const tsx = join(checkoutDir, 'node_modules/.bin/tsx');
  const options = { cwd: checkoutDir, env: { ...process.env, ...env } };
  return new Promise((resolve) => {
    execFile(tsx, ['labs/08-full-cluster', ...args], options, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

const nobody = 'cluster-nobody';

test.each([
  { args: ['--help'], want: /up .*down .*status .*kubeconfig .*logs .*node /s },
  { args: ['up', '--help'], want: /--nodes.*--etcd.*--clock.*--no-demo.*--api-port/s },
  { args: ['node', '--help'], want: /kill.*restart.*pause.*unpause.*remove.*add/s },
])('$args explains itself', async ({ args, want }) => {
  const { code, stdout } = await launcher(args);
  expect(stdout).toMatch(want);
  expect(code).toBe(0);
});

describe('a mistake is one sentence:', () => {
  test.each([
    { args: ['reboot'], want: /unknown command 'reboot'/ },
    { args: ['up', '--clock', 'slow'], want: /slow.*today, 1\.1, fast/ },
    { args: ['up', '--nodes', 'many'], want: /many.*not a whole number/ },
    { args: ['up', '--name', '../etc'], want: /"\.\.\/etc" cannot name a cluster/ },
    { args: ['--name', nobody, '--pod-cidr', '10.96.0.0/16'], want: /overlaps --service-cidr/ },
    { args: ['node', 'kill'], want: /missing required argument 'node'/ },
    { args: ['node', 'kill', 'node-1', '--name', nobody], want: /no cluster cluster-nobody/ },
    { args: ['status', '--name', nobody], want: /no cluster cluster-nobody/ },
    { args: ['kubeconfig', '--name', nobody], want: /no cluster cluster-nobody/ },
    { args: ['logs', 'scheduler', '--name', nobody], want: /no cluster cluster-nobody/ },
  ])('$args', async ({ args, want }) => {
    const { code, stderr } = await launcher(args);
    expect(stderr).toMatch(want);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(code).toBe(1);
    expect(existsSync(join(checkoutDir, '.kube-labs', nobody))).toBe(false);
  });

  test('no Docker', async () => {
    const env = { DOCKER_HOST: 'unix:///var/run/no-such-docker.sock' };
    const { code, stderr } = await launcher(['up', '--name', nobody], env);
    expect(stderr).toMatch(/^Error: Docker does not answer at .*no-such-docker\.sock: start it/);
    expect(code).toBe(1);
  });
});

test('down of a cluster that is not there says so', async () => {
  const { code, stdout } = await launcher(['down', '--name', nobody]);
  expect(stdout).toBe('There is no cluster cluster-nobody: nothing to remove.\n');
  expect(code).toBe(0);
});
