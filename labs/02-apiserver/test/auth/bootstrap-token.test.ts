// Bootstrap tokens: a secret of kube-system that is right in every point, or nothing.

import type { Logger } from '@kube-labs/store';
import type { Secret } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import { bootstrapUser } from '#src/auth/bootstrap-token.ts';
import { ADMIN, startScene } from './scene.ts';

const ID = 'abcdef';
const SECRET = '0123456789abcdef';
const NOW = Date.parse('2030-01-01T00:00:00Z');

function secret(over: Record<string, string | undefined> = {}, rest: Partial<Secret> = {}): Secret {
  const texts: Record<string, string | undefined> = {
    'token-id': ID,
    'token-secret': SECRET,
    'usage-bootstrap-authentication': 'true',
    ...over,
  };
  const data: Record<string, string> = {};
  for (const [key, value] of Object.entries(texts)) {
    if (value !== undefined) data[key] = Buffer.from(value).toString('base64');
  }
  return { type: 'bootstrap.kubernetes.io/token', data, ...rest };
}

describe('bootstrapUser()', () => {
  test.each([
    {
      name: 'a user and its group',
      of: secret(),
      want: { name: 'system:bootstrap:abcdef', groups: ['system:bootstrappers'] },
    },
    {
      name: 'more groups, each once',
      of: secret({ 'auth-extra-groups': 'system:bootstrappers:b,system:bootstrappers:a' }),
      want: {
        name: 'system:bootstrap:abcdef',
        groups: ['system:bootstrappers', 'system:bootstrappers:a', 'system:bootstrappers:b'],
      },
    },
    {
      name: 'one that ends later',
      of: secret({ expiration: '2030-01-01T00:00:01Z' }),
      want: { name: 'system:bootstrap:abcdef', groups: ['system:bootstrappers'] },
    },
    {
      name: 'one that has ended',
      of: secret({ expiration: '2030-01-01T00:00:00Z' }),
      want: 'has expired',
    },
    { name: 'an end that cannot be read', of: secret({ expiration: 'soon' }), want: 'has expired' },
    {
      name: 'another secret',
      of: secret({ 'token-secret': '0123456789abcdee' }),
      want: 'has invalid value for key token-secret',
    },
    {
      name: 'a secret that is longer',
      of: secret({ 'token-secret': `${SECRET}x` }),
      want: 'has invalid value for key token-secret',
    },
    {
      name: 'no secret',
      of: secret({ 'token-secret': undefined }),
      want: 'has invalid value for key token-secret',
    },
    {
      name: 'another id',
      of: secret({ 'token-id': 'fedcba' }),
      want: 'has invalid value for key token-id',
    },
    {
      name: 'one for something else',
      of: secret({ 'usage-bootstrap-authentication': undefined }),
      want: 'not marked usage-bootstrap-authentication=true',
    },
    {
      name: 'a group that would be somebody',
      of: secret({ 'auth-extra-groups': 'system:masters' }),
      want: 'has invalid value for key auth-extra-groups',
    },
    {
      name: 'another type',
      of: secret({}, { type: 'Opaque' }),
      want: 'has invalid type, expected bootstrap.kubernetes.io/token',
    },
    {
      name: 'one that is being deleted',
      of: secret({}, { metadata: { deletionTimestamp: '2030-01-01T00:00:00Z' } }),
      want: 'is deleted and awaiting removal',
    },
  ])('$name', ({ of, want }) => {
    expect(bootstrapUser(of, { id: ID, tokenSecret: SECRET }, NOW)).toEqual(want);
  });
});

test.each([
  { bootstrapTokens: true, code: 200 },
  { bootstrapTokens: false, code: 401 },
])('with %j a machine comes in with %d', async ({ bootstrapTokens, code }) => {
  const warned: string[] = [];
  const line = (message: string, fields?: object) =>
    void warned.push(`${message} ${JSON.stringify(fields)}`);
  const log: Logger = { info: line, warn: line, error: line, debug: line, child: () => log };
  await using scene = await startScene({ bootstrapTokens }, { log });
  const { type, data } = secret();
  const metadata = { name: `bootstrap-token-${ID}` };
  const body = { apiVersion: 'v1', kind: 'Secret', metadata, type, data };
  await scene.make('post /api/v1/namespaces/kube-system/secrets', body);
  const path = 'get /api/v1/namespaces/default/pods';
  const tried = async (token: string): Promise<number> => (await scene.as(token, path)).status;
  await expect.poll(() => tried(`${ID}.${SECRET}`)).toBe(code);
  expect(await tried(`${ID}.0000000000000000`)).toBe(401);
  expect(await tried(`aaaaaa.${SECRET}`)).toBe(401);
  expect(await tried(`${ID}.${SECRET}0`)).toBe(401);
  if (bootstrapTokens) {
    expect((await scene.review(`${ID}.${SECRET}`)).user.groups).toEqual([
      'system:bootstrappers',
      'system:authenticated',
    ]);
    expect(warned.join('\n')).toContain('has invalid value for key token-secret');
  }
  // No log ever holds a token.
  for (const word of [SECRET, '0000000000000000', ADMIN]) {
    expect(warned.join('\n')).not.toContain(word);
  }
});
