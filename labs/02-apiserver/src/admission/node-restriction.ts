// NodeRestriction: what a kubelet writes is about its own node and its own pods.
//
//   pods          creates only mirror pods of its own node, that name no other object; deletes, evicts and reports only its own pods
//   nodes         only its own; no taints, no labels that steer pods (node-labels.ts)
//   claims        only the status, and of that only capacity and conditions
//   tokens        only bound to a pod that is on the node
//   leases, CSINodes   only its own
//
// The Node authorizer has let the request through by verb and name; here the objects are looked at. Of other users it sees nothing.
//
// Same rule upstream: plugin/pkg/admission/noderestriction/admission.go. Left out: resource slices, pod certificates, configSource.

import type { Node, PersistentVolumeClaim, Pod } from 'kubernetes-types/core/v1';
import { type ApiError, forbidden, formatGroupResource, notFound } from '../api-error.ts';
import { nodeIdentity } from '../authz/node-authorizer.ts';
import { forbiddenLabels } from '../authz/node-labels.ts';
import { configMapsOf, secretsOf } from '../authz/pod-references.ts';
import { sameValue } from '../strategy/equality.ts';
import type { AdmissionPlugin, AdmissionRequest } from './admission.ts';

/** From the caches; undefined when there is no such object. */
export interface NodeRestrictionDeps {
  pod(namespace: string, name: string): Pod | undefined;
  node(name: string): Node | undefined;
}

const MIRROR_POD = 'kubernetes.io/config.mirror';
const NODE_LEASES = 'kube-node-lease';

interface Check {
  readonly request: AdmissionRequest;
  readonly node: string;
  readonly deps: NodeRestrictionDeps;
}

export function nodeRestriction(deps: NodeRestrictionDeps): AdmissionPlugin {
  const check = (request: AdmissionRequest): void => {
    const node = nodeIdentity(request.user);
    if (node === undefined || request.operation === 'CONNECT') return;
    if (node === '') {
      throw refuse(request, `could not determine node from user "${request.user.name}"`);
    }
    CHECKS.get(formatGroupResource(request.definition))?.({ request, node, deps });
  };
  // Early, as upstream: a plugin after it must not see what it refuses.
  return { name: 'NodeRestriction', mutate: check, validate: checkDeletion(check) };
}

/** Deletions are only validated. */
function checkDeletion(check: (request: AdmissionRequest) => void) {
  return (request: AdmissionRequest): void => {
    if (request.operation === 'DELETE') check(request);
  };
}

/** By resource; what is not here is the same for every user. */
const CHECKS: ReadonlyMap<string, (check: Check) => void> = new Map([
  ['pods', checkPods],
  ['nodes', checkNode],
  ['persistentvolumeclaims', checkClaim],
  ['serviceaccounts', checkToken],
  ['leases.coordination.k8s.io', checkLease],
  ['csinodes.storage.k8s.io', checkCsiNode],
]);

function checkPods(check: Check): void {
  const { request } = check;
  const { subresource } = request;
  if (subresource === undefined) checkPod(check);
  else if (subresource === 'status') checkPodStatus(check);
  else if (subresource === 'eviction') checkEviction(check);
  else {
    const why = `unexpected pod subresource "${subresource}", only 'status' and 'eviction' are allowed`;
    throw refuse(request, why);
  }
}

function checkPod({ request, node, deps }: Check): void {
  switch (request.operation) {
    case 'CREATE':
      checkMirrorPod(request, node, deps);
      return;
    case 'DELETE':
      if (podOf(request, deps).spec?.nodeName === node) return;
      throw refuse(request, `node "${node}" can only delete pods with spec.nodeName set to itself`);
    default:
      throw refuse(
        request,
        `unexpected operation "${request.operation}", node "${node}" can only create and delete mirror pods`,
      );
  }
}

function checkMirrorPod(request: AdmissionRequest, node: string, deps: NodeRestrictionDeps): void {
  const pod = request.object as Pod;
  const { metadata, spec } = pod;
  const only = (what: string) =>
    refuse(request, `node "${node}" can only create pods with ${what}`);
  if (!Object.hasOwn(metadata?.annotations ?? {}, MIRROR_POD)) {
    const why = `pod does not have "${MIRROR_POD}" annotation, node "${node}" can only create mirror pods`;
    throw refuse(request, why);
  }
  if (spec?.nodeName !== node) throw only('spec.nodeName set to itself');
  const [owner, ...others] = metadata?.ownerReferences ?? [];
  if (others.length > 0) throw only('a single owner reference set to itself');
  if (owner?.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== node) {
    throw only('an owner reference set to itself');
  }
  if (owner.controller !== true) throw only('a controller owner reference set to itself');
  if (owner.blockOwnerDeletion === true) {
    throw refuse(request, `node "${node}" must not set blockOwnerDeletion on an owner reference`);
  }
  const found = deps.node(node);
  if (found === undefined) throw notFound({ group: '', resource: 'nodes' }, node);
  if (owner.uid !== found.metadata?.uid) {
    const why = `node ${node} UID mismatch: expected ${owner.uid} got ${found.metadata?.uid}`;
    throw refuse(request, why);
  }
  const named = otherObjects(pod);
  if (named !== undefined) {
    throw refuse(request, `node "${node}" can not create pods that reference ${named}`);
  }
}

