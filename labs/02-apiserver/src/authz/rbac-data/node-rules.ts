// node-rules: what a kubelet may ask for at most; the Node authorizer and NodeRestriction narrow it to its own node.
//
// Same table upstream: bootstrappolicy.NodeRules (1.33, default feature gates).

import type { PolicyRule } from 'kubernetes-types/rbac/v1';
import {
  AUTHENTICATION,
  AUTHORIZATION,
  allow,
  CERTIFICATES,
  COORDINATION,
  READ,
  STORAGE,
} from './policy.ts';

export const NODE_RULES: readonly PolicyRule[] = [
  allow('create', AUTHENTICATION, 'tokenreviews'),
  allow('create', AUTHORIZATION, 'subjectaccessreviews localsubjectaccessreviews'),
  allow(READ, 'core', 'services'),
  allow(`create ${READ}`, 'core', 'nodes'),
  allow('update patch', 'core', 'nodes/status'),
  allow('update patch', 'core', 'nodes'),
  // In the old group only, as upstream has it.
  allow('create update patch', 'core', 'events'),
  allow(READ, 'core', 'pods'),
  // Mirror pods.
  allow('create delete', 'core', 'pods'),
  allow('update patch', 'core', 'pods/status'),
  allow('create', 'core', 'pods/eviction'),
  allow(READ, 'core', 'secrets configmaps'),
  allow('get', 'core', 'persistentvolumeclaims persistentvolumes'),
  allow('get', 'core', 'endpoints'),
  // Its own certificate, asked for and waited for.
  allow(`create ${READ}`, CERTIFICATES, 'certificatesigningrequests'),
  allow('get create update patch delete', COORDINATION, 'leases'),
  allow('get', STORAGE, 'volumeattachments'),
  allow('create', 'core', 'serviceaccounts/token'),
  allow('get update patch', 'core', 'persistentvolumeclaims/status'),
  allow(READ, STORAGE, 'csidrivers'),
  allow('get create update patch delete', STORAGE, 'csinodes'),
  allow(READ, 'node.k8s.io', 'runtimeclasses'),
];
