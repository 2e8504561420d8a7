// Who a program in a pod is, and a token that is renewed while it runs.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { inClusterNamespace, loadInClusterConfig } from '#src/client/in-cluster.ts';
import { tokenSource } from '#src/client/token-source.ts';

const env = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' };
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kube-labs-in-cluster-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const write = (name: string, text: string) => writeFile(join(directory, name), text);

test('server, authority, token file and namespace are those of the pod', async () => {
  await write('token', 'first\n');
  await write('ca.crt', 'PEM');
  await write('namespace', 'shop\n');
  const tokenFile = join(directory, 'token');
  expect(loadInClusterConfig({ env, directory })).toEqual({
    server: 'https://10.0.0.1:443',
    ca: 'PEM',
    tokenFile,
  });
  const ipv6 = { ...env, KUBERNETES_SERVICE_HOST: 'fd00::1' };
  expect(loadInClusterConfig({ env: ipv6, directory }).server).toBe('https://[fd00::1]:443');
  expect(inClusterNamespace({ directory })).toBe('shop');
});

test('what of a pod is missing is said', async () => {
  expect(() => loadInClusterConfig({ env: {}, directory })).toThrow(
    'Cannot use the in-cluster configuration: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be set',
  );
  expect(() => loadInClusterConfig({ env, directory })).toThrow(
    `Cannot use the in-cluster configuration: cannot read ${join(directory, 'token')}: ENOENT`,
  );
});

test('a token in a file is read again after a minute; while it cannot be read, the last one is used', async () => {
  let nowMs = 0;
  const tokenFile = join(directory, 'token');
  const token = tokenSource({ tokenFile }, () => nowMs);
  expect(token).toThrow('ENOENT');
  await write('token', 'first\n');
  expect(token()).toBe('first');
  await write('token', 'second');
  nowMs = 59_999;
  expect(token()).toBe('first');
  nowMs = 60_000;
  expect(token()).toBe('second');
  await rm(tokenFile);
  nowMs = 120_000;
  expect(token()).toBe('second');
  expect(tokenSource({ token: 'fixed', tokenFile })()).toBe('fixed');
  expect(tokenSource({})()).toBeUndefined();
});
