// The command line of authentication: what it makes, and what it refuses before anything starts.

import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSigningKey, signingKeyOf } from '#src/auth/signing-keys.ts';
import { apiServerCommand, optionsOf } from '#src/flags/all.ts';
import { ownServiceAccountKey } from '#src/flags/certificates.ts';
import { createCertificateAuthority, issueCertificate } from '#src/server/pki.ts';

let folder: string;
const path = (name: string): string => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kube-labs-auth-flags-'));
  const ca = await createCertificateAuthority('kubernetes');
  const tls = await issueCertificate(ca, { commonName: 'kube-apiserver', server: true });
  await writeFile(path('ca.crt'), ca.cert);
  await writeFile(path('ca.key'), ca.key);
  await writeFile(path('tls.crt'), tls.cert);
  await writeFile(path('tls.key'), tls.key);
  await writeFile(path('sa.key'), createSigningKey());
  await writeFile(path('old.key'), createSigningKey());
  await writeFile(path('nonsense'), 'nonsense');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function authentication(args: readonly string[], certDir = 'certs') {
  const filled = args.map((arg) => arg.replace('@', `${folder}/`));
  const all = ['node', 'main', `--cert-dir=${path(certDir)}`, ...filled];
  const options = await optionsOf(apiServerCommand().parse(all).opts());
  return options.authentication ?? {};
}

const TLS = ['--tls-cert-file=@tls.crt', '--tls-private-key-file=@tls.key'];

describe('anonymous requests', () => {
  test.each([
    { args: [], want: undefined },
    { args: ['--anonymous-auth=true'], want: undefined },
    { args: ['--anonymous-auth=false'], want: false },
    { args: ['--authorization-mode=Node,RBAC'], want: true },
    { args: ['--authorization-mode=RBAC', '--anonymous-auth=false'], want: false },
    { args: ['--authorization-mode=RBAC,AlwaysAllow'], want: undefined },
  ])('$args: $want', async ({ args, want }) => {
    expect((await authentication(args)).anonymous).toBe(want);
  });
});

describe('service accounts', () => {
  test('without flags have a key that stays, readable by nobody else, and the issuer of kubeadm', async () => {
    const first = await authentication([], 'fresh');
    const second = await authentication([], 'fresh');
    expect(first.serviceAccounts?.signingKey).toContain('PRIVATE KEY');
    expect(second.serviceAccounts).toEqual(first.serviceAccounts);
    expect(first.serviceAccounts?.issuers).toBeUndefined();
    expect((await stat(path('fresh/sa.key'))).mode & 0o777).toBe(0o600);
    expect((await readdir(path('fresh'))).sort()).toEqual(['ca.crt', 'ca.key', 'sa.key']);
  });

  test('of two servers that start together one makes the key', async () => {
    const flags = { certDir: path('race') };
    const keys = await Promise.all([1, 2, 3].map(() => ownServiceAccountKey(flags)));
    expect(new Set(keys).size).toBe(1);
    expect(await readdir(path('race'))).toEqual(['sa.key']);
  });

  test('with TLS files sign with that key, and nothing is written', async () => {
    const { serviceAccounts, certificateSigning } = await authentication(TLS, 'unwritten');
    expect(serviceAccounts?.signingKey).toBe(await readFile(path('tls.key'), 'utf8'));
    expect(certificateSigning).toBeUndefined();
    await expect(stat(path('unwritten'))).rejects.toThrow('ENOENT');
  });

  test('sign with what they are told, and believe more', async () => {
    const { serviceAccounts, apiAudiences } = await authentication([
      '--service-account-issuer=https://a.example.com',
      '--service-account-issuer=https://b.example.com',
      '--service-account-signing-key-file=@sa.key',
      '--service-account-key-file=@sa.key',
      '--service-account-key-file=@old.key',
      '--service-account-jwks-uri=https://keys.example.com/jwks',
      '--service-account-max-token-expiration=48h',
      '--service-account-extend-token-expiration=false',
      '--api-audiences=api,vault',
    ]);
    const read = (name: string): Promise<string> => readFile(path(name), 'utf8');
    expect(serviceAccounts).toEqual({
      signingKey: await read('sa.key'),
      keys: [await read('sa.key'), await read('old.key')],
      issuers: ['https://a.example.com', 'https://b.example.com'],
      jwksUri: 'https://keys.example.com/jwks',
      maxExpirationSeconds: 48 * 3600,
      extendExpiration: false,
    });
    expect(apiAudiences).toEqual(['api', 'vault']);
    expect(signingKeyOf(serviceAccounts?.signingKey ?? '', 'x').algorithm).toBe('ES256');
  });
});

