// certificates: the resources of the group certificates.k8s.io: requests for certificates, their approval and signing.
//
// Same facts upstream: registry/certificates/rest/storage_certificates.go.

import { certificateSigningRequestPrinter } from '../../printers/configuration.ts';
import { statusSubresource } from '../../server/subresources.ts';
import {
  certificateApprovalStrategy,
  certificateSigningRequestStrategy,
} from '../../strategy/certificate-signing-request.ts';
import type { ResourceDefinition } from '../resource-definition.ts';
import { define, fields, status } from './define.ts';

export const CERTIFICATES_RESOURCES: readonly ResourceDefinition[] = [
  define('CertificateSigningRequest', 'certificatesigningrequests', {
    group: 'certificates.k8s.io',
    namespaced: false,
    shortNames: ['csr'],
    strategy: certificateSigningRequestStrategy,
    printer: certificateSigningRequestPrinter,
    subresources: [
      {
        name: 'approval',
        kind: 'CertificateSigningRequest',
        verbs: ['get', 'patch', 'update'],
        strategy: certificateApprovalStrategy,
        handle: statusSubresource,
      },
      status('CertificateSigningRequest'),
    ],
    selectableFields: fields('spec.signerName'),
  }),
];
