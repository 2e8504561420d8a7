// certificate-admission: three admission plugins for certificate requests: who may approve, who may sign, and whom nobody may become.
//
//   CertificateApproval            deciding about a request needs the verb `approve` on signers/NAME
//   CertificateSigning             writing its certificate or conditions needs the verb `sign` there
//   CertificateSubjectRestriction  no request to the signer of users asks for the group system:masters
//
// The signer's name may be allowed as a whole or by its domain, `example.com/*`.
//
// Same rule upstream: plugin/pkg/admission/certificates/{approval,signing,subjectrestriction}.

import type { CertificateSigningRequest } from 'kubernetes-types/certificates/v1';
import type { AdmissionPlugin, AdmissionRequest } from '../admission/admission.ts';
import { forbidden } from '../api-error.ts';
import { type Authorizer, MASTERS_GROUP } from '../authz/authorizer.ts';
import { isAllowed } from '../authz/union.ts';
import { readCertificateRequest } from '../server/pki.ts';
import { sameValue } from '../strategy/equality.ts';
import { CLIENT_SIGNER } from './certificate-policy.ts';
import type { User } from './user.ts';

const GROUP = 'certificates.k8s.io';

export function certificateApproval(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: 'CertificateApproval',
    validate(request) {
      if (!isUpdateOf(request, 'approval')) return;
      const { signerName } = (request.old as unknown as CertificateSigningRequest).spec;
      if (!mayUseSigner(authorizer, request.user, 'approve', signerName)) {
        throw refuse(
          request,
          `user not permitted to approve requests with signerName "${signerName}"`,
        );
      }
    },
  };
}

export function certificateSigning(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: 'CertificateSigning',
    validate(request) {
      if (!isUpdateOf(request, 'status')) return;
      const old = request.old as unknown as CertificateSigningRequest;
      const next = request.object as unknown as CertificateSigningRequest;
      const isSame =
        (old.status?.certificate ?? '') === (next.status?.certificate ?? '') &&
        sameValue(old.status?.conditions, next.status?.conditions);
      const { signerName } = old.spec;
      if (!isSame && !mayUseSigner(authorizer, request.user, 'sign', signerName)) {
        throw refuse(
          request,
          `user not permitted to sign requests with signerName "${signerName}"`,
        );
      }
    },
  };
}

export const certificateSubjectRestriction: AdmissionPlugin = {
  name: 'CertificateSubjectRestriction',
  validate(request) {
    const { operation, definition, object } = request;
    if (operation !== 'CREATE' || !isRequest(definition)) return;
    const { spec } = object as unknown as CertificateSigningRequest;
    if (spec.signerName !== CLIENT_SIGNER) return;
    if (readCertificateRequest(spec.request).organizations.includes(MASTERS_GROUP)) {
      const message = `use of ${CLIENT_SIGNER} signer with ${MASTERS_GROUP} group is not allowed`;
      throw refuse(request, message);
    }
  },
};

/** Of one signer, or of all signers of its domain. */
function mayUseSigner(
  authorizer: Authorizer,
  user: User,
  verb: 'approve' | 'sign',
  signerName: string,
): boolean {
  const isAllowedFor = (name: string): boolean =>
    isAllowed(authorizer, {
      kind: 'resource',
      user,
      verb,
      group: GROUP,
      version: '*',
      resource: 'signers',
      subresource: '',
      namespace: '',
      name,
    });
  return isAllowedFor(signerName) || isAllowedFor(`${signerName.split('/', 1)[0]}/*`);
}

function isUpdateOf(request: AdmissionRequest, subresource: string): boolean {
  const { operation, definition } = request;
  return operation === 'UPDATE' && isRequest(definition) && request.subresource === subresource;
}

function isRequest({ group, resource }: AdmissionRequest['definition']): boolean {
  return group === GROUP && resource === 'certificatesigningrequests';
}

function refuse({ definition, name }: AdmissionRequest, message: string) {
  return forbidden(definition, name, message);
}
