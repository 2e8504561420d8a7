// The real kubectl, an old one and a new one: tokens, who one is, acting as others, and certificates from request to use.

import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createCertificateAuthority, issueCertificate } from '#src/server/pki.ts';
import {
  type Credentials,
  installKubectls,
  KUBECTL_VERSIONS,
  type Kubectls,
  type KubectlVersion,
} from './kubectls.ts';
import { ADMIN, ISSUER, NAMESPACE_PATH, pod, type Scene, startScene } from './scene.ts';

const SIGNER = 'kubernetes.io/kube-apiserver-client';
const BOOTSTRAP = 'abcdef.0123456789abcdef';

let scene: Scene;
let kubectls: Kubectls;
let joe: Credentials;
const admin: Credentials = { token: ADMIN };

beforeAll(async () => {
  const authority = await createCertificateAuthority('kubernetes');
  joe = await issueCertificate(authority, {
    commonName: 'joe',
    organizations: ['devs'],
    client: true,
  });
  scene = await startScene(
    { bootstrapTokens: true, certificateSigning: { authority } },
    { clientCa: authority.cert, authorization: { modes: ['Node', 'RBAC'] } },
  );
  kubectls = await installKubectls(scene.server);
});
afterAll(async () => {
  await kubectls[Symbol.asyncDispose]();
  await scene[Symbol.asyncDispose]();
});

