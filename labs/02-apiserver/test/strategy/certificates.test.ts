// Requests for certificates: whose they are, who may write what, what is refused.

import 'reflect-metadata'; // @peculiar/x509 wants it, and first.
import { webcrypto } from 'node:crypto';
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509';
import { beforeAll, describe, expect, test } from 'vitest';
import type { KubernetesObject } from '../../src/client/resources.ts';
import { createCertificateAuthority, issueCertificate } from '../../src/server/pki.ts';
import {
  certificateApprovalStrategy,
  certificateSigningRequestStrategy,
} from '../../src/strategy/certificate-signing-request.ts';
import { bodyOf } from '../../src/strategy/field-error.ts';
import { create, faults, type Loose, update, updateStatus } from './admit.ts';

const csr = { group: 'certificates.k8s.io', version: 'v1', kind: 'CertificateSigningRequest' };
const NOW = '2026-01-01T00:00:00Z';
const FACTS = { user: { name: 'jane', uid: 'u', groups: ['devs'], extra: { a: ['b'] } }, now: NOW };
const base64 = (text: string): string => Buffer.from(text).toString('base64');
let request = '';
let certificate = '';

beforeAll(async () => {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const made = await Pkcs10CertificateRequestGenerator.create({
    name: 'CN=jane',
    keys,
    signingAlgorithm: algorithm,
  });
  request = base64(made.toString('pem'));
  const ca = await createCertificateAuthority('ca');
  const issued = await issueCertificate(ca, { commonName: 'jane', client: true });
  certificate = base64(issued.cert);
});

function body(spec: Loose = {}): Loose {
  const signerName = 'kubernetes.io/kube-apiserver-client';
  return {
    metadata: { name: 'x' },
    spec: { request, signerName, usages: ['client auth'], ...spec },
  };
}

describe('a request', () => {
  test('belongs to whoever makes it, whatever it says', () => {
    const object = structuredClone(body({ username: 'root', groups: ['system:masters'] }));
    certificateSigningRequestStrategy.prepareForCreate(object as KubernetesObject, FACTS);
    expect(object.spec).toMatchObject({
      username: 'jane',
      uid: 'u',
      groups: ['devs'],
      extra: { a: ['b'] },
    });
  });

  test.each([
    [{}, ''],
    [{ request: base64('x') }, /^spec\.request: .*: PEM block type must be CERTIFICATE REQUEST$/],
    [{ usages: [] }, 'spec.usages: Required value'],
    [{ usages: ['client auth', 'client auth'] }, 'spec.usages[1]: Duplicate value: "client auth"'],
    [{ usages: ['everything'] }, /^spec\.usages\[0\]: Unsupported value: "everything": supported/],
    [{ signerName: '' }, 'spec.signerName: Required value'],
    [
      { signerName: 'kubernetes.io/legacy-unknown' },
      'spec.signerName: Invalid value: "kubernetes.io/legacy-unknown": the legacy signerName is not allowed via this API version',
    ],
    [
      { signerName: 'me' },
      'spec.signerName: Invalid value: "me": must be a fully qualified domain and path of the form \'example.com/signer-name\'',
    ],
    [
      { expirationSeconds: 599 },
      'spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 600 seconds (10 minutes)',
    ],
  ])('with %j: %s', (spec, says) => {
    const told = faults(() => create(csr, body(spec)));
    if (typeof says === 'string') expect(told).toBe(says);
    else expect(told).toMatch(says);
  });

  test('keeps its spec', () => {
    const old = create(csr, body());
    expect(update(csr, old, body({ usages: ['any'] })).spec).toEqual(old.spec);
  });
});

const approved = { type: 'Approved', status: 'True', reason: 'r', message: 'm' };
const denied = { type: 'Denied', status: 'True', reason: 'r', message: 'm' };

describe('a decision', () => {
  const decide = (old: Loose, conditions: Loose[]) => {
    const next = { ...structuredClone(old), status: { conditions, certificate } };
    const object = next as unknown as KubernetesObject;
    certificateApprovalStrategy.prepareForStatusUpdate?.(object, old as never, FACTS);
    const errors = certificateApprovalStrategy.validateStatusUpdate(object, old as never);
    return { status: next.status as Loose, errors: errors.map(bodyOf) };
  };

  test('is written with its time, and nothing but it', () => {
    const { status, errors } = decide(create(csr, body()), [approved]);
    expect(errors).toEqual([]);
    expect(status).toEqual({
      conditions: [{ ...approved, lastTransitionTime: NOW, lastUpdateTime: NOW }],
    });
  });

  test('is one or the other, and stays', () => {
    expect(decide(create(csr, body()), [approved, denied]).errors).toEqual([
      'Invalid value: "Denied": Approved and Denied conditions are mutually exclusive',
    ]);
    const old = { ...create(csr, body()), status: { conditions: [approved] } };
    expect(decide(old, []).errors).toEqual([
      'Forbidden: updates may not remove a condition of type "Approved"',
    ]);
  });
});

describe('a signer', () => {
  const issued = (status: Loose): Loose => ({ ...create(csr, body()), status });

  test.each<[says: string, before: Loose, next: () => Loose]>([
    ['', { conditions: [approved] }, () => ({ conditions: [approved], certificate })],
    [
      'status.conditions: Forbidden: updates may not add a condition of type "Approved"',
      {},
      () => ({ conditions: [approved] }),
    ],
    [
      'status.certificate: Invalid value: "<certificate data>": must contain at least one CERTIFICATE PEM block',
      {},
      () => ({ certificate: base64('x') }),
    ],
    [
      'status.certificate: Forbidden: updates may not modify existing certificate content',
      { certificate: base64('old') },
      () => ({ certificate }),
    ],
  ])('%s', (says, before, next) => {
    expect(faults(() => updateStatus(csr, issued(before), next()))).toBe(says);
  });

  test('cannot take a decision back that it had not seen', () => {
    const next = updateStatus(csr, issued({ conditions: [approved] }), { certificate });
    expect(next.status).toEqual({ conditions: [approved], certificate });
  });
});
