// The store as a process: its flags, its ports, its files, and how it ends.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openEtcd3Store } from '#src/etcd3-store.ts';
import { openStore } from '#src/open-store.ts';
import { type Certificates, makeCertificates } from './support/certificates.ts';
import { PATIENT_MS } from './support/etcd.ts';
import { etcdctl } from './support/etcdctl.ts';
import { eventually } from './support/eventually.ts';
import { openSession, RawStream } from './support/raw-grpc.ts';
import { bytes, line, temporaryDirectory } from './support/store-helpers.ts';
import { runStore, startStore } from './support/store-process.ts';

const ANY_PORT = ['--listen-client-urls', 'http://127.0.0.1:0'];

let directory: AsyncDisposable & { path: string };
let certificates: Certificates;

beforeAll(async () => {
  directory = await temporaryDirectory();
  certificates = await makeCertificates(directory.path, 'alice');
});

afterAll(async () => {
  await directory?.[Symbol.asyncDispose]();
});

describe('flags', () => {
  test('--help explains each', async () => {
    const { code, stdout } = await runStore(['--help']);
    expect(code).toBe(0);
    for (const flag of ['data-dir', 'listen-client-urls', 'quota-backend-bytes', 'cert-file']) {
      expect(stdout).toMatch(new RegExp(`--${flag} <\\w+> +\\S`));
    }
  });

  test.each<[args: string[], stderr: string]>([
    [['--nonsense'], "error: unknown option '--nonsense'\n"],
    [['something'], 'error: too many arguments. Expected 0 arguments but got 1.\n'],
    [
      ['--listen-client-urls', 'localhost'],
      "error: option '--listen-client-urls <urls>' argument 'localhost' is invalid. It takes URLs like http://127.0.0.1:2379, separated by commas, not \"localhost\".\n",
    ],
    [
      ['--listen-client-urls', 'http://localhost:1/path'],
      "error: option '--listen-client-urls <urls>' argument 'http://localhost:1/path' is invalid. A URL here has no path: \"http://localhost:1/path\" does.\n",
    ],
    [
      ['--max-txn-ops', '0'],
      "error: option '--max-txn-ops <n>' argument '0' is invalid. It takes 1 or more, not 0.\n",
    ],
    [
      ['--max-request-bytes', '1.5MiB'],
      "error: option '--max-request-bytes <bytes>' argument '1.5MiB' is invalid. It takes a whole number, not \"1.5MiB\".\n",
    ],
    [
      ['--auto-compaction-mode', 'sometimes'],
      "error: option '--auto-compaction-mode <mode>' argument 'sometimes' is invalid. It takes periodic or revision, not \"sometimes\".\n",
    ],
    [
      ['--auto-compaction-retention', 'soon'],
      'error: option \'--auto-compaction-retention\' is invalid: the retention is hours, or a duration such as 90m, not "soon"\n',
    ],
    [
      ['--grpc-keepalive-interval', '10'],
      "error: option '--grpc-keepalive-interval <duration>' argument '10' is invalid. It takes a duration like 300ms, 10s or 1h30m, not \"10\".\n",
    ],
    [
      ['--auth-token', 'jwt'],
      "error: option '--auth-token <type>' argument 'jwt' is invalid. It takes simple, not \"jwt\".\n",
    ],
    [
      ['--initial-cluster', 'a=http://1.2.3.4:2380,b=http://1.2.3.5:2380'],
      "error: option '--initial-cluster <members>' argument 'a=http://1.2.3.4:2380,b=http://1.2.3.5:2380' is invalid. This store is a cluster of one member, and 2 are named; for several, run etcd.\n",
    ],
    [
      ['--client-cert-auth=perhaps'],
      "error: option '--client-cert-auth [bool]' argument 'perhaps' is invalid. It takes true or false, not \"perhaps\".\n",
    ],
  ])('%j is refused with a sentence', async (args, stderr) => {
    expect(await runStore(args)).toEqual({ code: 1, stdout: '', stderr });
  });

  test('come from the environment too, and the command line wins', async () => {
    const env = { ETCD_MAX_TXN_OPS: '0', ETCD_NAME: 'from-env' };
    const { code, stderr } = await runStore([], env);
    expect([code, stderr]).toEqual([
      1,
      "error: option '--max-txn-ops <n>' value '0' from env 'ETCD_MAX_TXN_OPS' is invalid. It takes 1 or more, not 0.\n",
    ]);
    await using data = await temporaryDirectory();
    const args = ['--data-dir', data.path, '--max-txn-ops', '1', ...ANY_PORT];
    await using store = startStore(args, env);
    const [url = ''] = await store.urls();
    const txn = await etcdctl(url, ['txn'], { stdin: '\nput a 1\nput b 1\n\n\n' });
    expect(txn.stderr).toContain('etcdserver: too many operations in txn request');
    expect((await etcdctl(url, ['member', 'list'])).stdout).toContain('from-env');
  });

  test('of a cluster of several are taken as long as they are true of one', async () => {
    await using data = await temporaryDirectory();
    await using store = startStore([
      ...['--name', 'm1', '--data-dir', data.path, ...ANY_PORT],
      ...['--listen-peer-urls', 'http://127.0.0.1:2380', '--initial-cluster-state', 'new'],
      ...['--initial-advertise-peer-urls', 'http://10.0.0.1:2380'],
      ...['--initial-cluster', 'm1=http://10.0.0.1:2380', '--initial-cluster-token', 't'],
      ...['--advertise-client-urls', 'http://10.0.0.1:2379', '--heartbeat-interval', '100'],
    ]);
    const [url = ''] = await store.urls();
    const { stdout } = await etcdctl(url, ['member', 'list']);
    expect(stdout).toMatch(
      /^[0-9a-f]+, started, m1, http:\/\/10\.0\.0\.1:2380, http:\/\/10\.0\.0\.1:2379, false\n$/,
    );
  });
});

