// Secrets that hold a token without an end: filled for the account they name, gone with it.

import { silentLogger } from '@kube-labs/store';
import type { Secret } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import { LAST_USED, lastUsedNotes } from '#src/auth/last-used.ts';
import { planSecret } from '#src/auth/token-secrets.ts';
import { realClock } from '#src/client/clock.ts';
import type { ReadonlyApiObject } from '#src/registry/api-object.ts';
import { NAMESPACE_PATH, type Scene, startScene } from './scene.ts';

const TYPE = 'kubernetes.io/service-account-token';
const NAME = 'kubernetes.io/service-account.name';
const UID = 'kubernetes.io/service-account.uid';

describe('planSecret()', () => {
  const account = { metadata: { name: 'robot', uid: 'u1' } } as ReadonlyApiObject;
  const secret = (annotations: object, rest: object = {}): ReadonlyApiObject =>
    ({ type: TYPE, metadata: { annotations }, ...rest }) as unknown as ReadonlyApiObject;
  const full = { data: { token: 'dA==', namespace: 'ZA==', 'ca.crt': 'Yw==' } };
  test.each([
    ['a new one', secret({ [NAME]: 'robot' }), account, 'fill'],
    ['one that is full', secret({ [UID]: 'u1' }, full), account, 'none'],
    [
      'one that lacks a part',
      secret({ [UID]: 'u1' }, { data: { token: 'dA==' } }),
      account,
      'fill',
    ],
    ['one of an account that is gone', secret({ [UID]: 'u1' }, full), undefined, 'delete'],
    ['one of the account before', secret({ [UID]: 'u0' }, full), account, 'delete'],
    [
      'one of another type',
      { ...secret({}), type: 'Opaque' } as ReadonlyApiObject,
      undefined,
      'none',
    ],
    ['none at all', undefined, account, 'none'],
    [
      'one that is being deleted',
      { type: TYPE, metadata: { deletionTimestamp: 'now' } } as unknown as ReadonlyApiObject,
      undefined,
      'none',
    ],
  ])('%s: %#', (_name, of, found, want) => {
    expect(planSecret(of, found, 'ca').kind).toBe(want);
  });
});

const path = (name: string): string => `${NAMESPACE_PATH}/secrets/${name}`;

async function makeSecret(scene: Scene, name: string, account: string): Promise<void> {
  const metadata = { name, annotations: { [NAME]: account } };
  const body = { apiVersion: 'v1', kind: 'Secret', metadata, type: TYPE };
  await scene.make(`post ${NAMESPACE_PATH}/secrets`, body);
}

async function tokenOf(scene: Scene, name: string): Promise<string> {
  let secret: Secret = {};
  await expect
    .poll(async () => {
      secret = (await scene.make(`get ${path(name)}`, {})) as Secret;
      return secret.data?.token;
    })
    .toBeDefined();
  return Buffer.from(secret.data?.token ?? '', 'base64').toString('utf8');
}

test('a secret gets a token that holds as long as it is there', async () => {
  await using scene = await startScene();
  const uid = await scene.account('robot');
  await makeSecret(scene, 'robot-token', 'robot');
  const token = await tokenOf(scene, 'robot-token');
  const { data, metadata } = await scene.make(`get ${path('robot-token')}`, {});
  expect(metadata.annotations).toEqual({ [NAME]: 'robot', [UID]: uid });
  expect(Buffer.from(data.namespace, 'base64').toString()).toBe('default');
  expect(Buffer.from(data['ca.crt'], 'base64').toString()).toContain('BEGIN CERTIFICATE');
  const { user } = await scene.review(token);
  expect(user).toEqual({
    username: 'system:serviceaccount:default:robot',
    uid,
    groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
  });

  const invalid = {
    metadata: { labels: { 'kubernetes.io/legacy-token-invalid-since': '2030-01-01' } },
  };
  await scene.make(`patch ${path('robot-token')}`, invalid);
  await expect
    .poll(async () => (await scene.review(token)).error)
    .toContain('has been marked invalid');
  const valid = { metadata: { labels: { 'kubernetes.io/legacy-token-invalid-since': null } } };
  await scene.make(`patch ${path('robot-token')}`, valid);
  await expect.poll(async () => (await scene.review(token)).authenticated).toBe(true);

  // Another token in the secret: this one is no longer the server's copy.
  await scene.make(`patch ${path('robot-token')}`, { data: { token: 'b3RoZXI=' } });
  await expect
    .poll(async () => (await scene.review(token)).error)
    .toBe("[invalid bearer token, Token does not match server's copy]");
  await scene.make(`delete ${path('robot-token')}`, {});
  await expect
    .poll(async () => (await scene.review(token)).error)
    .toBe('[invalid bearer token, Token has been invalidated]');
});

