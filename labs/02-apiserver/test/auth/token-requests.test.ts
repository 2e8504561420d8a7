// serviceaccounts/NAME/token: what a token says, what it may be bound to, and what is refused.

import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ADMIN, ISSUER, NAMESPACE_PATH, pod, type Scene, startScene } from './scene.ts';

const HOUR = 3600;
let scene: Scene;
let uid: string;
const uids: Record<string, string> = {};

beforeAll(async () => {
  scene = await startScene({ serviceAccounts: { maxExpirationSeconds: 24 * HOUR } });
  uid = await scene.account('robot');
  await scene.account('other');
  const made = async (asked: string, body: object): Promise<string> =>
    String((await scene.make(asked, body)).metadata.uid);
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } };
  uids.node = await made('post /api/v1/nodes', node);
  uids.pod = await made(`post ${NAMESPACE_PATH}/pods`, pod('web', 'robot', 'n1'));
  uids.waiting = await made(`post ${NAMESPACE_PATH}/pods`, pod('waiting', 'robot'));
  uids.lost = await made(`post ${NAMESPACE_PATH}/pods`, pod('lost', 'robot', 'no-such-node'));
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' } };
  uids.secret = await made(`post ${NAMESPACE_PATH}/secrets`, secret);
});
afterAll(() => scene[Symbol.asyncDispose]());

async function ask(spec: object, rest: object = {}, account = 'robot') {
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec, ...rest };
  return scene.as(ADMIN, `post ${NAMESPACE_PATH}/serviceaccounts/${account}/token`, body);
}