describe.each(KUBECTL_VERSIONS)('kubectl %s', (version: KubectlVersion) => {
  const account = `robot-${version}`;
  const run = async (args: string, credentials: Credentials = admin, input?: string) =>
    kubectls.run(version, args.split(' '), credentials, input);
  const output = async (args: string, credentials?: Credentials, input?: string) => {
    const { code, stdout, stderr } = await run(args, credentials, input);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    return stdout.trim();
  };
  /** ATTRIBUTE VALUE, as a record. */
  const whoami = async (credentials: Credentials, more = '') => {
    const lines = (await output(`auth whoami${more}`, credentials)).split('\n').slice(1);
    return Object.fromEntries(lines.map((line) => line.split(/\s{2,}/) as [string, string]));
  };

  test('create token: for an hour, for a pod, for somebody else', async () => {
    await output(`create serviceaccount ${account}`);
    const token = await output(`create token ${account}`);
    expect(decodeJwt(token)).toMatchObject({
      sub: `system:serviceaccount:default:${account}`,
      aud: [ISSUER],
    });
    await scene.make(`post ${NAMESPACE_PATH}/pods`, pod(`web-${version}`, account));
    const bound = await output(
      `create token ${account} --bound-object-kind=Pod --bound-object-name=web-${version} --duration=20m --audience=vault --audience=${ISSUER}`,
    );
    const claims = decodeJwt(bound);
    expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(1200);
    expect(claims.aud).toEqual(['vault', ISSUER]);
    expect(await whoami({ token: bound })).toMatchObject({
      Username: `system:serviceaccount:default:${account}`,
      Groups: '[system:serviceaccounts system:serviceaccounts:default system:authenticated]',
      'Extra: authentication.kubernetes.io/pod-name': `[web-${version}]`,
    });
  });

  test.each([
    ['create token nobody', 'error: failed to create token: serviceaccounts "nobody" not found\n'],
    [
      'create token default --duration=5m',
      'error: failed to create token: TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 300: may not specify a duration less than 10 minutes\n',
    ],
    [
      'create token default --bound-object-kind=Pod --bound-object-name=x',
      'error: failed to create token: pods "x" not found\n',
    ],
  ])('%s says why not', async (args, message) => {
    const name = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } };
    await scene.as(ADMIN, `post ${NAMESPACE_PATH}/serviceaccounts`, name);
    const { code, stderr } = await run(args);
    expect(stderr).toBe(message);
    expect(code).toBe(1);
  });

  test('auth whoami, by every kind of credential', async () => {
    expect(await whoami(admin)).toEqual({
      Username: 'admin',
      Groups: '[system:masters system:authenticated]',
    });
    expect(await whoami(joe)).toMatchObject({
      Username: 'joe',
      Groups: '[devs system:authenticated]',
    });
    const uid = await scene.account(`other-${version}`);
    const token = await scene.sign(scene.claims({ name: `other-${version}`, uid }));
    expect(await whoami({ token })).toEqual({
      Username: `system:serviceaccount:default:other-${version}`,
      UID: uid,
      Groups: '[system:serviceaccounts system:serviceaccounts:default system:authenticated]',
      'Extra: authentication.kubernetes.io/credential-id': '[JTI=an-id]',
    });
    const { code, stderr } = await run('auth whoami', { token: 'wrong' });
    expect(stderr).toContain('You must be logged in to the server');
    expect(code).toBe(1);
  });

  test('auth whoami with a bootstrap token', async () => {
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'bootstrap-token-abcdef' },
      type: 'bootstrap.kubernetes.io/token',
      stringData: {
        'token-id': 'abcdef',
        'token-secret': '0123456789abcdef',
        'usage-bootstrap-authentication': 'true',
        'auth-extra-groups': 'system:bootstrappers:lab',
      },
    };
    // The second kubectl finds it there already.
    await scene.as(ADMIN, 'post /api/v1/namespaces/kube-system/secrets', secret);
    expect(await whoami({ token: BOOTSTRAP })).toEqual({
      Username: 'system:bootstrap:abcdef',
      Groups: '[system:bootstrappers system:bootstrappers:lab system:authenticated]',
    });
  });

  test('--as, --as-group, --as-uid: whoami, can-i, and get', async () => {
    expect(await whoami(admin, ' --as=jane --as-group=a --as-group=b --as-uid=42')).toEqual({
      Username: 'jane',
      UID: '42',
      Groups: '[a b system:authenticated]',
    });
    expect((await run('auth can-i list pods --as=jane')).stdout.trim()).toBe('no');
    expect(await output('auth can-i list pods --as=jane --as-group=system:masters')).toBe('yes');
    const refused = await run('get pods --as=jane', joe);
    expect(refused.stderr).toBe(
      'Error from server (Forbidden): users "jane" is forbidden: User "joe" cannot impersonate resource "users" in API group "" at the cluster scope\n',
    );
    const acted = await run('get pods --as=jane');
    expect(acted.stderr).toContain('User "jane" cannot list resource "pods"');
  });

  test('certificate approve: the client with the issued certificate is who it says', async () => {
    const name = `zoe-${version}`;
    const { request, key } = await makeRequest(`CN=${name}, O=devs`);
    await output('create -f -', admin, csr(name, request));
    expect(await output(`get csr ${name} --no-headers`)).toMatch(/admin .*Pending$/);
    expect(await output(`certificate approve ${name}`)).toBe(
      `certificatesigningrequest.certificates.k8s.io/${name} approved`,
    );
    let cert = '';
    await expect
      .poll(async () => {
        cert = await output(`get csr ${name} -o jsonpath={.status.certificate}`);
        return cert;
      })
      .not.toBe('');
    expect(await output(`get csr ${name} --no-headers`)).toMatch(/Approved,Issued$/);
    const issued = { cert: Buffer.from(cert, 'base64').toString('utf8'), key };
    expect(await whoami(issued)).toMatchObject({
      Username: name,
      Groups: '[devs system:authenticated]',
    });
  });

  test('certificate deny: it is never signed', async () => {
    const name = `denied-${version}`;
    const { request } = await makeRequest(`CN=${name}`);
    await output('create -f -', admin, csr(name, request));
    expect(await output(`certificate deny ${name}`)).toBe(
      `certificatesigningrequest.certificates.k8s.io/${name} denied`,
    );
    expect(await output(`get csr ${name} --no-headers`)).toMatch(/Denied$/);
  });

  test('what is served is found: tokenreviews, selfsubjectreviews', async () => {
    const text = await output('api-resources --api-group=authentication.k8s.io -o name');
    expect(text.split('\n')).toEqual([
      'selfsubjectreviews.authentication.k8s.io',
      'tokenreviews.authentication.k8s.io',
    ]);
  });
});

function csr(name: string, request: string): string {
  return JSON.stringify({
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name },
    spec: { request, signerName: SIGNER, usages: ['client auth'] },
  });
}

async function makeRequest(subject: string): Promise<{ request: string; key: string }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const made = await x509.Pkcs10CertificateRequestGenerator.create({
    name: subject,
    keys,
    signingAlgorithm: algorithm,
  });
  const der = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    request: Buffer.from(made.toString('pem')).toString('base64'),
    key: x509.PemConverter.encode(der, 'PRIVATE KEY'),
  };
}
