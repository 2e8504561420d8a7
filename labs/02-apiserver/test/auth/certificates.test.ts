// Certificate requests: what each signer signs, who may approve and sign, and that what was issued opens the door as whom it says.

import 'reflect-metadata';
import { webcrypto, X509Certificate } from 'node:crypto';
import { request as httpsRequest } from 'node:https';
import * as x509 from '@peculiar/x509';
import type { CertificateSigningRequest } from 'kubernetes-types/certificates/v1';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { approvingRights, signerProblem } from '#src/auth/certificate-policy.ts';
import {
  type CertificatePair,
  createCertificateAuthority,
  type RequestFacts,
  readCertificateRequest,
  signCertificateRequest,
} from '#src/server/pki.ts';
import { ADMIN, type Scene, startScene } from './scene.ts';

const CLIENT = 'kubernetes.io/kube-apiserver-client';
const KUBELET_CLIENT = 'kubernetes.io/kube-apiserver-client-kubelet';
const SERVING = 'kubernetes.io/kubelet-serving';
const GROUP = 'certificates.k8s.io';
const PATH = `/apis/${GROUP}/v1/certificatesigningrequests`;
const NODE = 'CN=system:node:n1, O=system:nodes';

interface MadeRequest {
  /** Base64 of PEM, as it stands in spec.request. */
  readonly request: string;
  readonly key: string;
}

async function makeRequest(
  subject: string,
  names: readonly { type: 'dns' | 'ip' | 'email' | 'url'; value: string }[] = [],
): Promise<MadeRequest> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const made = await x509.Pkcs10CertificateRequestGenerator.create({
    name: subject,
    keys,
    signingAlgorithm: algorithm,
    extensions: names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension([...names])],
  });
  const der = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    request: Buffer.from(made.toString('pem')).toString('base64'),
    key: x509.PemConverter.encode(der, 'PRIVATE KEY'),
  };
}

describe('what a signer refuses', () => {
  const facts = (over: Partial<RequestFacts> = {}): RequestFacts => ({
    commonName: 'system:node:n1',
    organizations: ['system:nodes'],
    names: [],
    ...over,
  });
  const dns = { type: 'dns', value: 'n1' };
  const client = ['digital signature', 'client auth'];
  const serving = ['digital signature', 'key encipherment', 'server auth'];
  const nobody = 'subject organization is not system:nodes';
  const noNode = 'subject common name does not begin with system:node:';
  test.each([
    [CLIENT, ['client auth'], facts({ commonName: 'x', organizations: [] }), undefined],
    [
      CLIENT,
      ['client auth', 'server auth'],
      facts(),
      'invalid usage for client certificate: server auth',
    ],
    [
      CLIENT,
      ['digital signature'],
      facts(),
      'missing required usage for client certificate: client auth',
    ],
    [KUBELET_CLIENT, client, facts(), undefined],
    [KUBELET_CLIENT, [...client, 'key encipherment'], facts(), undefined],
    [KUBELET_CLIENT, client, facts({ organizations: [] }), nobody],
    [KUBELET_CLIENT, client, facts({ organizations: ['system:nodes', 'more'] }), nobody],
    [KUBELET_CLIENT, client, facts({ commonName: 'n1' }), noNode],
    [KUBELET_CLIENT, client, facts({ names: [dns] }), 'DNS subjectAltNames are not allowed'],
    [
      KUBELET_CLIENT,
      client,
      facts({ names: [{ type: 'ip', value: '1.2.3.4' }] }),
      'IP subjectAltNames are not allowed',
    ],
    [
      KUBELET_CLIENT,
      ['client auth'],
      facts(),
      'usages did not match [client auth digital signature key encipherment]',
    ],
    [SERVING, serving, facts({ names: [dns] }), undefined],
    [SERVING, serving, facts(), 'DNS or IP subjectAltName is required'],
    [
      SERVING,
      serving,
      facts({ names: [dns, { type: 'email', value: 'a@b' }] }),
      'Email subjectAltNames are not allowed',
    ],
    [
      SERVING,
      serving,
      facts({ names: [dns, { type: 'url', value: 'spiffe://x' }] }),
      'URI subjectAltNames are not allowed',
    ],
    [
      SERVING,
      client,
      facts({ names: [dns] }),
      'usages did not match [digital signature key encipherment server auth]',
    ],
    [SERVING, serving, facts({ names: [dns], commonName: 'n1' }), noNode],
    ['example.com/own', [], facts(), 'other'],
  ])('%s with %j', (signerName, usages, about, want) => {
    const spec = { request: '', signerName, usages };
    expect(signerProblem({ spec } as CertificateSigningRequest, about)).toBe(want);
  });

  test('a kubelet’s own request is approved by either right, another’s by one', () => {
    const rights = (username: string, signerName = KUBELET_CLIENT) =>
      approvingRights(
        {
          spec: { request: '', signerName, usages: client, username },
        } as CertificateSigningRequest,
        facts(),
      );
    expect(rights('system:node:n1')).toEqual(['selfnodeclient', 'nodeclient']);
    expect(rights('system:bootstrap:abcdef')).toEqual(['nodeclient']);
    expect(rights('system:node:n1', SERVING)).toEqual([]);
  });
});