/** A node that could name objects in its pods could read any object. */
function otherObjects({ spec }: Pod): string | undefined {
  if (spec === undefined) return undefined;
  if ((spec.serviceAccountName ?? '') !== '') return 'a service account';
  if (secretsOf(spec).length > 0) return 'secrets';
  if (configMapsOf(spec).length > 0) return 'configmaps';
  const volumes = spec.volumes ?? [];
  const claims = volumes.some(({ persistentVolumeClaim }) => persistentVolumeClaim !== undefined);
  return claims ? 'persistentvolumeclaims' : undefined;
}

function checkPodStatus({ request, node }: Check): void {
  if (request.operation !== 'UPDATE') {
    throw refuse(request, `unexpected operation "${request.operation}"`);
  }
  const [old, next] = [request.old as Pod | undefined, request.object as Pod];
  if (old?.spec?.nodeName !== node) {
    const why = `node "${node}" can only update pod status for pods with spec.nodeName set to itself`;
    throw refuse(request, why);
  }
  if (!sameValue(old.metadata?.labels, next.metadata?.labels)) {
    throw refuse(request, `node "${node}" cannot update labels through pod status`);
  }
}

function checkEviction({ request, node, deps }: Check): void {
  if (request.operation !== 'CREATE') {
    throw refuse(request, `unexpected operation ${request.operation}`);
  }
  if (podOf(request, deps).spec?.nodeName === node) return;
  throw refuse(request, `node ${node} can only evict pods with spec.nodeName set to itself`);
}

function checkNode({ request, node }: Check): void {
  const { operation, name } = request;
  if (name !== node) {
    throw refuse(request, `node "${node}" is not allowed to modify node "${name}"`);
  }
  if (operation !== 'CREATE' && operation !== 'UPDATE') return;
  const next = request.object as Node;
  const old = request.old as Node | undefined;
  if (operation === 'UPDATE' && !sameValue(next.spec?.taints, old?.spec?.taints)) {
    throw refuse(request, `node "${node}" is not allowed to modify taints`);
  }
  const labels = forbiddenLabels(next.metadata?.labels, old?.metadata?.labels);
  if (labels.length === 0) return;
  const list = labels.join(', ');
  throw refuse(
    request,
    operation === 'CREATE'
      ? `node "${node}" is not allowed to set the following labels: ${list}`
      : `is not allowed to modify labels: ${list}`,
  );
}

function checkClaim({ request, node }: Check): void {
  if (request.subresource !== 'status') throw refuse(request, 'may only update PVC status');
  if (request.operation !== 'UPDATE') {
    throw refuse(request, `unexpected operation "${request.operation}"`);
  }
  const [old, next] = [request.old, request.object].map((claim) =>
    withoutReport(claim as PersistentVolumeClaim),
  );
  if (sameValue(old, next)) return;
  const why = `node "${node}" is not allowed to update fields other than status.capacity and status.conditions`;
  throw refuse(request, why);
}

/** What is left of a claim without the fields that a kubelet reports. */
function withoutReport({ metadata, status, ...rest }: PersistentVolumeClaim): object {
  const { resourceVersion: _r, managedFields: _m, ...plain } = metadata ?? {};
  const { capacity: _c, conditions: _o, ...others } = status ?? {};
  const {
    allocatedResources: _a,
    allocatedResourceStatuses: _s,
    ...kept
  } = others as Record<string, unknown>;
  return { ...rest, metadata: plain, status: kept };
}

interface TokenRequest {
  readonly spec?: {
    readonly boundObjectRef?: {
      readonly apiVersion?: string;
      readonly kind?: string;
      readonly name?: string;
      readonly uid?: string;
    };
  };
}

function checkToken({ request, node, deps }: Check): void {
  if (request.operation !== 'CREATE' || request.subresource !== 'token') return;
  const {
    apiVersion,
    kind,
    name = '',
    uid = '',
  } = (request.object as TokenRequest).spec?.boundObjectRef ?? {};
  if (apiVersion !== 'v1' || kind !== 'Pod' || name === '') {
    throw refuse(request, 'node requested token not bound to a pod');
  }
  if (uid === '') {
    throw refuse(request, 'node requested token with a pod binding without a uid');
  }
  const pod = deps.pod(request.namespace ?? '', name);
  if (pod === undefined) throw notFound({ group: '', resource: 'pods' }, name);
  if (uid !== pod.metadata?.uid) {
    const why = `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`;
    throw refuse(request, why);
  }
  if (pod.spec?.nodeName !== node) {
    throw refuse(request, 'node requested token bound to a pod scheduled on a different node');
  }
}

function checkLease(check: Check): void {
  if (check.request.namespace !== NODE_LEASES) {
    const why = `can only access leases in the "${NODE_LEASES}" system namespace`;
    throw refuse(check.request, why);
  }
  checkOwnName(check, 'node lease');
}

function checkCsiNode(check: Check): void {
  checkOwnName(check, 'CSINode');
}

function checkOwnName({ request, node }: Check, what: string): void {
  const name = request.object?.metadata?.name ?? request.name;
  if (name === node) return;
  throw refuse(request, `can only access ${what} with the same name as the requesting node`);
}

/** Of a deletion or an eviction; the object itself may not have come with the request. */
function podOf({ namespace = '', name, old }: AdmissionRequest, deps: NodeRestrictionDeps): Pod {
  const pod = (old as Pod | undefined) ?? deps.pod(namespace, name);
  if (pod === undefined) throw notFound({ group: '', resource: 'pods' }, name);
  return pod;
}

function refuse({ definition, name, object }: AdmissionRequest, why: string): ApiError {
  return forbidden(definition, name || (object?.metadata?.generateName ?? ''), why);
}
