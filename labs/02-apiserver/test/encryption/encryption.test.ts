// Secrets at rest: what is stored, who can read it, how keys are rotated, and what a bad configuration is told.
import { describe, expect, test } from 'vitest';
import { covers, readEncryptionConfig } from '#src/encryption/config.ts';
import { PROVIDERS, type ProviderName } from '#src/encryption/providers.ts';
import type { Transformer } from '#src/encryption/transformer.ts';

const REFUSED = /^Internal error occurred: unable to transform key ".*\/db": /;
const KEY = '/registry/secrets/default/db';
const PLAIN = Buffer.from('{"kind":"Secret","data":{"password":"aHVudGVyMg=="}}');
const secret = (bytes: number, fill = 7) => Buffer.alloc(bytes, fill).toString('base64');

function configOf(...providers: readonly string[]): string {
  return [
    'apiVersion: apiserver.config.k8s.io/v1',
    'kind: EncryptionConfiguration',
    'resources:',
    '- resources: [secrets]',
    '  providers:',
    ...providers.map((provider) => `  - ${provider}`),
  ].join('\n');
}

const keyed = (provider: string, ...keys: readonly (readonly [name: string, secret: string])[]) =>
  `${provider}: { keys: [${keys.map(([name, key]) => `{ name: ${name}, secret: "${key}" }`).join(', ')}] }`;

function transformerFor(...providers: readonly string[]): Transformer {
  const transformer = readEncryptionConfig(configOf(...providers), 'e.yaml')('secrets', '');
  if (transformer === undefined) throw new Error('secrets have no transformer');
  return transformer;
}

describe.each<[ProviderName, number]>([
  ['aescbc', 16],
  ['aescbc', 24],
  ['aescbc', 32],
  ['aesgcm', 16],
  ['aesgcm', 32],
  ['secretbox', 32],
])('%s with a key of %i bytes', (provider, bytes) => {
  const prefix = `k8s:enc:${provider}:v1:key1:`;
  const transformer = transformerFor(keyed(provider, ['key1', secret(bytes)]));

  test('stores nothing that can be read, never the same twice, and reads it again', () => {
    const stored = transformer.toStorage(PLAIN, KEY);
    expect(stored.subarray(0, prefix.length).toString()).toBe(prefix);
    expect(stored.includes('aHVudGVyMg')).toBe(false);
    expect(transformer.toStorage(PLAIN, KEY).equals(stored)).toBe(false);
    expect(transformer.fromStorage(stored, KEY)).toEqual({ plain: PLAIN, isStale: false });
  });

  test('another key, a changed byte, a cut value: a 500 that says what, and gives nothing away', () => {
    const stored = transformer.toStorage(PLAIN, KEY);
    const other = transformerFor(keyed(provider, ['key1', secret(bytes, 8)]));
    const last = stored.length - 1;
    const changed = Buffer.from(stored).fill((stored[last] ?? 0) ^ 0xff, last);
    // AES-CBC proves nothing but its padding, which fits by chance once in some 256 times.
    const proves = provider !== 'aescbc';
    const attempts = [
      () => transformer.fromStorage(stored.subarray(0, prefix.length + 10), KEY),
      ...(proves ? [() => other.fromStorage(stored, KEY)] : []),
      ...(proves ? [() => transformer.fromStorage(changed, KEY)] : []),
    ];
    for (const attempt of attempts) {
      expect(attempt).toThrow(REFUSED);
    }
  });

  test('another key reads nothing of it', () => {
    const other = transformerFor(keyed(provider, ['key1', secret(bytes, 8)]));
    const read = Array.from({ length: 40 }, () => {
      try {
        return other.fromStorage(transformer.toStorage(PLAIN, KEY), KEY).plain;
      } catch (error) {
        expect(String(error)).toMatch(/Internal error occurred: unable to transform key/);
        return undefined;
      }
    });
    expect(read.filter((plain) => plain?.includes('aHVudGVyMg'))).toEqual([]);
    expect(read.filter((plain) => plain === undefined).length).toBeGreaterThan(20);
  });
});

test('AES-CBC as the standard has it (SP 800-38A, F.2.1, with its padding block)', () => {
  const cipher = PROVIDERS.aescbc.cipher(Buffer.from('2b7e151628aed2a6abf7158809cf4f3c', 'hex'));
  const stored = [
    '000102030405060708090a0b0c0d0e0f',
    '7649abac8119b246cee98e9b12e9197d',
    '8964e0b149c10b7b682e6e39aaeb731c',
  ];
  const plain = cipher.open(Buffer.from(stored.join(''), 'hex'), KEY);
  expect(plain.toString('hex')).toBe('6bc1bee22e409f96e93d7e117393172a');
});

test('aesgcm: a value that was moved to another key is refused', () => {
  const transformer = transformerFor(keyed('aesgcm', ['key1', secret(32)]));
  const stored = transformer.toStorage(PLAIN, KEY);
  expect(() => transformer.fromStorage(stored, '/registry/secrets/default/mine')).toThrow(
    'unable to transform key "/registry/secrets/default/mine": cipher: message authentication failed',
  );
});

