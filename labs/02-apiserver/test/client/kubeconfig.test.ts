import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { loadKubeconfig } from '../../src/client/kubeconfig.ts';

const directory = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
afterAll(() => rmSync(directory, { recursive: true }));

function write(text: string): string {
  const path = join(directory, `config-${Math.random().toString(36).slice(2)}`);
  writeFileSync(path, text);
  return path;
}

const base64 = (text: string) => Buffer.from(text).toString('base64');

function config(cluster: string, user: string): string {
  return `apiVersion: v1
kind: Config
current-context: main
contexts: [{name: main, context: {cluster: here, user: me}}]
clusters: [{name: here, cluster: ${cluster}}]
users: [{name: me, user: ${user}}]
`;
}

describe('loadKubeconfig()', () => {
  test('reads the data forms', () => {
    const path = write(
      config(
        `{server: 'https://h:6443', certificate-authority-data: ${base64('CA')}}`,
        `{client-certificate-data: ${base64('CERT')}, client-key-data: ${base64('KEY')}}`,
      ),
    );
    expect(loadKubeconfig(path)).toEqual({
      server: 'https://h:6443',
      ca: 'CA',
      cert: 'CERT',
      key: 'KEY',
    });
  });

  test('reads files beside the kubeconfig, and the token', () => {
    writeFileSync(join(directory, 'ca.crt'), 'CA');
    const path = write(
      config(`{server: 'https://h:6443', certificate-authority: ca.crt}`, '{token: secret}'),
    );
    expect(loadKubeconfig(path)).toEqual({ server: 'https://h:6443', ca: 'CA', token: 'secret' });
  });

  const good = config(`{server: 'https://h'}`, '{}');
  test.each<[string, string, string]>([
    ['no mapping', '- 1', 'it is not a mapping'],
    ['broken YAML', 'a: [', 'Cannot read kubeconfig'],
    ['binary rubbish', '\u0000\u0001', 'Cannot read kubeconfig'],
    ['nothing', '', 'it is not a mapping'],
    ['no context', good.replace('current-context: main', ''), 'current-context is not set'],
    ['an unknown context', good.replace('name: main', 'name: x'), 'context "main" is missing'],
    ['an unknown cluster', good.replace('name: here', 'name: x'), 'cluster "here" is missing'],
    ['no URL', good.replace('https://h', 'h h'), 'server "h h" is not a URL'],
    [
      'a missing file',
      config(`{server: 'https://h', certificate-authority: no}`, '{}'),
      'cannot read',
    ],
  ])('names the file and the fault: %s', (_name, text, message) => {
    const path = write(text);
    expect(() => loadKubeconfig(path)).toThrow(message);
    expect(() => loadKubeconfig(path)).toThrow(path);
  });

  test('a file that is not there', () => {
    expect(() => loadKubeconfig('/nonexistent/config')).toThrow(
      'Cannot read kubeconfig /nonexistent/config: ENOENT',
    );
  });
});
