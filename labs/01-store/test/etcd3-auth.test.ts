// The adapter on an etcd that asks who is there: by password, by certificate, over TLS.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Etcd3StoreOptions, openEtcd3Store } from '#src/etcd3-store.ts';
import { prefixEnd } from '#src/key-range.ts';
import { StoreError } from '#src/kv.ts';
import { type Certificates, makeCertificates } from './support/certificates.ts';
import { type Etcd, PATIENT_MS, startEtcd } from './support/etcd.ts';
import { bytes, take, temporaryDirectory } from './support/store-helpers.ts';

const run = promisify(execFile);
/** By itself etcdctl gives up after 2 and 5 seconds. */
const CTL = ['--dial-timeout=60s', '--command-timeout=60s'];
const ROOT = { username: 'root', password: 'root-secret' };
const ALICE = { username: 'alice', password: 'alice-secret' };
const MINE = { key: 'alice/', rangeEnd: prefixEnd('alice/') };

const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'no error',
    (error: unknown) => (StoreError.is(error) ? `${error.code}: ${error.message}` : error),
  );

describe('an etcd with users and passwords', () => {
  let etcd: Etcd;
  const open = (auth?: Etcd3StoreOptions['auth']) =>
    openEtcd3Store({
      endpoints: [etcd.endpoint],
      requestTimeoutMs: PATIENT_MS,
      ...(auth && { auth }),
    });

  beforeAll(async () => {
    etcd = await startEtcd();
    const ctl = (...args: string[]) =>
      run('etcdctl', [...CTL, '--endpoints', etcd.endpoint, ...args], {
        env: { ...process.env, ETCDCTL_API: '3' },
      });
    await ctl('user', 'add', `${ROOT.username}:${ROOT.password}`);
    await ctl('user', 'grant-role', 'root', 'root');
    await ctl('user', 'add', `${ALICE.username}:${ALICE.password}`);
    await ctl('role', 'add', 'alice');
    await ctl('role', 'grant-permission', 'alice', 'readwrite', '--prefix', 'alice/');
    await ctl('user', 'grant-role', 'alice', 'alice');
    await ctl('auth', 'enable');
  });

  afterAll(async () => {
    await etcd?.[Symbol.asyncDispose]();
  });

  test('root may do everything, maintenance too', async () => {
    await using store = await open(ROOT);
    const { revision } = await store.put({ key: 'a', value: bytes('1') });
    expect((await store.range({ key: 'a' })).kvs[0]?.modRevision).toBe(revision);
    expect((await take(store, { key: 'a', startRevision: revision }, 1)).length).toBe(1);
    let size = 0;
    for await (const piece of store.maintenance.snapshot(AbortSignal.timeout(PATIENT_MS)))
      size += piece.bytes.length;
    expect(size).toBeGreaterThan(0);
    expect(await store.maintenance.alarms()).toEqual([]);
  });

  test('alice may do what her role says, and hears the rest as etcd says it', async () => {
    await using store = await open(ALICE);
    const { revision } = await store.put({ key: 'alice/a', value: bytes('1') });
    const watching = take(store, { ...MINE, startRevision: revision }, 1);
    expect((await watching).map((batch) => batch.revision)).toEqual([revision]);
    const denied = /^invalid: .*etcdserver: permission denied/;
    expect(await failureOf(store.put({ key: 'bob', value: bytes('') }))).toMatch(denied);
    expect(await failureOf(store.range({ key: 'bob' }))).toMatch(denied);
    expect(await failureOf(take(store, { key: 'bob' }, 1))).toMatch(denied);
  });

  test('a wrong password is told when the store is opened, no password with the first call', async () => {
    const wrong = await failureOf(open({ ...ALICE, password: 'guess' }));
    expect(wrong).toMatch(/^invalid: cannot reach etcd at .*: .*authentication failed/);
    await using nobody = await open();
    const none = await failureOf(nobody.put({ key: 'alice/a', value: bytes('') }));
    expect(none).toMatch(/^invalid: .*etcdserver: user name is empty/);
  });

  test('a login that a restart of etcd forgot is renewed, for calls and for watches', async () => {
    await using store = await open(ALICE);
    const { revision } = await store.put({ key: 'alice/b', value: bytes('1') });
    await etcd.kill();
    await etcd.start();
    expect((await take(store, { ...MINE, startRevision: revision }, 1)).length).toBe(1);
    await etcd.kill();
    await etcd.start();
    expect((await store.put({ key: 'alice/b', value: bytes('2') })).revision).toBe(revision + 1);
  });
});

describe('an etcd that speaks TLS and wants a certificate', () => {
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
  let certificates: Certificates;
  let etcd: Etcd;

  beforeAll(async () => {
    directory = await temporaryDirectory();
    certificates = await makeCertificates(directory.path, 'client');
    const { caPath, server } = certificates;
    etcd = await startEtcd({
      scheme: 'https',
      flags: {
        '--cert-file': server.certPath,
        '--key-file': server.keyPath,
        '--trusted-ca-file': caPath,
        '--client-cert-auth': 'true',
      },
      probe: async (endpoint) => {
        await using _store = await openEtcd3Store({ endpoints: [endpoint], tls: identity() });
      },
    });
  });

  afterAll(async () => {
    await etcd?.[Symbol.asyncDispose]();
    await directory?.[Symbol.asyncDispose]();
  });

  const identity = () => ({
    ca: certificates.ca,
    cert: certificates.client.cert,
    key: certificates.client.key,
  });

  test('serves who has one', async () => {
    await using store = await openEtcd3Store({
      endpoints: [etcd.endpoint],
      requestTimeoutMs: PATIENT_MS,
      tls: identity(),
    });
    const { revision } = await store.put({ key: 'a', value: bytes('1') });
    expect((await take(store, { key: 'a', startRevision: revision }, 1)).length).toBe(1);
  });

  test('refuses who has none, or trusts somebody else', async () => {
    const open = (tls: NonNullable<Etcd3StoreOptions['tls']>) =>
      failureOf(openEtcd3Store({ endpoints: [etcd.endpoint], tls, requestTimeoutMs: 1000 }));
    expect(await open({ ca: certificates.ca })).toMatch(/^unavailable: cannot reach etcd at https/);
    await using other = await temporaryDirectory();
    const { ca } = await makeCertificates(other.path, 'client');
    expect(await open({ ...identity(), ca })).toMatch(/^unavailable: cannot reach etcd at https/);
  });
});
