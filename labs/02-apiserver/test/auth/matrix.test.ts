// Everybody at every kind of door, with every proof of who he is: good, bad, of somebody else, both at once, or none.

import { request as httpsRequest } from 'node:https';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type CertificatePair,
  createCertificateAuthority,
  issueCertificate,
} from '#src/server/pki.ts';
import { ADMIN, NAMESPACE_PATH, pod, type Scene, startScene } from './scene.ts';

/** What is shown with a request. */
interface Proof {
  readonly certificate?: CertificatePair;
  readonly token?: string;
}

type Callers = Readonly<Record<string, Proof>>;

const DOORS = {
  health: '/readyz',
  version: '/version',
  metrics: '/metrics',
  keys: '/openid/v1/jwks',
  discovery: '/apis',
  list: `${NAMESPACE_PATH}/configmaps`,
  secrets: '/api/v1/secrets',
  node: '/api/v1/nodes/n1',
  'nothing there': '/apis/example.com/v1/things',
} as const;
type Door = keyof typeof DOORS;
const ALL = Object.keys(DOORS) as readonly Door[];

const ok = Object.fromEntries(ALL.map((door) => [door, door === 'nothing there' ? 404 : 200]));
const refused = Object.fromEntries(ALL.map((door) => [door, 401]));
/** Who is nobody in particular but proved that he is somebody. */
const known = {
  health: 200,
  version: 200,
  metrics: 403,
  keys: 403,
  discovery: 200,
  list: 403,
  secrets: 403,
  node: 403,
  'nothing there': 403,
};
const anonymous = { ...known, discovery: 403 };

const WANT: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  nobody: anonymous,
  'an administrator with a certificate': ok,
  'an administrator with a token': ok,
  'a user with a certificate': known,
  'a user with a token': known,
  'a node': { ...known, node: 200 },
  'a service account': { ...known, keys: 200 },
  'the account of a pod': { ...known, keys: 200 },
  'a bootstrap token': known,
  'a token that nobody has': refused,
  'a token for somebody else': refused,
  'a certificate of another authority': refused,
  'a certificate that has expired': refused,
  // One good proof is enough; the other says nothing about who it is.
  'a good certificate with a bad token': ok,
  'a bad certificate with a good token': ok,
};

let scene: Scene;
let callers: Callers;
beforeAll(async () => {
  const authority = await createCertificateAuthority('kubernetes');
  const strangers = await createCertificateAuthority('kubernetes');
  const issue = (ca: CertificatePair, commonName: string, group: string, days?: number) =>
    issueCertificate(ca, {
      commonName,
      organizations: [group],
      client: true,
      ...(days === undefined ? {} : { days }),
    });
  scene = await startScene(
    { bootstrapTokens: true },
    {
      clientCa: authority.cert,
      authorization: { modes: ['Node', 'RBAC'] },
      tokens: [
        { token: ADMIN, user: 'admin', groups: ['system:masters'] },
        { token: 'jane', user: 'jane', groups: ['devs'] },
      ],
    },
  );
  const uid = await scene.account('robot');
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } };
  await scene.make('post /api/v1/nodes', node);
  const made = await scene.make(`post ${NAMESPACE_PATH}/pods`, pod('web', 'robot', 'n1'));
  const data = Object.fromEntries(
    Object.entries({
      'token-id': 'abcdef',
      'token-secret': '0123456789abcdef',
      'usage-bootstrap-authentication': 'true',
    }).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  );
  await scene.make('post /api/v1/namespaces/kube-system/secrets', {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'bootstrap-token-abcdef' },
    type: 'bootstrap.kubernetes.io/token',
    data,
  });
  const robot = { name: 'robot', uid };
  const bound = {
    namespace: 'default',
    serviceaccount: robot,
    pod: { name: 'web', uid: made.metadata.uid },
  };
  const master = await issue(authority, 'admin', 'system:masters');
  const stranger = await issue(strangers, 'admin', 'system:masters');
  callers = {
    nobody: {},
    'an administrator with a certificate': { certificate: master },
    'an administrator with a token': { token: ADMIN },
    'a user with a certificate': { certificate: await issue(authority, 'joe', 'devs') },
    'a user with a token': { token: 'jane' },
    'a node': { certificate: await issue(authority, 'system:node:n1', 'system:nodes') },
    'a service account': { token: await scene.sign(scene.claims(robot)) },
    'the account of a pod': {
      token: await scene.sign(scene.claims(robot, { 'kubernetes.io': bound })),
    },
    'a bootstrap token': { token: 'abcdef.0123456789abcdef' },
    'a token that nobody has': { token: 'wrong' },
    'a token for somebody else': { token: await scene.sign(scene.claims(robot, { aud: ['x'] })) },
    'a certificate of another authority': { certificate: stranger },
    'a certificate that has expired': {
      certificate: await issue(authority, 'admin', 'system:masters', -1),
    },
    'a good certificate with a bad token': { certificate: master, token: 'wrong' },
    'a bad certificate with a good token': { certificate: stranger, token: ADMIN },
  };
});
afterAll(() => scene[Symbol.asyncDispose]());

describe.each(Object.entries(WANT))('%s', (caller, want) => {
  test.each(ALL)('at %s', async (door) => {
    const { status, text } = await knock(scene, DOORS[door], callers[caller] ?? {});
    expect(`${door} ${status}`).toBe(`${door} ${want[door]}`);
    // What may not be read is never leaked by the refusal, nor is the proof.
    const { token } = callers[caller] ?? {};
    if (status >= 400 && token !== undefined && token.length > 8) expect(text).not.toContain(token);
  });
});

function knock(
  { server }: Scene,
  path: string,
  { certificate, token }: Proof,
): Promise<{ status: number; text: string }> {
  const { ca } = server.adminOptions;
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const options = { ca: String(ca), agent: false, headers, ...certificate };
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest(server.url + path, options, (answer) => {
      let text = '';
      answer.on('data', (chunk) => {
        text += String(chunk);
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}
