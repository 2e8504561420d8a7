// The services beside KV and Watch, over real sockets: the same calls on ours and on a real etcd, and what is ours alone.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openEtcd3Store } from '#src/etcd3-store.ts';
import { type Etcd, PATIENT_MS, startEtcd } from './support/etcd.ts';
import { openSession, RawStream, rawCall } from './support/raw-grpc.ts';
import { type Served, serve } from './support/serve.ts';
import { bytes } from './support/store-helpers.ts';
import { decodeFrames, frameOf } from './support/wire-messages.ts';

let ours: Served;
let etcd: Etcd;

beforeAll(async () => {
  [ours, etcd] = await Promise.all([
    serve({ server: { advertiseClientUrls: ['http://10.0.0.1:2379'] } }),
    startEtcd(),
  ]);
});

afterAll(async () => {
  await ours?.[Symbol.asyncDispose]();
  await etcd?.[Symbol.asyncDispose]();
});

/** One unary call: its answer without the ids of the member, or its status. */
async function ask(
  endpoint: string,
  path: string,
  [request, fields, response]: readonly [string, object, string],
): Promise<unknown> {
  using session = await openSession(endpoint);
  const answer = await rawCall(session, path, { body: frameOf(request, fields) });
  if (answer.status !== '0') return `${answer.status} ${answer.message}`;
  const [message] = decodeFrames(response, answer.body) as [{ header?: { revision?: number } }];
  const { header, ...rest } = message;
  return { ...rest, revision: header?.revision };
}

describe.each(['ours', 'etcd'])('Lease on %s', (side) => {
  const endpoint = () => (side === 'ours' ? ours.url : etcd.endpoint);
  const lease = (name: string, fields: object) =>
    ask(endpoint(), `/etcdserverpb.Lease/Lease${name}`, [
      `Lease${name}Request`,
      fields,
      `Lease${name}Response`,
    ]);

  test('a lease lives from grant to revoke', async () => {
    const revision = 1;
    expect(await lease('Grant', { TTL: 60, ID: 42 })).toEqual({ ID: 42, TTL: 60, revision });
    expect(await lease('Grant', { TTL: 60, ID: 42 })).toBe('9 etcdserver: lease already exists');
    expect(await lease('Grant', { TTL: 9_000_000_001 })).toBe('11 etcdserver: too large lease TTL');
    expect(await lease('Grant', { TTL: -7, ID: 43 })).toEqual({ ID: 43, TTL: 2, revision });
    // Its two seconds may be over by now. What comes and goes by itself would disturb the tests that follow.
    const shortest = await lease('Revoke', { ID: 43 });
    expect([{ revision }, '5 etcdserver: requested lease not found']).toContainEqual(shortest);
    expect(await lease('Grant', { TTL: 90, ID: 44 })).toEqual({ ID: 44, TTL: 90, revision });
    expect(await lease('Leases', {})).toMatchObject({
      leases: expect.arrayContaining([{ ID: 42 }, { ID: 44 }]),
    });
    expect(await lease('TimeToLive', { ID: 42, keys: true })).toMatchObject({ grantedTTL: 60 });
    expect(await lease('TimeToLive', { ID: 99 })).toEqual({ ID: 99, TTL: -1, revision });
    expect(await lease('Revoke', { ID: 42 })).toEqual({ revision });
    expect(await lease('Revoke', { ID: 42 })).toBe('5 etcdserver: requested lease not found');
  });

  test('an id of 63 bits comes back as it was', async () => {
    using session = await openSession(endpoint());
    const ID = '9223372036854775806';
    const body = frameOf('LeaseGrantRequest', { TTL: 60, ID });
    const { body: answer } = await rawCall(session, '/etcdserverpb.Lease/LeaseGrant', { body });
    // The varint of field 2 (tag 0x10).
    const varint = frameOf('LeaseRevokeRequest', { ID }).subarray(6).toString('hex');
    expect(answer.toString('hex')).toContain(`10${varint}`);
  });

  test('keep-alives of many leases go over one stream, in order', async () => {
    for (const ID of [101, 102]) await lease('Grant', { TTL: 30 + ID, ID });
    using session = await openSession(endpoint());
    using stream = new RawStream(session, '/etcdserverpb.Lease/LeaseKeepAlive', [
      'LeaseKeepAliveRequest',
      'LeaseKeepAliveResponse',
    ]);
    for (const ID of [101, 999, 102, 101]) stream.send({ ID });
    const answers = (await stream.take(4)) as { ID: number; TTL?: number }[];
    expect(answers.map(({ ID, TTL = 0 }) => [ID, TTL])).toEqual([
      [101, 131],
      [999, 0],
      [102, 132],
      [101, 131],
    ]);
    stream.end();
    expect(await stream.next()).toBeUndefined();
    expect(stream.status).toBe('0 ');
  });
});