describe('a process', () => {
  test('keeps its data and its identity over restarts, by a signal or by force', async () => {
    await using data = await temporaryDirectory();
    const args = ['--data-dir', data.path, ...ANY_PORT];
    const ids = new Set<string>();
    const terms: number[] = [];
    for (const signal of ['SIGTERM', 'SIGKILL', 'SIGINT'] as const) {
      await using store = startStore(args);
      const [url = ''] = await store.urls();
      await using client = await openEtcd3Store({ endpoints: [url], requestTimeoutMs: PATIENT_MS });
      await client.put({ key: signal, value: bytes('was here') });
      const { stdout } = await etcdctl(url, ['get', signal, '-w', 'json']);
      const { cluster_id, member_id, raft_term } = JSON.parse(
        stdout.replace(/:(\d{16,})/g, ':"$1"'),
      ).header;
      ids.add(`${cluster_id} ${member_id}`);
      terms.push(raft_term);
      const { code } = await store.end(signal);
      expect(code).toBe(signal === 'SIGKILL' ? null : 0);
    }
    expect(ids.size).toBe(1);
    expect(terms).toEqual([2, 3, 4]);
    await using store = await openStore({ dataDir: data.path });
    const { kvs } = await store.range({ key: '\0', rangeEnd: '\0' });
    expect(kvs.map(line)).toEqual([
      'SIGINT=was here 4/4/1',
      'SIGKILL=was here 3/3/1',
      'SIGTERM=was here 2/2/1',
    ]);
  });

  test('ends watches when it is told to stop, and says so, one line an event', async () => {
    await using data = await temporaryDirectory();
    await using store = startStore(['--data-dir', data.path, ...ANY_PORT]);
    const [url = ''] = await store.urls();
    using session = await openSession(url);
    using watch = new RawStream(session, '/etcdserverpb.Watch/Watch', [
      'WatchRequest',
      'WatchResponse',
    ]);
    watch.send({ createRequest: { key: bytes('a') } });
    await watch.take(1);
    const ended = store.end('SIGTERM');
    expect(await watch.next()).toBeUndefined();
    expect(watch.status).toBe('14 etcdserver: server stopped');
    const { code, stderr } = await ended;
    expect(code).toBe(0);
    const lines = stderr.trimEnd().split('\n');
    expect(lines.map((text) => text.replace(/^I\d{4} [\d:.]+ etcd\] (\w+).*$/, '$1'))).toEqual([
      'Opened',
      'Serving',
      'Stopping',
    ]);
  });

  test('refuses a directory that another one has', async () => {
    await using data = await temporaryDirectory();
    const args = ['--data-dir', data.path, ...ANY_PORT];
    await using first = startStore(args);
    await first.urls();
    const { code, stderr } = await runStore(args);
    expect([code, stderr]).toEqual([
      1,
      `etcd: cannot open ${data.path}: another process has this store open\n`,
    ]);
  });

  test('refuses a port that another one has, and leaves the directory free', async () => {
    await using data = await temporaryDirectory();
    const server = createServer().listen(0, '127.0.0.1');
    try {
      const port = await eventually(() => {
        const address = server.address();
        if (address === null || typeof address === 'string') throw new Error('not listening yet');
        return address.port;
      });
      const url = `http://127.0.0.1:${port}`;
      const args = ['--data-dir', data.path, '--listen-client-urls', url];
      const { code, stderr } = await runStore(args);
      expect(code).toBe(1);
      expect(stderr).toContain(
        `etcd: cannot listen on ${url}: another process listens there already\n`,
      );
    } finally {
      server.close();
    }
    await using _store = await openStore({ dataDir: data.path });
  });

  test('refuses a directory that it cannot make', async () => {
    const dataDir = join(certificates.caPath, 'below-a-file');
    const { code, stderr } = await runStore(['--data-dir', dataDir, ...ANY_PORT]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^etcd: cannot make the directory .*\n$/);
  });

  test('-v 4 shows each call, and so does --log-level debug', async () => {
    for (const more of [
      ['-v', '4'],
      ['--log-level', 'debug'],
    ]) {
      await using data = await temporaryDirectory();
      await using store = startStore(['--data-dir', data.path, ...ANY_PORT, ...more]);
      const [url = ''] = await store.urls();
      await etcdctl(url, ['put', 'a', '1']);
      expect((await store.end('SIGTERM')).stderr).toContain(
        '] Handled a call method="/etcdserverpb.KV/Put" code="OK"\n',
      );
    }
  });

  test('--log-level error says nothing while nothing is wrong', async () => {
    await using data = await temporaryDirectory();
    const args = ['--data-dir', data.path, '--log-level', 'error', ...ANY_PORT];
    await using store = startStore([...args, '--listen-metrics-urls', 'http://127.0.0.1:0']);
    await eventually(() => listensTwice(store.child.pid), 60_000);
    expect((await store.end('SIGTERM')).stderr).toBe('');
  });

  /** It serves when it listens; without a log only the system can tell: by the sockets in state 0A, and whose they are. */
  async function listensTwice(pid: number | undefined): Promise<void> {
    const { stdout } = await promisify(execFile)('ls', ['-l', `/proc/${pid}/fd`]);
    const own = new Set([...stdout.matchAll(/socket:\[(\d+)\]/g)].map(([, inode]) => inode));
    const rows = (await readFile('/proc/net/tcp', 'utf8')).split('\n');
    const fields = rows.map((row) => row.trim().split(/\s+/));
    const listening = fields.filter((row) => row[3] === '0A' && own.has(row[9]));
    if (listening.length < 2) throw new Error('it does not listen yet');
  }
});

