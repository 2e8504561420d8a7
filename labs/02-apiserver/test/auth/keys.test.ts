// Keys that sign and keys that are believed: kinds, files, and what happens when they change. And the documents with which others check.

import { generateKeyPairSync } from 'node:crypto';
import { createLocalJWKSet, createRemoteJWKSet, customFetch, jwtVerify } from 'jose';
import { describe, expect, test } from 'vitest';
import { signToken, TokenVerifier } from '#src/auth/jwt.ts';
import { openidDocument } from '#src/auth/openid.ts';
import { createSigningKey, signingKeyOf, verificationKeysOf } from '#src/auth/signing-keys.ts';
import { ADMIN, ISSUER, NAMESPACE_PATH, startScene } from './scene.ts';

const rsa = (bits: number): string =>
  generateKeyPairSync('rsa', { modulusLength: bits })
    .privateKey.export({ type: 'pkcs1', format: 'pem' })
    .toString();
const ec = (namedCurve: string): string =>
  generateKeyPairSync('ec', { namedCurve })
    .privateKey.export({ type: 'sec1', format: 'pem' })
    .toString();
const publicOf = (pem: string): string =>
  signingKeyOf(pem, 'test').publicKey.export({ type: 'spki', format: 'pem' }).toString();

describe('signing keys', () => {
  test.each([
    ['RSA', () => rsa(2048), 'RS256'],
    ['P-256', () => ec('prime256v1'), 'ES256'],
    ['P-384', () => ec('secp384r1'), 'ES384'],
    ['P-521', () => ec('secp521r1'), 'ES512'],
  ])('%s signs and is believed', async (_name, make, algorithm) => {
    const key = signingKeyOf(make(), 'test');
    expect(key.algorithm).toBe(algorithm);
    const verifier = new TokenVerifier({ keys: [key], issuers: ['i'], now: Date.now });
    const token = await signToken({ iss: 'i', sub: 's' }, key);
    expect(await verifier.verify(token)).toEqual({
      kind: 'claims',
      claims: { iss: 'i', sub: 's' },
    });
  });

  test('a file may hold several, private and public; each is called by the hash of its public half', () => {
    const [one, two] = [createSigningKey(), rsa(2048)];
    const keys = verificationKeysOf(`${publicOf(one)}\nwords between\n${two}`, 'test');
    const ids = [one, two].map((pem) => signingKeyOf(pem, 'test').id);
    expect(keys.map(({ id }) => id)).toEqual(ids);
    expect(ids[0]).toMatch(/^[\w-]{43}$/);
  });

  test.each([
    ['an empty file', '', 'does not contain any valid RSA or ECDSA public keys'],
    ['text', 'hello', 'does not contain any valid RSA or ECDSA public keys'],
    ['a key of no use', () => rsa(1024), 'an RSA key of 1024 bits is too short'],
    ['a curve of no use', () => ec('secp256k1'), 'RSA or of ECDSA on P-256, P-384 or P-521'],
    [
      'Ed25519',
      () =>
        generateKeyPairSync('ed25519')
          .privateKey.export({ type: 'pkcs8', format: 'pem' })
          .toString(),
      'RSA or of ECDSA',
    ],
    [
      'a key that is cut',
      () => createSigningKey().replace(/\n.{20}/, '\n'),
      'it needs a key in PEM that is not encrypted',
    ],
  ])('%s is refused by name, and never quoted', (_name, pem, message) => {
    const text = typeof pem === 'string' ? pem : pem();
    expect(() => verificationKeysOf(text, '--service-account-key-file sa.pub')).toThrow(
      `Cannot use --service-account-key-file sa.pub: `,
    );
    expect(() => verificationKeysOf(text, 'x')).toThrow(message);
  });

  test('what was good is remembered for ten seconds, and then looked at again', async () => {
    let nowMs = 0;
    const key = signingKeyOf(createSigningKey(), 'test');
    const keys = [key];
    const verifier = new TokenVerifier({ keys, issuers: ['i'], now: () => nowMs });
    const token = await signToken({ iss: 'i' }, key);
    expect((await verifier.verify(token)).kind).toBe('claims');
    keys.pop();
    nowMs = 9_999;
    expect((await verifier.verify(token)).kind).toBe('claims');
    nowMs = 10_001;
    expect(await verifier.verify(token)).toEqual({
      kind: 'rejected',
      why: 'invalid signature, no keys found',
    });
  });

  test('the memory is bounded: the oldest is forgotten', async () => {
    const key = signingKeyOf(createSigningKey(), 'test');
    const keys = [key];
    const verifier = new TokenVerifier({ keys, issuers: ['i'], now: () => 0, rememberedMax: 2 });
    const tokens = await Promise.all([1, 2, 3].map((jti) => signToken({ iss: 'i', jti }, key)));
    for (const token of tokens) await verifier.verify(token);
    keys.pop();
    const kinds = await Promise.all(tokens.map((token) => verifier.verify(token)));
    expect(kinds.map(({ kind }) => kind)).toEqual(['rejected', 'claims', 'claims']);
  });

  test('a change of keys refuses nobody while the old one is believed', async () => {
    const old = createSigningKey();
    await using scene = await startScene({ serviceAccounts: { keys: [publicOf(old)] } });
    const uid = await scene.account('robot');
    const claims = scene.claims({ name: 'robot', uid });
    for (const key of [signingKeyOf(old, 'x'), signingKeyOf(scene.signingKey, 'x')]) {
      expect((await scene.review(await signToken(claims, key))).authenticated).toBe(true);
    }
  });
});

