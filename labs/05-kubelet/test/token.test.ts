// Service-account tokens: when they are renewed, what happens without an API server, whose file it is.

import { ApiError, FakeClock, silentLogger } from '@kube-labs/apiserver';
import { describe, expect, test } from 'vitest';
import { payloadOf } from '#src/volume/config-payload.ts';
import { fsUserOf } from '#src/volume/fs-group.ts';
import { isDue, ServiceAccountTokens } from '#src/volume/service-account-token.ts';
import { container, IDENTITY, pod } from './objects.ts';

const HOUR_MS = 3_600_000;
const PROJECTION = { path: 'token', expirationSeconds: 3_600 };

function setUp(lifeMs = HOUR_MS) {
  const clock = new FakeClock();
  const server = { isUp: true, asked: 0 };
  const tokens = new ServiceAccountTokens({
    request: async () => {
      if (!server.isUp) throw new ApiError('ServiceUnavailable', 'connection refused');
      const issuedAtMs = clock.now();
      return { token: `t${++server.asked}`, issuedAtMs, expiresAtMs: issuedAtMs + lifeMs };
    },
    clock,
    log: silentLogger,
    random: () => 0.5,
  });
  return { clock, server, tokens, token: () => tokens.token(pod(), PROJECTION) };
}

describe('isDue()', () => {
  test.each([
    { name: 'before 80 % of its life', lifeHours: 1, ageMs: 0.79 * HOUR_MS, want: false },
    { name: 'after 80 % of its life', lifeHours: 1, ageMs: 0.8 * HOUR_MS + 1, want: true },
    { name: 'seconds before 80 %', lifeHours: 1, ageMs: 0.8 * HOUR_MS - 4_999, want: true },
    { name: 'before a day', lifeHours: 720, ageMs: 23.9 * HOUR_MS, want: false },
    { name: 'after a day', lifeHours: 720, ageMs: 24 * HOUR_MS + 1, want: true },
  ])('$name: $want', ({ lifeHours, ageMs, want }) => {
    const token = { token: 't', issuedAtMs: 0, expiresAtMs: lifeHours * HOUR_MS };
    expect(isDue(token, ageMs, 5_000)).toBe(want);
  });
});

test('a token is asked for once, and again when it is due', async () => {
  const { clock, server, token } = setUp();
  expect([await token(), await token()]).toEqual(['t1', 't1']);
  clock.advance(0.8 * HOUR_MS);
  expect(await token()).toBe('t2');
  expect(server.asked).toBe(2);
});

test('pods, audiences and lifetimes have tokens of their own, and a pod that went has none', async () => {
  const { tokens, server } = setUp();
  const of = (uid: string, rest: object) =>
    tokens.token(pod({}, { metadata: { ...IDENTITY, uid } }), { ...PROJECTION, ...rest });
  await Promise.all([of('u1', {}), of('u2', {}), of('u1', { audience: 'vault' })]);
  await of('u1', { expirationSeconds: 600 });
  expect(server.asked).toBe(4);
  tokens.forget('u1');
  expect([await of('u2', {}), await of('u1', {})]).toEqual(['t2', 't5']);
});

test('without an API server a token is kept until it expires', async () => {
  const { clock, server, token } = setUp();
  await token();
  server.isUp = false;
  clock.advance(0.95 * HOUR_MS);
  expect(await token()).toBe('t1');
  clock.advance(0.05 * HOUR_MS);
  await expect(token()).rejects.toThrow('token expired and refresh failed: connection refused');
  server.isUp = true;
  expect(await token()).toBe('t2');
});

test('without an API server a first token cannot be had', async () => {
  const { server, token } = setUp();
  server.isUp = false;
  await expect(token()).rejects.toThrow('failed to fetch token: connection refused');
});

describe('fsUserOf()', () => {
  const as = (runAsUser?: number) =>
    container('c', runAsUser === undefined ? {} : { securityContext: { runAsUser } });
  test.each([
    { name: 'one for all', containers: [as(7), as(7)], shared: undefined, want: 7 },
    { name: 'different ones', containers: [as(7), as(8)], shared: undefined, want: undefined },
    { name: 'one that is silent', containers: [as(7), as()], shared: undefined, want: undefined },
    { name: 'the pod’s', containers: [as(), as(9)], shared: 9, want: 9 },
  ])('$name', ({ containers, shared, want }) => {
    const securityContext = shared === undefined ? {} : { runAsUser: shared };
    expect(fsUserOf(pod({ containers, securityContext }))).toBe(want);
  });
});

test.each([
  { name: 'everybody’s', securityContext: {}, want: { mode: 0o644 } },
  { name: 'the user’s', securityContext: { runAsUser: 7 }, want: { mode: 0o600, uid: 7 } },
  { name: 'for the group', securityContext: { fsGroup: 8 }, want: { mode: 0o600 } },
])('the file of a token is $name', async ({ securityContext, want }) => {
  const { tokens } = setUp();
  const volume = { name: 'me', projected: { sources: [{ serviceAccountToken: PROJECTION }] } };
  const nothing = async () => undefined;
  const files = await payloadOf(pod({ securityContext }), volume, {
    reader: { secret: nothing, configMap: nothing },
    surroundings: { podAddress: undefined, hostAddress: '', allocatable: {} },
    tokens,
  });
  expect(files.get('token')).toEqual({ data: Buffer.from('t1'), ...want });
});