describe('over HTTP', () => {
  test('health, version and metrics come from the port for clients and from their own', async () => {
    await using data = await temporaryDirectory();
    await using store = startStore([
      ...['--data-dir', data.path, ...ANY_PORT],
      ...['--listen-metrics-urls', 'http://127.0.0.1:0', '--quota-backend-bytes', '12345678'],
    ]);
    const [url = '', metricsUrl = ''] = await store.urls(2);
    expect((await etcdctl(url, ['put', 'a', '1'])).code).toBe(0);
    expect((await etcdctl(url, ['put', '', '1'])).code).toBe(1);
    for (const base of [url, metricsUrl]) {
      const health = await fetch(`${base}/health`);
      expect([health.status, await health.text()]).toEqual([200, '{"health":"true"}']);
      expect(await (await fetch(`${base}/healthz`)).text()).toBe('ok');
      expect(await (await fetch(`${base}/version`)).json()).toEqual({
        etcdserver: expect.stringMatching(/^3\.4\./),
        etcdcluster: '3.4.0',
      });
      const metrics = await (await fetch(`${base}/metrics`)).text();
      for (const expected of [
        /^etcd_server_has_leader 1$/m,
        /^etcd_server_quota_backend_bytes 12345678$/m,
        /^etcd_debugging_mvcc_current_revision 2$/m,
        /^etcd_disk_wal_fsync_duration_seconds_count [1-9]\d*$/m,
        /^etcd_server_version\{server_version="3\.4\.\d+"\} 1$/m,
        /^grpc_server_handled_total\{grpc_type="unary",grpc_service="etcdserverpb.KV",grpc_method="Put",grpc_code="OK"\} 1$/m,
        /^grpc_server_handled_total\{.*grpc_method="Put",grpc_code="InvalidArgument"\} 1$/m,
        /^etcd_network_client_grpc_received_bytes_total [1-9]\d*$/m,
        /^process_resident_memory_bytes [1-9]\d*$/m,
      ]) {
        expect(metrics).toMatch(expected);
      }
      expect((await fetch(`${base}/nothing`)).status).toBe(404);
      expect((await fetch(`${base}/health`, { method: 'POST' })).status).toBe(405);
    }
    // The port for metrics is for nothing else.
    expect((await etcdctl(metricsUrl, ['get', 'a', '--command-timeout=1s'])).code).not.toBe(0);
  });

  test('health is false while there is an alarm', async () => {
    await using data = await temporaryDirectory();
    const args = ['--data-dir', data.path, '--quota-backend-bytes', '2000', ...ANY_PORT];
    await using store = startStore(args);
    const [url = ''] = await store.urls();
    const full = await etcdctl(url, ['put', 'big', 'x'.repeat(3000)]);
    expect(full.stderr).toContain('etcdserver: mvcc: database space exceeded');
    const alarms = await etcdctl(url, ['alarm', 'list']);
    expect(alarms.stdout).toMatch(/^memberID:\d+ alarm:NOSPACE \n$/);
    const health = await fetch(`${url}/health`);
    expect([health.status, await health.text()]).toEqual([503, '{"health":"false"}']);
    expect((await etcdctl(url, ['alarm', 'disarm'])).stdout).toBe(alarms.stdout);
    expect((await fetch(`${url}/health`)).status).toBe(200);
    expect((await etcdctl(url, ['put', 'small', 'x'])).code).toBe(0);
  });
});

