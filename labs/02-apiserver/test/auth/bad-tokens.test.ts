// Every kind of bad token is 401, and a review says why in upstream's words; what is good is good at once, and bad at once.

import { generateKeyPairSync, randomUUID } from 'node:crypto';
import type { Logger } from '@kube-labs/store';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { signToken } from '#src/auth/jwt.ts';
import { createSigningKey, signingKeyOf } from '#src/auth/signing-keys.ts';
import type { Claims } from '#src/auth/token-claims.ts';
import {
  ADMIN,
  assembled,
  ISSUER,
  NAMESPACE_PATH,
  pod,
  type Scene,
  signedWithPublicKey,
  startScene,
} from './scene.ts';

const BAD_SIGNATURE = '[invalid bearer token, go-jose/go-jose: error in cryptographic primitive]';
const UNKNOWN = 'invalid bearer token';
const GONE = '[invalid bearer token, service account token has been invalidated]';

const lines: string[] = [];
const line = (message: string, fields?: object) =>
  void lines.push(`${message} ${JSON.stringify(fields)}`);
const log: Logger = { info: line, warn: line, error: line, debug: line, child: () => log };

let scene: Scene;
let uid: string;
let kid: string;
beforeAll(async () => {
  scene = await startScene({}, { log });
  uid = await scene.account('robot');
  kid = signingKeyOf(scene.signingKey, 'test').id;
});
afterAll(() => scene[Symbol.asyncDispose]());

const good = (over: Claims = {}): Claims => scene.claims({ name: 'robot', uid }, over);
const secondsFromNow = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds;
const bound = (over: object): Claims =>
  good({
    'kubernetes.io': {
      namespace: 'default',
      serviceaccount: { name: 'robot', uid },
      ...over,
    },
  });

interface BadToken {
  readonly name: string;
  readonly token: () => string | Promise<string>;
  readonly error: string | RegExp;
}