test('proxies’ headers', async () => {
  const { requestHeader } = await authentication([
    '--requestheader-client-ca-file=@ca.crt',
    '--requestheader-allowed-names=a,b',
    '--requestheader-uid-headers=X-Remote-Uid',
  ]);
  expect(requestHeader).toEqual({
    clientCa: await readFile(path('ca.crt'), 'utf8'),
    allowedNames: ['a', 'b'],
    usernameHeaders: ['x-remote-user'],
    uidHeaders: ['X-Remote-Uid'],
    groupHeaders: ['x-remote-group'],
    extraHeaderPrefixes: ['x-remote-extra-'],
  });
  expect((await authentication([])).requestHeader).toBeUndefined();
});

test('certificates are signed by the authority that is given, or by the server’s own', async () => {
  const signing = '--cluster-signing-cert-file=@ca.crt';
  const given = await authentication([
    ...TLS,
    signing,
    '--cluster-signing-key-file=@ca.key',
    '--cluster-signing-duration=1h',
  ]);
  expect(given.certificateSigning).toEqual({
    authority: {
      cert: await readFile(path('ca.crt'), 'utf8'),
      key: await readFile(path('ca.key'), 'utf8'),
    },
    durationSeconds: 3600,
  });
  const own = await authentication([], 'own');
  expect(own.certificateSigning?.authority.cert).toBe(await readFile(path('own/ca.crt'), 'utf8'));
});

test('bootstrap tokens are off until they are switched on', async () => {
  expect((await authentication([])).bootstrapTokens).toBeUndefined();
  expect((await authentication(['--enable-bootstrap-token-auth'])).bootstrapTokens).toBe(true);
  expect((await authentication(['--enable-bootstrap-token-auth=false'])).bootstrapTokens).toBe(
    false,
  );
});

test.each([
  [
    ['--service-account-issuer=:nobody'],
    `service-account-issuer ":nobody" contained a ':' but was not a valid URL`,
  ],
  [
    ['--service-account-jwks-uri=http://keys.example.com'],
    'service-account-jwks-uri requires https scheme, parsed as: http://keys.example.com',
  ],
  [
    ['--service-account-max-token-expiration=30m'],
    'the service-account-max-token-expiration must be between 1 hour and 2^32 seconds',
  ],
  [
    ['--service-account-key-file=@sa.key'],
    'Cannot use --service-account-key-file without --service-account-signing-key-file: keys that are only believed sign nothing; give both',
  ],
  [
    ['--service-account-signing-key-file=@nonsense'],
    'Cannot use --service-account-signing-key-file @nonsense: it needs a key in PEM that is not encrypted',
  ],
  [
    ['--service-account-signing-key-file=@sa.key', '--service-account-key-file=@nonsense'],
    'Cannot use --service-account-key-file @nonsense: data does not contain any valid RSA or ECDSA public keys',
  ],
  [
    ['--service-account-signing-key-file=@absent'],
    'Cannot read --service-account-signing-key-file @absent: ENOENT',
  ],
  [
    ['--cluster-signing-cert-file=@ca.crt'],
    'Cannot use --cluster-signing-cert-file without --cluster-signing-key-file: give both',
  ],
  [
    ['--requestheader-allowed-names=a'],
    'Cannot use --requestheader-allowed-names without --requestheader-client-ca-file: names mean nothing without the authority that gives them; give both',
  ],
])('%j is refused', async (args, message) => {
  await expect(authentication(args)).rejects.toThrow(message.replace('@', `${folder}/`));
});
