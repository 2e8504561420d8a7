// certificates: the resources of the group certificates.k8s.io: requests for certificates, their approval and signing.
//
// Same facts upstream: registry/certificates/rest/storage_certificates.go.

import type { ResourceDefinition } from '../resource-definition.ts';

export const CERTIFICATES_RESOURCES: readonly ResourceDefinition[] = [];