const BAD_TOKENS: readonly BadToken[] = [
  { name: 'no token at all', token: () => 'nonsense', error: UNKNOWN },
  { name: 'two parts', token: () => 'e30.e30', error: UNKNOWN },
  { name: 'four parts', token: async () => `${await scene.sign(good())}.e30`, error: UNKNOWN },
  { name: 'parts that are no JSON', token: () => 'x.y.z', error: UNKNOWN },
  {
    name: 'claims that are a list',
    token: () => assembled({ alg: 'ES256', kid }, [1, 2]),
    error: UNKNOWN,
  },
  { name: 'alg none', token: () => assembled({ alg: 'none' }, good(), ''), error: UNKNOWN },
  {
    name: 'alg NONE with a signature',
    token: () => assembled({ alg: 'NONE' }, good()),
    error: UNKNOWN,
  },
  {
    name: 'the public key as a password',
    token: () => signedWithPublicKey(scene.signingKey, kid, good()),
    error: UNKNOWN,
  },
  {
    name: 'the algorithm of another kind of key',
    token: () => assembled({ alg: 'RS256', kid }, good()),
    error: BAD_SIGNATURE,
  },
  {
    name: 'a part that must be understood and is not',
    token: () => assembled({ alg: 'ES256', kid, crit: ['exp'], exp: 1 }, good()),
    error: UNKNOWN,
  },
  {
    name: 'another key under our name',
    token: () => signToken(good(), { ...signingKeyOf(createSigningKey(), 'x'), id: kid }),
    error: BAD_SIGNATURE,
  },
  {
    name: 'another key under its own name',
    token: () => signToken(good(), signingKeyOf(createSigningKey(), 'x')),
    error: '[invalid bearer token, invalid signature, no keys found]',
  },
  {
    name: 'another key that brings itself along',
    token: () => {
      const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
      const jwk = publicKey.export({ format: 'jwk' });
      return assembled({ alg: 'ES256', kid, jwk }, good());
    },
    error: BAD_SIGNATURE,
  },
  {
    name: 'a signature that is cut',
    token: async () => (await scene.sign(good())).slice(0, -8),
    error: BAD_SIGNATURE,
  },
  {
    name: 'claims that were changed afterwards',
    token: async () => {
      const [head, , signature] = (await scene.sign(good())).split('.');
      const claims = Buffer.from(JSON.stringify(good({ sub: 'system:admin' })));
      return `${head}.${claims.toString('base64url')}.${signature}`;
    },
    error: BAD_SIGNATURE,
  },
  {
    name: 'another issuer',
    token: () => scene.sign(good({ iss: 'https://other.example.com' })),
    error: UNKNOWN,
  },
  { name: 'no issuer', token: () => scene.sign(good({ iss: undefined })), error: UNKNOWN },
  {
    name: 'another audience',
    token: () => scene.sign(good({ aud: ['vault'] })),
    error: `[invalid bearer token, token audiences ["vault"] is invalid for the target audiences ["${ISSUER}"]]`,
  },
  {
    name: 'one that has expired more than a minute ago',
    token: () => scene.sign(good({ exp: secondsFromNow(-61) })),
    error: '[invalid bearer token, service account token has expired]',
  },
  {
    name: 'one that is not valid yet',
    token: () => scene.sign(good({ nbf: secondsFromNow(120) })),
    error: '[invalid bearer token, service account token is not valid yet]',
  },
  {
    name: 'one from the future',
    token: () => scene.sign(good({ iat: secondsFromNow(120) })),
    error: '[invalid bearer token, service account token is issued in the future]',
  },
  {
    name: 'an account that there is not',
    token: () => scene.sign(scene.claims({ name: 'nobody', uid })),
    error: '[invalid bearer token, serviceaccounts "nobody" not found]',
  },
  {
    name: 'another account of the same name',
    token: () => scene.sign(scene.claims({ name: 'robot', uid: 'other' })),
    error: /service account UID \(.+\) does not match claim \(other\)/,
  },
  {
    name: 'claims without an account',
    token: () => scene.sign(good({ 'kubernetes.io': 7 })),
    error: '[invalid bearer token, serviceaccounts "" not found]',
  },
  {
    name: 'a pod that there is not',
    token: () => scene.sign(bound({ pod: { name: 'gone', uid: 'x' } })),
    error: GONE,
  },
  {
    name: 'a secret that there is not',
    token: () => scene.sign(bound({ secret: { name: 'gone', uid: 'x' } })),
    error: GONE,
  },
  {
    name: 'a node that there is not',
    token: () => scene.sign(bound({ node: { name: 'gone', uid: 'x' } })),
    error: GONE,
  },
  {
    name: 'an old token without a secret',
    token: () => scene.sign({ iss: 'kubernetes/serviceaccount', sub: 'x' }),
    error: '[invalid bearer token, namespace claim is missing]',
  },
  {
    name: 'an old token whose secret is gone',
    token: () =>
      scene.sign({
        iss: 'kubernetes/serviceaccount',
        sub: 'system:serviceaccount:default:robot',
        'kubernetes.io/serviceaccount/namespace': 'default',
        'kubernetes.io/serviceaccount/secret.name': 'gone',
        'kubernetes.io/serviceaccount/service-account.name': 'robot',
        'kubernetes.io/serviceaccount/service-account.uid': uid,
      }),
    error: '[invalid bearer token, Token has been invalidated]',
  },
];

describe('a bad token', () => {
  test.each(BAD_TOKENS)('$name', async ({ token, error }) => {
    const text = await token();
    const answer = await scene.as(text, `get ${NAMESPACE_PATH}/pods`);
    expect(answer.status).toBe(401);
    expect(answer.json).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'Unauthorized',
      reason: 'Unauthorized',
      code: 401,
    });
    const status = await scene.review(text);
    expect(status.authenticated).toBeUndefined();
    expect(status.user).toEqual({});
    expect(status.error).toMatch(typeof error === 'string' ? literally(error) : error);
    // Neither the error nor any log, however verbose, repeats what was shown.
    expect(lines.join('\n')).toContain('Unable to authenticate the request');
    if (text.length > 20) expect(lines.join('\n') + status.error).not.toContain(text.slice(-20));
    lines.length = 0;
  });

  test('of a length that no header holds is refused, not read', async () => {
    const huge = assembled({ alg: 'ES256', kid }, { iss: ISSUER, padding: 'x'.repeat(100_000) });
    expect(await scene.review(huge)).toEqual({ user: {}, error: UNKNOWN });
  });

  test('without a token there is nothing to review', async () => {
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: {} };
    const { status, json } = await scene.as(
      ADMIN,
      'post /apis/authentication.k8s.io/v1/tokenreviews',
      body,
    );
    expect(status).toBe(400);
    expect(json.message).toBe('token is required for TokenReview in authentication');
  });
});

