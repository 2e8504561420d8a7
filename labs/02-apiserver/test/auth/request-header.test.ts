// A proxy that says in headers who the user is: believed with its certificate, and with nothing else.

import { type ClientHttp2Session, connect } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { userOfHeaders } from '#src/auth/request-header.ts';
import {
  type CertificatePair,
  createCertificateAuthority,
  issueCertificate,
} from '#src/server/pki.ts';
import { ADMIN, type Scene, startScene } from './scene.ts';

describe('userOfHeaders()', () => {
  test.each([
    { name: 'no user', headers: ['X-Remote-Group', 'g'], want: undefined },
    {
      name: 'upstream’s headers',
      headers: ['X-Remote-User', 'jane', 'X-Remote-Group', 'a', 'x-remote-group', 'b'],
      want: { name: 'jane', groups: ['a', 'b'] },
    },
    {
      name: 'more about the user',
      headers: ['X-Remote-User', 'jane', 'X-Remote-Extra-Acme.com%2FProject', 'x'],
      want: { name: 'jane', groups: [], extra: { 'acme.com/project': ['x'] } },
    },
  ])('$name', ({ headers, want }) => {
    expect(userOfHeaders({ rawHeaders: headers }, {})).toEqual(want);
  });

  test('of several headers for the name the first that is there counts', () => {
    const options = {
      usernameHeaders: ['X-A', 'X-B'],
      uidHeaders: ['X-Uid'],
      groupHeaders: ['X-G', 'X-H'],
      extraHeaderPrefixes: ['X-E-'],
    };
    const rawHeaders = ['X-B', 'b', 'X-H', 'h', 'X-G', 'g', 'X-Uid', '7', 'X-E-k', 'v'];
    expect(userOfHeaders({ rawHeaders }, options)).toEqual({
      name: 'b',
      groups: ['g', 'h'],
      uid: '7',
      extra: { k: ['v'] },
    });
  });
});

describe('over the wire', () => {
  let scene: Scene;
  let certificates: Record<string, CertificatePair | undefined>;
  beforeAll(async () => {
    const users = await createCertificateAuthority('kubernetes');
    // The same name, so that only the signature tells them apart.
    const proxies = await createCertificateAuthority('kubernetes');
    const strangers = await createCertificateAuthority('kubernetes');
    const issue = (ca: CertificatePair, commonName: string, organizations: string[] = []) =>
      issueCertificate(ca, { commonName, organizations, client: true });
    certificates = {
      proxy: await issue(proxies, 'front-proxy'),
      'proxy of another name': await issue(proxies, 'other'),
      'proxy that would be a master': await issue(proxies, 'other', ['system:masters']),
      user: await issue(users, 'joe', ['devs']),
      'user with the name of the proxy': await issue(users, 'front-proxy'),
      stranger: await issue(strangers, 'front-proxy', ['system:masters']),
      nothing: undefined,
    };
    scene = await startScene(
      { requestHeader: { clientCa: proxies.cert, allowedNames: ['front-proxy'] } },
      { clientCa: users.cert },
    );
  });
  afterAll(() => scene[Symbol.asyncDispose]());

  const HEADERS = { 'x-remote-user': 'jane', 'x-remote-group': 'system:masters' };
  test.each([
    { who: 'proxy', headers: HEADERS, want: 'jane' },
    { who: 'proxy', headers: {}, want: 401 },
    { who: 'proxy of another name', headers: HEADERS, want: 401 },
    { who: 'proxy of another name', headers: {}, want: 401 },
    { who: 'proxy that would be a master', headers: {}, want: 401 },
    { who: 'user', headers: HEADERS, want: 'joe' },
    { who: 'user with the name of the proxy', headers: HEADERS, want: 'front-proxy' },
    { who: 'stranger', headers: HEADERS, want: 401 },
    { who: 'stranger', headers: {}, want: 401 },
    { who: 'nothing', headers: HEADERS, want: 'system:anonymous' },
    { who: 'nothing', headers: {}, want: 'system:anonymous' },
  ])('$who, with $headers, is $want', async ({ who, headers, want }) => {
    const answer = await whoami(scene, certificates[who], headers);
    expect(answer).toBe(want);
  });

  test('extension servers read whom to trust', async () => {
    const path = 'get /api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication';
    await expect.poll(async () => (await scene.as(ADMIN, path)).status).toBe(200);
    const { data } = (await scene.as(ADMIN, path)).json;
    expect(data['client-ca-file']).toContain('BEGIN CERTIFICATE');
    expect(data['requestheader-client-ca-file']).toContain('BEGIN CERTIFICATE');
    expect(data['requestheader-client-ca-file']).not.toBe(data['client-ca-file']);
    expect(JSON.parse(data['requestheader-allowed-names'])).toEqual(['front-proxy']);
    expect(JSON.parse(data['requestheader-username-headers'])).toEqual(['x-remote-user']);
  });

  test('over HTTP/2 a connection is the proxy’s, and each request another user’s', async () => {
    const { ca } = scene.server.adminOptions;
    const session = connect(scene.server.url, { ca: String(ca), ...certificates.proxy });
    try {
      expect(await whoamiOver(session, { 'x-remote-user': 'jane' })).toBe('jane');
      expect(await whoamiOver(session, { 'x-remote-user': 'joe' })).toBe('joe');
    } finally {
      session.close();
    }
  });
});

async function whoamiOver(
  session: ClientHttp2Session,
  headers: Readonly<Record<string, string>>,
): Promise<string> {
  const stream = session.request({
    ...headers,
    ':method': 'POST',
    ':path': '/apis/authentication.k8s.io/v1/selfsubjectreviews',
    'content-type': 'application/json',
  });
  stream.end('{"kind":"SelfSubjectReview","apiVersion":"authentication.k8s.io/v1"}');
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return JSON.parse(text).status.userInfo.username;
}

/** The user's name, or the code. */
function whoami(
  { server }: Scene,
  certificate: CertificatePair | undefined,
  headers: Readonly<Record<string, string>>,
): Promise<string | number> {
  const { ca } = server.adminOptions;
  const url = `${server.url}/apis/authentication.k8s.io/v1/selfsubjectreviews`;
  const options = { method: 'POST', ca: String(ca), ...certificate, agent: false };
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest(
      url,
      { ...options, headers: { ...headers, 'content-type': 'application/json' } },
      (answer) => {
        let text = '';
        answer.on('data', (chunk) => {
          text += String(chunk);
        });
        answer.on('end', () => {
          const { status } = JSON.parse(text);
          resolve(answer.statusCode === 201 ? status.userInfo.username : (answer.statusCode ?? 0));
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end('{"kind":"SelfSubjectReview","apiVersion":"authentication.k8s.io/v1"}');
  });
}