test('a secret goes with its account, and one for nobody goes at once', async () => {
  await using scene = await startScene();
  await scene.account('robot');
  await makeSecret(scene, 'robot-token', 'robot');
  await tokenOf(scene, 'robot-token');
  await scene.make(`delete ${NAMESPACE_PATH}/serviceaccounts/robot`, {});
  const code = async (name: string): Promise<number> =>
    (await scene.as('admin-token', `get ${path(name)}`)).status;
  await expect.poll(() => code('robot-token')).toBe(404);
  await makeSecret(scene, 'nobodys-token', 'nobody');
  await expect.poll(() => code('nobodys-token')).toBe(404);
});

describe('the day on which a token was last used', () => {
  const labelOf = async (scene: Scene): Promise<string | undefined> =>
    (await scene.make(`get ${path('robot-token')}`, {})).metadata.labels?.[LAST_USED];
  const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

  test('is a label of its secret once somebody comes with it, also when it is refused', async () => {
    await using scene = await startScene();
    await scene.account('robot');
    await makeSecret(scene, 'robot-token', 'robot');
    const token = await tokenOf(scene, 'robot-token');
    expect(await labelOf(scene)).toBeUndefined();
    const before = dayOf(Date.now());
    await scene.as(token, 'get /api');
    const label = (): Promise<string | undefined> => labelOf(scene);
    await expect.poll(label).toBeDefined();
    expect([before, dayOf(Date.now())]).toContain(await label());
    const labels = { [LAST_USED]: null, 'kubernetes.io/legacy-token-invalid-since': '2030-01-01' };
    await scene.make(`patch ${path('robot-token')}`, { metadata: { labels } });
    const isRefused = async () => (await scene.as(token, 'get /api')).status;
    await expect.poll(isRefused).toBe(401);
    await expect.poll(label).toBeDefined();
  });

  test('is written once a day, and not over the day of a clock that is ahead', async () => {
    await using scene = await startScene();
    await scene.account('robot');
    await makeSecret(scene, 'robot-token', 'robot');
    await tokenOf(scene, 'robot-token');
    let now = Date.parse('2030-05-01T23:59:00Z');
    const { table } = scene.server;
    const { storage } = table.registry('', 'secrets');
    const { signal } = new AbortController();
    const warnings: unknown[] = [];
    const log = { ...silentLogger, warn: (...args: unknown[]) => void warnings.push(args) };
    const note = lastUsedNotes({ table, log, signal, clock: { ...realClock, now: () => now } });
    const use = async (): Promise<void> => {
      const secret = await storage.get('/registry/secrets/default/robot-token');
      if (secret !== undefined) note(secret.object);
    };
    const revision = async () => (await scene.server.store.status()).revision;
    await use();
    await expect.poll(() => labelOf(scene)).toBe('2030-05-01');
    const written = await revision();
    await use();
    now -= 60_000 * 60 * 24;
    await use();
    now += 60_000 * 60 * 24;
    await use();
    expect(await revision()).toBe(written);
    now += 60_000;
    await use();
    await expect.poll(() => labelOf(scene)).toBe('2030-05-02');
    // A secret that is gone by now is no fault, and another one of the same name is left alone.
    now += 60_000 * 60 * 24;
    const gone = (name: string): ReadonlyApiObject =>
      ({ metadata: { name, namespace: 'default', uid: 'gone' } }) as ReadonlyApiObject;
    note(gone('robot-token'));
    await scene.make(`patch ${path('robot-token')}`, { metadata: { labels: { a: 'b' } } });
    note(gone('nothing'));
    await expect.poll(() => warnings.length).toBe(1);
    expect(await labelOf(scene)).toBe('2030-05-02');
  });
});