describe('a good token', () => {
  test('holds a minute longer than it says, for clocks that differ', async () => {
    const token = await scene.sign(good({ exp: secondsFromNow(-30) }));
    expect((await scene.as(token, `get ${NAMESPACE_PATH}/pods`)).status).toBe(200);
  });

  test('with several audiences opens this server if it is one of them', async () => {
    const token = await scene.sign(good({ aud: ['vault', ISSUER] }));
    expect((await scene.as(token, `get ${NAMESPACE_PATH}/pods`)).status).toBe(200);
    expect((await scene.review(token, ['vault', 'other'])).audiences).toEqual(['vault']);
    expect((await scene.review(token, ['other'])).error).toContain('is invalid for the target');
  });

  test('without the name of a key is tried with all of them', async () => {
    const token = await signToken(good(), { ...signingKeyOf(scene.signingKey, 'x'), id: '' });
    expect((await scene.review(token)).authenticated).toBe(true);
  });

  test('ends with its account, though it was used a moment ago, and does not come back', async () => {
    const mortal = await scene.account('mortal');
    const token = await scene.sign(scene.claims({ name: 'mortal', uid: mortal }));
    const path = `get ${NAMESPACE_PATH}/pods`;
    expect((await scene.as(token, path)).status).toBe(200);
    await scene.make(`delete ${NAMESPACE_PATH}/serviceaccounts/mortal`, {});
    await expect.poll(async () => (await scene.as(token, path)).status).toBe(401);
    await scene.account('mortal');
    expect((await scene.as(token, path)).status).toBe(401);
  });

  test('bound to a pod ends with the pod, and names pod and node', async () => {
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } };
    const nodeUid = (await scene.make('post /api/v1/nodes', node)).metadata.uid;
    const made = await scene.make(`post ${NAMESPACE_PATH}/pods`, pod('web', 'robot', 'n1'));
    const podUid = String(made.metadata.uid);
    const objects = { pod: { name: 'web', uid: podUid }, node: { name: 'n1', uid: nodeUid } };
    const token = await scene.sign(bound(objects));
    expect(await scene.review(token)).toEqual({
      authenticated: true,
      audiences: [ISSUER],
      user: {
        username: 'system:serviceaccount:default:robot',
        uid,
        groups: [
          'system:serviceaccounts',
          'system:serviceaccounts:default',
          'system:authenticated',
        ],
        extra: {
          'authentication.kubernetes.io/credential-id': ['JTI=an-id'],
          'authentication.kubernetes.io/node-name': ['n1'],
          'authentication.kubernetes.io/node-uid': [nodeUid],
          'authentication.kubernetes.io/pod-name': ['web'],
          'authentication.kubernetes.io/pod-uid': [podUid],
        },
      },
    });
    const other = await scene.sign(bound({ pod: { name: 'web', uid: 'another' } }));
    expect((await scene.review(other)).error).toBe(
      `[invalid bearer token, pod UID (${podUid}) does not match service account pod ref claim (another)]`,
    );
    // The pod of another namespace is another pod.
    const elsewhere = await scene.sign(
      good({
        'kubernetes.io': {
          namespace: 'kube-system',
          serviceaccount: { name: 'robot', uid },
          ...objects,
        },
      }),
    );
    expect((await scene.review(elsewhere)).error).toBe(
      '[invalid bearer token, serviceaccounts "robot" not found]',
    );
    await scene.make(`delete ${NAMESPACE_PATH}/pods/web`, { gracePeriodSeconds: 0 });
    await expect.poll(async () => (await scene.review(token)).error).toBe(GONE);
  });

  test('is remembered as a whole: one character more is another token', async () => {
    const token = await scene.sign(good({ jti: randomUUID() }));
    expect((await scene.review(token)).authenticated).toBe(true);
    expect((await scene.review(token)).authenticated).toBe(true);
    expect((await scene.review(`${token}A`)).error).toBe(BAD_SIGNATURE);
  });
});

function literally(text: string): RegExp {
  return new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')}$`);
}