describe('documents for others', () => {
  test('let a client that knows only the issuer check a token', async () => {
    await using scene = await startScene();
    await scene.account('robot');
    const get = async (path: string) => (await scene.as(null, `get ${path}`)).json;
    const configuration = await scene.as(null, 'get /.well-known/openid-configuration');
    expect(configuration.headers['cache-control']).toBe('public, max-age=3600');
    expect(configuration.json).toEqual({
      issuer: ISSUER,
      jwks_uri: `https://127.0.0.1:${scene.server.port}/openid/v1/jwks`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['ES256'],
    });
    const keySet = await scene.as(null, 'get /openid/v1/jwks');
    expect(keySet.headers['content-type']).toBe('application/jwk-set+json');
    expect(Object.keys(keySet.json.keys[0]).sort()).toEqual([
      'alg',
      'crv',
      'kid',
      'kty',
      'use',
      'x',
      'y',
    ]);
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} };
    const made = await scene.as(ADMIN, `post ${NAMESPACE_PATH}/serviceaccounts/robot/token`, body);
    const remote = createRemoteJWKSet(new URL(configuration.json.jwks_uri), {
      [customFetch]: async (url: string) =>
        Response.json(await get(new URL(url).pathname)) as Response,
    });
    for (const keys of [remote, createLocalJWKSet(keySet.json)]) {
      const { payload } = await jwtVerify(made.json.status.token, keys, {
        issuer: ISSUER,
        audience: ISSUER,
      });
      expect(payload.sub).toBe('system:serviceaccount:default:robot');
    }
  });

  test.each([
    ['https://ok.example.com', true],
    ['https://ok.example.com/with/path', true],
    ['http://plain.example.com', false],
    ['https://query.example.com?x=1', false],
    ['https://hash.example.com#x', false],
    ['api', false],
  ])('of the issuer %s: %s', (issuer, isThere) => {
    const found = openidDocument('/openid/v1/jwks', { issuer, keys: [] }, 'here:1');
    expect(found !== undefined).toBe(isThere);
  });

  test('the keys may be said to be elsewhere', () => {
    const options = { issuer: ISSUER, keys: [], jwksUri: 'https://keys.example.com/jwks' };
    const found = openidDocument('/.well-known/openid-configuration', options, 'here:1');
    expect(found?.body).toMatchObject({ jwks_uri: 'https://keys.example.com/jwks' });
  });
});