describe('Maintenance', () => {
  const maintenance = (name: string, fields: object) =>
    ask(ours.url, `/etcdserverpb.Maintenance/${name}`, [
      `${name}Request`,
      fields,
      `${name}Response`,
    ]);

  test('Status and the hashes say what the store says', async () => {
    await ours.store.put({ key: 'm', value: bytes('1') });
    const { revision, version, dbSizeBytes, dbSizeInUseBytes } = await ours.store.status();
    expect(await maintenance('Status', {})).toMatchObject({
      ...{ revision, version, raftIndex: revision, raftAppliedIndex: revision },
      ...{ dbSize: dbSizeBytes, dbSizeInUse: dbSizeInUseBytes },
    });
    expect(await maintenance('Hash', {})).toEqual(await ours.store.maintenance.hash());
    const { hash } = await ours.store.maintenance.hashKv();
    expect(await maintenance('HashKV', {})).toMatchObject({ hash, revision });
    expect(await maintenance('HashKV', { revision: revision + 1 })).toBe(
      '11 etcdserver: mvcc: required revision is a future revision',
    );
  });

  test('an alarm is listed by kind, told in Status, and disarmed', async () => {
    await using full = await serve({ quotaBackendBytes: 2000 });
    const alarm = (fields: object) =>
      ask(full.url, '/etcdserverpb.Maintenance/Alarm', ['AlarmRequest', fields, 'AlarmResponse']);
    const put = { key: bytes('big'), value: Buffer.alloc(3000) };
    expect(await ask(full.url, '/etcdserverpb.KV/Put', ['PutRequest', put, 'PutResponse'])).toBe(
      '8 etcdserver: mvcc: database space exceeded',
    );
    const one = { alarms: [{ memberID: expect.any(Number), alarm: 'Nospace' }] };
    expect(await alarm({})).toMatchObject(one);
    expect(await alarm({ alarm: 1 })).toMatchObject(one);
    expect(await alarm({ alarm: 2 })).not.toHaveProperty('alarms');
    const status = ['StatusRequest', {}, 'StatusResponse'] as const;
    expect(await ask(full.url, '/etcdserverpb.Maintenance/Status', status)).toMatchObject({
      errors: [expect.stringMatching(/^memberID:\d+ alarm:NOSPACE $/)],
    });
    // Of another member, or of another kind: not ours to disarm.
    expect(await alarm({ action: 2, alarm: 1, memberID: 7 })).not.toHaveProperty('alarms');
    expect(await alarm({ action: 2, alarm: 2 })).not.toHaveProperty('alarms');
    expect(await alarm({ action: 2, alarm: 1 })).toMatchObject(one);
    expect(await alarm({})).not.toHaveProperty('alarms');
  });

  test('Snapshot counts down to nothing', async () => {
    using session = await openSession(ours.url);
    const path = '/etcdserverpb.Maintenance/Snapshot';
    const { body, status } = await rawCall(session, path);
    const pieces = decodeFrames('SnapshotResponse', body) as {
      blob: string;
      remainingBytes?: number;
    }[];
    const sizes = pieces.map(({ blob }) => Buffer.from(blob, 'base64').length);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    expect(status).toBe('0');
    expect(total % 512).toBe(32);
    expect(pieces[0]?.remainingBytes).toBe(total - (sizes[0] ?? 0));
    expect(pieces.at(-1)).not.toHaveProperty('remainingBytes');
  });
});

test('MemberList tells where clients shall go', async () => {
  const list = ['MemberListRequest', {}, 'MemberListResponse'] as const;
  expect(await ask(ours.url, '/etcdserverpb.Cluster/MemberList', list)).toMatchObject({
    members: [{ name: 'default', clientURLs: ['http://10.0.0.1:2379'] }],
  });
});

test('the npm client logs in with name and password, and is refused what it may not do', async () => {
  await using served = await serve();
  const call = (name: string, fields: object) =>
    ask(served.url, `/etcdserverpb.Auth/${name}`, [
      name.startsWith('Auth') ? `${name}Request` : `Auth${name}Request`,
      fields,
      name.startsWith('Auth') ? `${name}Response` : `Auth${name}Response`,
    ]);
  expect(await call('AuthStatus', {})).toMatchObject({ authRevision: 1 });
  await call('UserAdd', { name: 'root', password: 'secret' });
  await call('UserGrantRole', { user: 'root', role: 'root' });
  await call('UserAdd', { name: 'ann', password: 'pass' });
  await call('RoleAdd', { name: 'own' });
  const perm = { permType: 2, key: bytes('ann/'), rangeEnd: bytes('ann0') };
  expect(await call('RoleGrantPermission', { name: 'own' })).toBe(
    '3 etcdserver: permission not given',
  );
  await call('RoleGrantPermission', { name: 'own', perm });
  await call('UserGrantRole', { user: 'ann', role: 'own' });
  await call('AuthEnable', {});
  expect(await call('AuthStatus', {})).toBe('3 etcdserver: user name is empty');
  const auth = { username: 'ann', password: 'pass' };
  const requestTimeoutMs = PATIENT_MS;
  await using store = await openEtcd3Store({ endpoints: [served.url], requestTimeoutMs, auth });
  await store.put({ key: 'ann/1', value: bytes('mine') });
  expect((await store.range({ key: 'ann/', rangeEnd: 'ann0' })).count).toBe(1);
  await expect(store.put({ key: 'b', value: bytes('') })).rejects.toThrow('permission denied');
  await expect(store.range({ key: 'ann/', rangeEnd: 'ann1' })).rejects.toThrow('permission denied');
});