describe('signCertificateRequest()', () => {
  const terms = { usages: ['client auth', 'digital signature'], seconds: 24 * 3600 };
  test('gives the key, the subject and the names of the request, and nothing else', async () => {
    const authority = await createCertificateAuthority('kubernetes');
    const { request } = await makeRequest('CN=jane, O=devs, O=ops', [
      { type: 'dns', value: 'jane.example.com' },
    ]);
    expect(readCertificateRequest(request)).toEqual({
      commonName: 'jane',
      organizations: ['devs', 'ops'],
      names: [{ type: 'dns', value: 'jane.example.com' }],
    });
    const nowMs = Date.now();
    const pem = await signCertificateRequest(authority, request, { ...terms, nowMs });
    const certificate = new X509Certificate(pem);
    const issuer = new X509Certificate(authority.cert);
    expect(certificate.verify(issuer.publicKey) && certificate.checkIssued(issuer)).toBe(true);
    expect(certificate.ca).toBe(false);
    expect(certificate.subject.split('\n').sort()).toEqual(['CN=jane', 'O=devs', 'O=ops']);
    expect(certificate.subjectAltName).toBe('DNS:jane.example.com');
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    const lasts = Date.parse(certificate.validTo) - Date.parse(certificate.validFrom);
    expect(lasts).toBe(24 * 3600 * 1000);
  });

  test('ends no later than its authority, and never after', async () => {
    const authority = await createCertificateAuthority('kubernetes');
    const { request } = await makeRequest('CN=jane');
    const end = Date.parse(new X509Certificate(authority.cert).validTo);
    const late = { ...terms, nowMs: end - 3600_000 };
    const pem = await signCertificateRequest(authority, request, late);
    expect(Date.parse(new X509Certificate(pem).validTo)).toBe(end);
    const after = { ...terms, nowMs: end + 1 };
    await expect(signCertificateRequest(authority, request, after)).rejects.toThrow(
      'Cannot sign: the signer has expired',
    );
  });
});