describe('a token request', () => {
  test('is answered with a token for this server that holds an hour', async () => {
    const before = Math.floor(Date.now() / 1000);
    const { status, json } = await ask({});
    expect(status).toBe(201);
    expect(json).toMatchObject({
      kind: 'TokenRequest',
      apiVersion: 'authentication.k8s.io/v1',
      metadata: { name: 'robot', namespace: 'default' },
      spec: { audiences: [ISSUER], expirationSeconds: HOUR },
    });
    const claims = decodeJwt(json.status.token);
    expect(claims).toEqual({
      iss: ISSUER,
      sub: 'system:serviceaccount:default:robot',
      aud: [ISSUER],
      iat: expect.any(Number),
      nbf: claims.iat,
      exp: (claims.iat ?? 0) + HOUR,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
      'kubernetes.io': { namespace: 'default', serviceaccount: { name: 'robot', uid } },
    });
    expect(claims.iat).toBeGreaterThanOrEqual(before);
    expect(Date.parse(json.status.expirationTimestamp) / 1000).toBeLessThanOrEqual(claims.exp ?? 0);
    expect((await scene.as(json.status.token, `get ${NAMESPACE_PATH}/pods`)).status).toBe(200);
  });

  test('names its audiences, and such a token does not open this server', async () => {
    const { json } = await ask({ audiences: ['vault'], expirationSeconds: 600 });
    expect(decodeJwt(json.status.token).aud).toEqual(['vault']);
    expect((await scene.as(json.status.token, `get ${NAMESPACE_PATH}/pods`)).status).toBe(401);
    expect((await scene.review(json.status.token, ['vault'])).authenticated).toBe(true);
  });

  test('for longer than the server gives is shortened, with a warning', async () => {
    const { json, headers } = await ask({ expirationSeconds: 100 * HOUR });
    expect(json.spec.expirationSeconds).toBe(24 * HOUR);
    expect(headers.warning).toBe(
      '299 - "requested expiration of 360000 seconds shortened to 86400 seconds"',
    );
  });

  const reference = (kind: string, name: string, uidOf?: string) => ({
    kind,
    apiVersion: 'v1',
    name,
    ...(uidOf === undefined ? {} : { uid: uidOf }),
  });

  test.each([
    {
      name: 'a pod, and its node with it',
      ref: () => reference('Pod', 'web', uids.pod),
      want: () => ({
        pod: { name: 'web', uid: uids.pod },
        node: { name: 'n1', uid: uids.node },
      }),
    },
    {
      name: 'a pod without a node',
      ref: () => reference('Pod', 'waiting'),
      want: () => ({ pod: { name: 'waiting', uid: uids.waiting } }),
    },
    {
      name: 'a pod whose node there is not',
      ref: () => reference('Pod', 'lost'),
      want: () => ({ pod: { name: 'lost', uid: uids.lost }, node: { name: 'no-such-node' } }),
    },
    {
      name: 'a secret',
      ref: () => reference('Secret', 's'),
      want: () => ({ secret: { name: 's', uid: uids.secret } }),
    },
    {
      name: 'a node',
      ref: () => reference('Node', 'n1'),
      want: () => ({ node: { name: 'n1', uid: uids.node } }),
    },
  ])('binds the token to $name', async ({ ref, want }) => {
    const { json } = await ask({ boundObjectRef: ref() });
    expect(decodeJwt(json.status.token)['kubernetes.io']).toEqual({
      namespace: 'default',
      serviceaccount: { name: 'robot', uid },
      ...want(),
    });
    expect((await scene.review(json.status.token)).authenticated).toBe(true);
  });

  test('of a pod that reads its token from a volume holds a year, and says when it should have been read anew', async () => {
    const { json } = await ask({
      expirationSeconds: 3607,
      boundObjectRef: reference('Pod', 'web'),
    });
    const claims = decodeJwt(json.status.token);
    const { warnafter } = claims['kubernetes.io'] as { warnafter: number };
    expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(365 * 24 * HOUR);
    expect(warnafter - (claims.iat ?? 0)).toBe(3607);
    expect(json.spec.expirationSeconds).toBe(3607);
    const told = Date.parse(json.status.expirationTimestamp) / 1000;
    expect(told).toBeLessThan((claims.iat ?? 0) + 3610);
  });

  const INVALID = 'TokenRequest.authentication.k8s.io';
  test.each([
    {
      name: 'less than ten minutes',
      spec: { expirationSeconds: 599 },
      code: 422,
      message: `${INVALID} "" is invalid: spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes`,
    },
    {
      name: 'more than 136 years',
      spec: { expirationSeconds: 2 ** 32 + 1 },
      code: 422,
      message: `${INVALID} "" is invalid: spec.expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds`,
    },
    {
      name: 'another name in the body',
      spec: {},
      rest: { metadata: { name: 'other' } },
      code: 422,
      message: `${INVALID} "robot" is invalid: metadata.name: Invalid value: "other": must match the service account name if specified`,
    },
    {
      name: 'another namespace in the body',
      spec: {},
      rest: { metadata: { namespace: 'other' } },
      code: 422,
      message: `${INVALID} "robot" is invalid: metadata.namespace: Invalid value: "other": must match the service account namespace if specified`,
    },
    {
      name: 'an account that there is not',
      account: 'nobody',
      spec: {},
      code: 404,
      message: 'serviceaccounts "nobody" not found',
    },
    {
      name: 'a pod of another account',
      account: 'other',
      spec: { boundObjectRef: reference('Pod', 'web') },
      code: 400,
      message:
        'cannot bind token for serviceaccount "other" to pod running with different serviceaccount name.',
    },
    {
      name: 'a pod that was made again',
      spec: { boundObjectRef: reference('Pod', 'web', 'old') },
      code: 409,
      message:
        'Operation cannot be fulfilled on Pod "web": the UID in the bound object reference (old) does not match the UID in record. The object might have been deleted and then recreated',
    },
    {
      name: 'a pod that there is not',
      spec: { boundObjectRef: reference('Pod', 'gone') },
      code: 404,
      message: 'pods "gone" not found',
    },
    {
      name: 'a kind that nothing is bound to',
      spec: { boundObjectRef: { kind: 'Deployment', apiVersion: 'apps/v1', name: 'd' } },
      code: 400,
      message: 'cannot bind token to object of type apps/v1, Kind=Deployment',
    },
  ])('is refused for $name', async ({ spec, rest, account, code, message }) => {
    const { status, json } = await ask(spec, rest, account);
    expect(json.message).toBe(message);
    expect(status).toBe(code);
  });

  test('is the only thing that the subresource knows', async () => {
    const path = `${NAMESPACE_PATH}/serviceaccounts/robot/token`;
    expect((await scene.as(ADMIN, `get ${path}`)).status).toBe(405);
    expect((await scene.as(ADMIN, `delete ${path}`)).status).toBe(405);
  });
});