describe('over TLS', () => {
  const tlsFlags = () => [
    '--cert-file',
    certificates.server.certPath,
    '--key-file',
    certificates.server.keyPath,
  ];
  const SECURE = ['--listen-client-urls', 'https://127.0.0.1:0'];
  const ca = () => ['--cacert', certificates.caPath];
  const clientPair = () => [
    '--cert',
    certificates.client.certPath,
    '--key',
    certificates.client.keyPath,
  ];

  test('a client that trusts the authority gets in, HTTP/1.1 too', async () => {
    await using data = await temporaryDirectory();
    await using store = startStore(['--data-dir', data.path, ...SECURE, ...tlsFlags()]);
    const [url = ''] = await store.urls();
    expect((await etcdctl(url, ['put', 'a', '1', ...ca()])).stdout).toBe('OK\n');
    expect((await etcdctl(url, ['endpoint', 'status', ...ca()])).code).toBe(0);
    await using client = await openEtcd3Store({
      endpoints: [url],
      requestTimeoutMs: PATIENT_MS,
      tls: { ca: certificates.ca },
    });
    expect((await client.range({ key: 'a' })).kvs.map(line)).toEqual(['a=1 2/2/1']);
    const curl = ['-s', '--http1.1', '--cacert', certificates.caPath, `${url}/health`];
    const { stdout } = await promisify(execFile)('curl', curl);
    expect(stdout).toBe('{"health":"true"}');
    // Without the authority, and without TLS, nobody gets in.
    const short = ['--dial-timeout=1s', '--command-timeout=1s'];
    expect((await etcdctl(url, ['get', 'a', ...short])).code).not.toBe(0);
    const plain = url.replace('https:', 'http:');
    expect((await etcdctl(plain, ['get', 'a', ...short])).code).not.toBe(0);
    expect((await etcdctl(url, ['get', 'a', ...ca()])).stdout).toBe('a\n1\n');
  });

  test('with --client-cert-auth only those with a certificate, whose name is the user', async () => {
    await using data = await temporaryDirectory();
    const auth = ['--client-cert-auth', '--trusted-ca-file', certificates.caPath];
    await using store = startStore(['--data-dir', data.path, ...SECURE, ...tlsFlags(), ...auth]);
    const [url = ''] = await store.urls();
    const short = ['--dial-timeout=1s', '--command-timeout=1s'];
    expect((await etcdctl(url, ['get', 'a', ...ca(), ...short])).code).not.toBe(0);
    const as = async (...args: string[]) => {
      const { code, stdout, stderr } = await etcdctl(url, [...args, ...ca(), ...clientPair()]);
      return code === 0 ? stdout : stderr.trimEnd().split('\n').at(-1);
    };
    expect(await as('put', 'a', '1')).toBe('OK\n');
    await as('user', 'add', 'root:secret');
    await as('user', 'grant-role', 'root', 'root');
    await as('user', 'add', 'alice', '--no-password');
    await as('role', 'add', 'reader');
    await as('role', 'grant-permission', 'reader', 'read', 'a');
    await as('user', 'grant-role', 'alice', 'reader');
    expect(await as('auth', 'enable')).toBe('Authentication Enabled\n');
    expect(await as('get', 'a')).toBe('a\n1\n');
    expect(await as('put', 'a', '2')).toBe('Error: etcdserver: permission denied');
    expect(await as('put', 'a', '2', '--user', 'root:secret')).toBe('OK\n');
  });

  test.each<[what: string, args: () => string[], message: string]>([
    [
      'https without a certificate',
      () => [],
      'cannot listen on https://127.0.0.1:0: give --cert-file and --key-file',
    ],
    [
      'a certificate that is not there',
      () => ['--cert-file', '/nowhere/cert', '--key-file', certificates.server.keyPath],
      "cannot read the file of --cert-file: ENOENT: no such file or directory, open '/nowhere/cert'",
    ],
    [
      'clients that shall show what cannot be checked',
      () => [...tlsFlags(), '--client-cert-auth'],
      'cannot check the certificates of clients: give --trusted-ca-file',
    ],
  ])('%s is refused with a sentence', async (_what, args, message) => {
    await using data = await temporaryDirectory();
    const { code, stderr } = await runStore(['--data-dir', data.path, ...SECURE, ...args()]);
    expect([code, stderr]).toEqual([1, `etcd: ${message}\n`]);
  });
});