describe('over the wire', () => {
  let scene: Scene;
  beforeAll(async () => {
    const authority = await createCertificateAuthority('kubernetes');
    scene = await startScene(
      { certificateSigning: { authority } },
      {
        clientCa: authority.cert,
        authorization: { modes: ['Node', 'RBAC'] },
        admission: { enable: ['NodeRestriction'] },
        tokens: [
          { token: ADMIN, user: 'admin', groups: ['system:masters'] },
          { token: 'jane', user: 'jane', groups: ['devs'] },
          { token: 'approver', user: 'approver' },
          { token: 'bootstrap', user: 'system:bootstrap:abcdef', groups: ['system:bootstrappers'] },
        ],
      },
    );
    const grant = async (name: string, user: object, rules: readonly object[]): Promise<void> => {
      const rbac = 'rbac.authorization.k8s.io';
      const apiVersion = `${rbac}/v1`;
      const role = { apiVersion, kind: 'ClusterRole', metadata: { name }, rules };
      const roleRef = { apiGroup: rbac, kind: 'ClusterRole', name };
      const subjects = [{ apiGroup: rbac, ...user }];
      const binding = {
        apiVersion,
        kind: 'ClusterRoleBinding',
        metadata: { name },
        subjects,
        roleRef,
      };
      await scene.make(`post /apis/${rbac}/v1/clusterroles`, role);
      await scene.make(`post /apis/${rbac}/v1/clusterrolebindings`, binding);
    };
    const requests = { apiGroups: [GROUP], resources: ['certificatesigningrequests'] };
    const create = { ...requests, verbs: ['create', 'get', 'list'] };
    await grant('ask', { kind: 'User', name: 'jane' }, [create]);
    await grant('approve', { kind: 'User', name: 'approver' }, [
      {
        apiGroups: [GROUP],
        resources: ['certificatesigningrequests/approval', 'certificatesigningrequests/status'],
        verbs: ['update', 'patch'],
      },
      { ...requests, verbs: ['get'] },
      {
        apiGroups: [GROUP],
        resources: ['signers'],
        verbs: ['approve'],
        resourceNames: [SERVING, 'example.com/*'],
      },
    ]);
    await grant('bootstrap', { kind: 'Group', name: 'system:bootstrappers' }, [
      create,
      {
        apiGroups: [GROUP],
        resources: ['certificatesigningrequests/nodeclient'],
        verbs: ['create'],
      },
    ]);
  });
  afterAll(() => scene[Symbol.asyncDispose]());

  const submit = async (
    token: string,
    name: string,
    spec: Partial<CertificateSigningRequest['spec']>,
  ) => {
    const usages = ['digital signature', 'client auth'];
    const body = {
      apiVersion: `${GROUP}/v1`,
      kind: 'CertificateSigningRequest',
      metadata: { name },
      spec: { usages, ...spec },
    };
    return scene.as(token, `post ${PATH}`, body);
  };
  const conditions = (type: string) => ({
    status: { conditions: [{ type, status: 'True', reason: 'Test', message: 'by a test' }] },
  });
  const statusOf = async (name: string) =>
    (await scene.as(ADMIN, `get ${PATH}/${name}`)).json.status;
  const issued = async (name: string): Promise<string> => {
    let text = '';
    await expect
      .poll(async () => {
        text = (await statusOf(name)).certificate ?? '';
        return text;
      })
      .not.toBe('');
    return Buffer.from(text, 'base64').toString('utf8');
  };

  test('what is approved is signed, and its owner is whom it names', async () => {
    const { request, key } = await makeRequest('CN=zoe, O=devs');
    const made = await submit('jane', 'zoe', { request, signerName: CLIENT });
    expect(made.json.spec).toMatchObject({
      username: 'jane',
      groups: ['devs', 'system:authenticated'],
    });
    await scene.make(`patch ${PATH}/zoe/approval`, conditions('Approved'));
    const cert = await issued('zoe');
    expect(await whoami(scene, { cert, key })).toMatchObject({
      username: 'zoe',
      groups: ['devs', 'system:authenticated'],
      extra: {
        'authentication.kubernetes.io/credential-id': [expect.stringMatching(/^X509SHA256=/)],
      },
    });
    const lasts = Date.parse(new X509Certificate(cert).validTo) - Date.now();
    expect(Math.round(lasts / 86_400_000)).toBe(365);
  });

  test('the time asked for counts when it is less', async () => {
    const { request } = await makeRequest('CN=short');
    await submit('jane', 'short', { request, signerName: CLIENT, expirationSeconds: 3600 });
    await scene.make(`patch ${PATH}/short/approval`, conditions('Approved'));
    const lasts = Date.parse(new X509Certificate(await issued('short')).validTo) - Date.now();
    expect(Math.round(lasts / 60_000)).toBe(60);
  });

  test('what is denied is never signed', async () => {
    const { request } = await makeRequest('CN=denied');
    await submit('jane', 'denied', { request, signerName: CLIENT });
    await scene.make(`patch ${PATH}/denied/approval`, conditions('Denied'));
    const { request: later } = await makeRequest('CN=later');
    await submit('jane', 'later', { request: later, signerName: CLIENT });
    await scene.make(`patch ${PATH}/later/approval`, conditions('Approved'));
    await issued('later');
    expect((await statusOf('denied')).certificate).toBeUndefined();
  });

  test('what its signer refuses has failed, with the reason', async () => {
    const { request } = await makeRequest('CN=x');
    await submit('jane', 'wrong', { request, signerName: CLIENT, usages: ['server auth'] });
    await scene.make(`patch ${PATH}/wrong/approval`, conditions('Approved'));
    await expect
      .poll(async () => (await statusOf('wrong')).conditions.at(-1))
      .toMatchObject({
        type: 'Failed',
        status: 'True',
        reason: 'SignerValidationFailure',
        message: 'invalid usage for client certificate: server auth',
      });
  });

  test('a machine’s first certificate is approved by itself, and makes it a node', async () => {
    const { request, key } = await makeRequest(NODE);
    await submit('bootstrap', 'node', { request, signerName: KUBELET_CLIENT });
    const cert = await issued('node');
    expect((await statusOf('node')).conditions).toMatchObject([
      {
        type: 'Approved',
        reason: 'AutoApproved',
        message: 'Auto approving kubelet client certificate after SubjectAccessReview.',
      },
    ]);
    expect(await whoami(scene, { cert, key })).toMatchObject({
      username: 'system:node:n1',
      groups: ['system:nodes', 'system:authenticated'],
    });
  });

  test('who has no right to it waits for a human', async () => {
    const { request } = await makeRequest(NODE);
    await submit('jane', 'waiting', { request, signerName: KUBELET_CLIENT });
    const { request: other } = await makeRequest(NODE);
    await submit('bootstrap', 'not-waiting', { request: other, signerName: KUBELET_CLIENT });
    await issued('not-waiting');
    expect(await statusOf('waiting')).toEqual({});
  });

  test('nobody asks to be a master', async () => {
    const { request } = await makeRequest('CN=jane, O=system:masters');
    const { status, json } = await submit('jane', 'master', { request, signerName: CLIENT });
    expect(status).toBe(403);
    expect(json.message).toBe(
      `certificatesigningrequests.${GROUP} "master" is forbidden: use of ${CLIENT} signer with system:masters group is not allowed`,
    );
  });

  test.each([
    { signerName: CLIENT, code: 403 },
    { signerName: SERVING, code: 200 },
    { signerName: 'example.com/anything', code: 200 },
    { signerName: 'other.example.com/anything', code: 403 },
  ])(
    'the approver of some signers approves for $signerName: $code',
    async ({ signerName, code }) => {
      const name = `approve-${signerName.replaceAll('/', '-')}`;
      const { request } = await makeRequest(NODE, [{ type: 'dns', value: 'n1' }]);
      const usages = ['digital signature', 'server auth'];
      await submit('jane', name, { request, signerName, usages });
      const { status, json } = await scene.as(
        'approver',
        `patch ${PATH}/${name}/approval`,
        conditions('Approved'),
      );
      expect(status).toBe(code);
      if (code === 403) {
        expect(json.message).toBe(
          `certificatesigningrequests.${GROUP} "${name}" is forbidden: user not permitted to approve requests with signerName "${signerName}"`,
        );
      }
    },
  );

  test('who may write a status may still not sign', async () => {
    const { request } = await makeRequest('CN=x');
    await submit('jane', 'unsigned', { request, signerName: 'example.com/own' });
    const failed = conditions('Failed');
    const { json } = await scene.as('approver', `patch ${PATH}/unsigned/status`, failed);
    expect(json.message).toBe(
      `certificatesigningrequests.${GROUP} "unsigned" is forbidden: user not permitted to sign requests with signerName "example.com/own"`,
    );
  });
});

function whoami(
  { server }: Scene,
  { cert, key }: CertificatePair,
): Promise<Record<string, unknown>> {
  const { ca } = server.adminOptions;
  const url = `${server.url}/apis/authentication.k8s.io/v1/selfsubjectreviews`;
  const headers = { 'content-type': 'application/json' };
  const options = { method: 'POST', ca: String(ca), cert, key, agent: false, headers };
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest(url, options, (answer) => {
      let text = '';
      answer.on('data', (chunk) => {
        text += String(chunk);
      });
      answer.on('end', () => resolve(JSON.parse(text).status.userInfo));
    });
    outgoing.on('error', reject);
    outgoing.end('{"kind":"SelfSubjectReview","apiVersion":"authentication.k8s.io/v1"}');
  });
}