test('rotation: every key reads, only the first one writes; what another wrote is stale', () => {
  const one = ['key1', secret(32, 1)] as const;
  const two = ['key2', secret(32, 2)] as const;
  const before = transformerFor('identity: {}', keyed('aescbc', one));
  const during = transformerFor(keyed('secretbox', two), keyed('aescbc', one), 'identity: {}');
  const plainStored = before.toStorage(PLAIN, KEY);
  expect(plainStored).toEqual(PLAIN);
  const oldStored = transformerFor(keyed('aescbc', one)).toStorage(PLAIN, KEY);
  expect(before.fromStorage(oldStored, KEY)).toEqual({ plain: PLAIN, isStale: true });
  expect(during.fromStorage(plainStored, KEY)).toEqual({ plain: PLAIN, isStale: true });
  expect(during.fromStorage(oldStored, KEY)).toEqual({ plain: PLAIN, isStale: true });
  const newStored = during.toStorage(PLAIN, KEY);
  expect(during.fromStorage(newStored, KEY)).toEqual({ plain: PLAIN, isStale: false });
  expect(() => before.fromStorage(newStored, KEY)).toThrow(
    'identity transformer tried to read encrypted data',
  );
  expect(() => transformerFor(keyed('aescbc', two)).fromStorage(plainStored, KEY)).toThrow(
    'no matching prefix found',
  );
});

test.each([
  ['secrets', 'secrets', '', true],
  ['secrets', 'secrets', 'example.org', false],
  ['deployments.apps', 'deployments', 'apps', true],
  ['*.apps', 'deployments', 'apps', true],
  ['*.apps', 'secrets', '', false],
  ['*.', 'secrets', '', true],
  ['*.', 'deployments', 'apps', false],
  ['*.*', 'widgets', 'example.org', true],
])('%s covers %s of group "%s": %s', (name, resource, group, expected) => {
  expect(covers(name, resource, group)).toBe(expected);
});

test('the first entry that names a resource counts; others are stored as they are', () => {
  const text = `${configOf('identity: {}')}
- resources: ['*.*']
  providers:
  - ${keyed('aescbc', ['all', secret(32)])}`;
  const transformerOf = readEncryptionConfig(text, 'e.yaml');
  expect(transformerOf('secrets', '')?.toStorage(PLAIN, KEY)).toEqual(PLAIN);
  expect(transformerOf('configmaps', '')?.toStorage(PLAIN, KEY)).not.toEqual(PLAIN);
  expect(readEncryptionConfig(configOf('identity: {}'), 'e.yaml')('pods', '')).toBeUndefined();
});

const HEAD = 'cannot read the encryption configuration e.yaml:';
test.each([
  ['', "EncryptionConfiguration can't be nil"],
  ['kind: [', ''],
  [
    'apiVersion: v1\nkind: Secret',
    'it must have apiVersion apiserver.config.k8s.io/v1 and kind EncryptionConfiguration, it has v1 Secret',
  ],
  [
    'apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration',
    'resources: Required value: at least one resources is required',
  ],
  [configOf(), 'resources[0].providers: Required value: at least one providers is required'],
  [
    configOf(keyed('aescbc', ['k', Buffer.from('hunter2').toString('base64')])),
    'resources[0].providers[0].aescbc.keys[0].secret: Invalid value: "REDACTED": secret is not of the expected length, got 7, expected one of [16 24 32]',
  ],
  [
    configOf(keyed('secretbox', ['k', 'not base64!'])),
    'resources[0].providers[0].secretbox.keys[0].secret: Invalid value: "REDACTED": secrets must be base64 encoded',
  ],
  [
    configOf('aescbc: { keys: [{ secret: "" }] }'),
    'resources[0].providers[0].aescbc.keys[0].name: Required value: name is a mandatory field for a key; resources[0].providers[0].aescbc.keys[0].secret: Required value: secret is a mandatory field for a key',
  ],
  [
    configOf('aescbc: { keys: [] }'),
    'resources[0].providers[0].aescbc.keys: Required value: at least one keys is required',
  ],
  [
    configOf('{ identity: {}, aescbc: {} }'),
    'resources[0].providers[0]: Invalid value: "identity, aescbc": more than one provider specified in a single element, should split into different list elements',
  ],
  [
    configOf('kms: { name: vault }'),
    'resources[0].providers[0]: Invalid value: "kms": this server has aescbc, aesgcm, secretbox, identity',
  ],
  [
    configOf(keyed('aescbc', ['k', secret(32)], ['k', secret(16)])),
    'resources[0].providers[0].aescbc.keys[1].name: Invalid value: "k": another key has this name',
  ],
  [
    configOf('identity: {}').replace('[secrets]', '["*", "A b"]'),
    'resources[0].resources[0]: Invalid value: "*": must be RESOURCE, RESOURCE.GROUP, *.GROUP or *.*; resources[0].resources[1]: Invalid value: "A b": must be RESOURCE, RESOURCE.GROUP, *.GROUP or *.*',
  ],
])('a bad configuration is refused with its reason (%#)', (text, reason) => {
  const read = () => readEncryptionConfig(text, 'e.yaml');
  expect(read).toThrow(typeof reason === 'string' ? `${HEAD} ${reason}` : reason);
  expect(read).not.toThrow(/hunter2|aHVudGVy/);
});
