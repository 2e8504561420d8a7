// certificate-policy: what a signer of Kubernetes' own signs, and what is approved without a human; pure.
//
//   kubernetes.io/kube-apiserver-client           any user; approved by hand
//   kubernetes.io/kube-apiserver-client-kubelet   a node as a client; approved for those who may ask for it
//   kubernetes.io/kubelet-serving                 a node as a server, with names and addresses; approved by hand
//
// Same rules and words upstream: pkg/apis/certificates/helpers.go, pkg/controller/certificates/{approver,signer}.

import type { CertificateSigningRequest } from 'kubernetes-types/certificates/v1';
import type { RequestFacts } from '../server/pki.ts';

export const CLIENT_SIGNER = 'kubernetes.io/kube-apiserver-client';
export const KUBELET_CLIENT_SIGNER = 'kubernetes.io/kube-apiserver-client-kubelet';
export const KUBELET_SERVING_SIGNER = 'kubernetes.io/kubelet-serving';

export const NODES_GROUP = 'system:nodes';
const NODE_PREFIX = 'system:node:';
const CLIENT_USAGES = ['client auth', 'digital signature', 'key encipherment'];
const SERVING_USAGES = ['digital signature', 'key encipherment', 'server auth'];

/** Why the signer refuses the request, or undefined; `other` when the signer is none of ours. */
export function signerProblem(
  { spec: { signerName, usages = [] } }: CertificateSigningRequest,
  facts: RequestFacts,
): string | undefined | 'other' {
  switch (signerName) {
    case CLIENT_SIGNER:
      return clientProblem(usages);
    case KUBELET_CLIENT_SIGNER:
      return kubeletClientProblem(usages, facts);
    case KUBELET_SERVING_SIGNER:
      return kubeletServingProblem(usages, facts);
    default:
      return 'other';
  }
}

/** The rights that approve a request by themselves, as subresources of certificatesigningrequests; the first that is held counts. */
export function approvingRights(
  { spec }: CertificateSigningRequest,
  facts: RequestFacts,
): readonly ('selfnodeclient' | 'nodeclient')[] {
  if (spec.signerName !== KUBELET_CLIENT_SIGNER) return [];
  if (kubeletClientProblem(spec.usages ?? [], facts) !== undefined) return [];
  const isOwn = spec.username === facts.commonName;
  return isOwn ? ['selfnodeclient', 'nodeclient'] : ['nodeclient'];
}

export function approvalMessage(right: 'selfnodeclient' | 'nodeclient'): string {
  const whose = right === 'selfnodeclient' ? 'self kubelet' : 'kubelet';
  return `Auto approving ${whose} client certificate after SubjectAccessReview.`;
}

/** What was decided about a request. */
export function stateOf({ status = {} }: CertificateSigningRequest): {
  readonly isIssued: boolean;
  readonly isApproved: boolean;
  readonly isOver: boolean;
} {
  const has = (type: string): boolean =>
    (status.conditions ?? []).some((one) => one.type === type && one.status === 'True');
  return {
    isIssued: (status.certificate ?? '') !== '',
    isApproved: has('Approved'),
    isOver: has('Denied') || has('Failed'),
  };
}

function clientProblem(usages: readonly string[]): string | undefined {
  const wrong = usages.find((usage) => !CLIENT_USAGES.includes(usage));
  if (wrong !== undefined) return `invalid usage for client certificate: ${wrong}`;
  return usages.includes('client auth')
    ? undefined
    : 'missing required usage for client certificate: client auth';
}

function kubeletClientProblem(
  usages: readonly string[],
  { organizations, commonName, names }: RequestFacts,
): string | undefined {
  const has = (type: string): boolean => names.some((name) => name.type === type);
  if (!isNodes(organizations)) return 'subject organization is not system:nodes';
  if (has('dns')) return 'DNS subjectAltNames are not allowed';
  if (has('email')) return 'Email subjectAltNames are not allowed';
  if (has('ip')) return 'IP subjectAltNames are not allowed';
  if (names.length > 0) return 'URI subjectAltNames are not allowed';
  if (!commonName.startsWith(NODE_PREFIX)) {
    return 'subject common name does not begin with system:node:';
  }
  return usageProblem(usages, CLIENT_USAGES);
}

function kubeletServingProblem(
  usages: readonly string[],
  { organizations, commonName, names }: RequestFacts,
): string | undefined {
  const has = (type: string): boolean => names.some((name) => name.type === type);
  if (!isNodes(organizations)) return 'subject organization is not system:nodes';
  if (!has('dns') && !has('ip')) return 'DNS or IP subjectAltName is required';
  if (has('email')) return 'Email subjectAltNames are not allowed';
  if (names.some(({ type }) => type !== 'dns' && type !== 'ip')) {
    return 'URI subjectAltNames are not allowed';
  }
  const problem = usageProblem(usages, SERVING_USAGES);
  if (problem !== undefined) return problem;
  return commonName.startsWith(NODE_PREFIX)
    ? undefined
    : 'subject common name does not begin with system:node:';
}

function isNodes(organizations: readonly string[]): boolean {
  return organizations.length === 1 && organizations[0] === NODES_GROUP;
}

/** All of them; key encipherment only matters to RSA keys and may be left out. */
function usageProblem(usages: readonly string[], wanted: readonly string[]): string | undefined {
  const given = new Set(usages);
  const needed = wanted.filter((usage) => usage !== 'key encipherment');
  const fits =
    needed.every((usage) => given.has(usage)) &&
    [...given].every((usage) => wanted.includes(usage));
  return fits ? undefined : `usages did not match [${wanted.join(' ')}]`;
}
