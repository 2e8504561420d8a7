// The command line: what flags mean, what wrong ones hear, and that --help speaks of each.
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { apiServerCommand, FLAG_GROUPS, optionsOf } from '#src/flags/all.ts';
import { writeKubeconfig } from '#src/flags/certificates.ts';
import type { Flags } from '#src/flags/flag-group.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'kube-labs-flags-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

function parsed(...args: string[]): Flags {
  const command = apiServerCommand().exitOverride();
  command.parse(['--cert-dir', join(dir, 'certs'), ...args], { from: 'user' });
  return command.opts<Flags>();
}
const options = (...args: string[]) => optionsOf(parsed(...args));

describe('optionsOf()', () => {
  test('without flags is a server of its own, with an authority that stays', async () => {
    const first = await options();
    expect(first).toMatchObject({
      bindAddress: '127.0.0.1',
      securePort: 6443,
      requestTimeoutMs: 60_000,
      shutdownDelayMs: 0,
      eventTtlSeconds: 3600,
      serviceClusterIpRange: '10.96.0.0/16',
    });
    const second = await options();
    expect(second.clientCa).toBe(first.clientCa);
    expect(second.tls.cert).not.toBe(first.tls.cert);
    expect((await stat(join(dir, 'certs', 'ca.key'))).mode & 0o077).toBe(0);
  });

  test('reads what was given', async () => {
    const tokens = join(dir, 'tokens.csv');
    await writeFile(tokens, 't1,ann,1,"devs,ops"\n');
    const read = await options(
      '--secure-port=16443',
      '--request-timeout=1m30s',
      '--event-ttl=90m',
      '--disable-http2-serving',
      '--anonymous-auth=false',
      `--token-auth-file=${tokens}`,
      '--disable-admission-plugins=ServiceAccount, NamespaceLifecycle',
      '--default-not-ready-toleration-seconds=5',
    );
    expect(read).toMatchObject({
      securePort: 16_443,
      requestTimeoutMs: 90_000,
      eventTtlSeconds: 5400,
      disableHttp2Serving: true,
      authentication: { anonymous: false },
      tokens: [{ token: 't1', user: 'ann', uid: '1', groups: ['devs', 'ops'] }],
      admission: {
        disable: ['ServiceAccount', 'NamespaceLifecycle'],
        defaultNotReadyTolerationSeconds: 5,
      },
    });
  });

  test.each([
    [['--secure-port=https'], 'Cannot use --secure-port https: it needs a whole number from 0 to'],
    [['--secure-port=70000'], 'from 0 to 65535'],
    [['--request-timeout=60'], 'Cannot use --request-timeout 60: it needs a duration like 30s'],
    [['--anonymous-auth=maybe'], 'Cannot use --anonymous-auth maybe: it needs true or false'],
    [
      ['--default-unreachable-toleration-seconds=soon'],
      'Cannot use --default-unreachable-toleration-seconds soon: it needs a whole number',
    ],
    [['--tls-cert-file=a.crt'], 'Cannot use --tls-cert-file without --tls-private-key-file'],
    [['--tls-private-key-file=a.key'], 'without --tls-cert-file: give both'],
    [
      ['--tls-cert-file=a', '--tls-private-key-file=b', '--write-kubeconfig=c'],
      'Cannot write a kubeconfig with --tls-cert-file',
    ],
    [
      ['--kubelet-client-key=a.key'],
      'without --kubelet-certificate-authority and --kubelet-client-certificate',
    ],
    [['--proxy-client-cert-file=a.crt'], 'without --proxy-client-key-file: give both'],
    [['--client-ca-file=/not/there'], 'Cannot read --client-ca-file /not/there: ENOENT'],
    [['--service-cluster-ip-range=10.0.0.0'], 'Cannot use "10.0.0.0" as a range of service'],
    [['--service-node-port-range=9-1'], 'Cannot use "9-1" as a range of node ports'],
    [['--enable-admission-plugins=Foo'], 'enable-admission-plugins plugin "Foo" is unknown'],
  ])('%o is refused in a sentence', async (args, message) => {
    await expect(options(...args)).rejects.toThrow(message);
  });
});

test('--write-kubeconfig writes a file that only its owner reads, whole', async () => {
  const path = join(dir, 'kubeconfig');
  await writeKubeconfig(parsed(`--write-kubeconfig=${path}`), 'https://127.0.0.1:1');
  expect((await stat(path)).mode & 0o077).toBe(0);
});

test('--help has a heading for each group and a text for each flag', () => {
  const command = apiServerCommand();
  const help = command.helpInformation();
  for (const { title } of FLAG_GROUPS) expect(help).toContain(title);
  const silent = command.options.filter(({ description }) => description.trim() === '');
  expect(silent.map(({ long }) => long)).toEqual([]);
});

test.each([
  ['--secure-port', 'abc'],
  ['--event-ttl', 'soon'],
  ['--audit-log-path', '/tmp/audit.log'],
  ['--max-requests-inflight', '0'],
])('%s %s is refused, and no certificates are left behind', async (flag, value) => {
  const certDir = join(dir, `certs-of${flag}`);
  await expect(options('--cert-dir', certDir, flag, value)).rejects.toThrow(/^Cannot use --/);
  await expect(stat(certDir)).rejects.toMatchObject({ code: 'ENOENT' });
});
