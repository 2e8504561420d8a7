// NodeAuthorizer: a kubelet may read what its own pods need, and no more.
//
//   secrets, config maps     get, list and watch of one that a pod on the node names
//   claims, volumes          get of what a pod on the node mounts
//   service accounts         a token for one that a pod on the node runs as
//   nodes                    its own; pods: those bound to it
//   leases, CSINodes         its own (in kube-node-lease)
//   all else                 as the role system:node says, the same for every node
//
// Who a node is says its certificate: user system:node:NAME in the group system:nodes. What a node may *write* into its
// objects is for NodeRestriction, which sees them. It never denies: RBAC may allow a node more.
//
// Same rule upstream: plugin/pkg/auth/authorizer/node/node_authorizer.go (with AuthorizeNodeWithSelectors, on since 1.32).

import type { PolicyRule } from 'kubernetes-types/rbac/v1';
import {
  ALLOWED,
  type Attributes,
  type AuthorizerAndRules,
  type Decision,
  NO_OPINION,
  type ResourceAttributes,
  type RuleList,
  type Subject,
} from './authorizer.ts';
import type { LinkedKind, NodeGraph } from './node-graph.ts';
import { rulesAllow } from './rule-matcher.ts';

const NODE_PREFIX = 'system:node:';
const NODES_GROUP = 'system:nodes';
const NODE_LEASES = 'kube-node-lease';
const READS: ReadonlySet<string> = new Set(['get', 'list', 'watch']);
const OWN_OBJECT_VERBS: ReadonlySet<string> = new Set([
  'get',
  'create',
  'update',
  'patch',
  'delete',
]);

/** The node's name; '' for a node that does not say which; undefined for everybody else. */
export function nodeIdentity({ name, groups }: Subject): string | undefined {
  if (!name.startsWith(NODE_PREFIX) || !groups.includes(NODES_GROUP)) return undefined;
  return name.slice(NODE_PREFIX.length);
}

export class NodeAuthorizer implements AuthorizerAndRules {
  readonly #graph: NodeGraph;
  readonly #rules: readonly PolicyRule[];

  constructor(graph: NodeGraph, rules: readonly PolicyRule[]) {
    this.#graph = graph;
    this.#rules = rules;
  }

  authorize(attributes: Attributes): Decision {
    const node = nodeIdentity(attributes.user);
    if (node === undefined) return NO_OPINION;
    if (node === '') return refuse(`unknown node for user ${JSON.stringify(attributes.user.name)}`);
    const special = attributes.kind === 'resource' ? this.#special(node, attributes) : undefined;
    return special ?? (rulesAllow(this.#rules, attributes) ? ALLOWED : NO_OPINION);
  }

  /** What a node may do depends on its pods, so it cannot be listed. */
  rulesFor(user: Subject): RuleList {
    const isNode = nodeIdentity(user) !== undefined;
    const errors = isNode ? ['node authorizer does not support user rule resolution'] : [];
    return { resourceRules: [], nonResourceRules: [], incomplete: isNode, errors };
  }

  /** Undefined for what is the same for all nodes. */
  #special(node: string, asked: ResourceAttributes): Decision | undefined {
    switch (asked.group === '' ? asked.resource : `${asked.resource}.${asked.group}`) {
      case 'secrets':
        return this.#read(node, 'secret', asked);
      case 'configmaps':
        return this.#read(node, 'configmap', asked);
      case 'persistentvolumeclaims':
        return asked.subresource === 'status'
          ? this.#updateStatus(node, asked)
          : this.#get(node, 'persistentvolumeclaim', asked);
      case 'persistentvolumes':
        return this.#get(node, 'persistentvolume', asked);
      case 'volumeattachments.storage.k8s.io':
        return this.#get(node, 'volumeattachment', asked);
      case 'serviceaccounts':
        return this.#createToken(node, asked);
      case 'nodes':
        return authorizeNode(node, asked);
      case 'pods':
        return this.#authorizePod(node, asked);
      case 'leases.coordination.k8s.io':
        return authorizeLease(node, asked);
      case 'csinodes.storage.k8s.io':
        return authorizeCsiNode(node, asked);
      default:
        return undefined;
    }
  }

  #linked(node: string, kind: LinkedKind, { namespace, name }: ResourceAttributes): Decision {
    if (name === '') return refuse('No Object name found');
    return this.#graph.reaches(node, kind, namespace, name)
      ? ALLOWED
      : refuse(`no relationship found between node '${node}' and this object`);
  }

  #read(node: string, kind: LinkedKind, asked: ResourceAttributes): Decision {
    if (!READS.has(asked.verb)) return refuse('can only read resources of this type');
    if (asked.subresource !== '') return refuse('cannot read subresource');
    if (asked.namespace === '') return refuse('can only read namespaced object of this type');
    return this.#linked(node, kind, asked);
  }

  #get(node: string, kind: LinkedKind, asked: ResourceAttributes): Decision {
    if (asked.verb !== 'get') return refuse('can only get individual resources of this type');
    if (asked.subresource !== '') return refuse('cannot get subresource');
    return this.#linked(node, kind, asked);
  }

  #updateStatus(node: string, asked: ResourceAttributes): Decision {
    if (asked.verb !== 'update' && asked.verb !== 'patch') {
      return refuse('can only get/update/patch this type');
    }
    return this.#linked(node, 'persistentvolumeclaim', asked);
  }

  #createToken(node: string, asked: ResourceAttributes): Decision {
    if (asked.verb !== 'create' || asked.name === '') {
      return refuse('can only create tokens for individual service accounts');
    }
    if (asked.subresource !== 'token') {
      return refuse('can only create token subresource of serviceaccount');
    }
    return this.#linked(node, 'serviceaccount', asked);
  }

  #authorizePod(node: string, asked: ResourceAttributes): Decision {
    const { verb, subresource, name, fieldSelector = [] } = asked;
    if (subresource === 'status') return allowIf(verb === 'update' || verb === 'patch');
    if (subresource === 'eviction') return allowIf(verb === 'create');
    if (subresource !== '') return NO_OPINION;
    if (verb === 'get') return this.#get(node, 'pod', asked);
    // Mirror pods; NodeRestriction sees to it that they are its own.
    if (verb === 'create' || verb === 'delete') return ALLOWED;
    if (verb !== 'list' && verb !== 'watch') return NO_OPINION;
    const own = fieldSelector.some(
      ({ field, operator, value }) =>
        field === 'spec.nodeName' && operator === '=' && value === node,
    );
    if (own) return ALLOWED;
    if (name !== '') return this.#linked(node, 'pod', asked);
    return refuse('can only list/watch pods with spec.nodeName field selector');
  }
}

/** The name is compared, not looked up: a kubelet asks for its node before it makes it. */
function authorizeNode(node: string, { verb, subresource, name }: ResourceAttributes): Decision {
  if (subresource === 'status') return allowIf(verb === 'update' || verb === 'patch');
  if (subresource !== '') return NO_OPINION;
  if (verb === 'create' || verb === 'update' || verb === 'patch') return ALLOWED;
  if (!READS.has(verb)) return NO_OPINION;
  if (name === node) return ALLOWED;
  const what = name === '' ? 'all nodes' : `'${name}'`;
  return refuse(`node '${node}' cannot read ${what}, only its own Node object`);
}

/** A create names nothing yet; NodeRestriction looks at the object. */
function authorizeLease(node: string, { verb, namespace, name }: ResourceAttributes): Decision {
  if (!OWN_OBJECT_VERBS.has(verb)) {
    return refuse('can only get, create, update, patch, or delete a node lease');
  }
  if (namespace !== NODE_LEASES) {
    return refuse(`can only access leases in the "${NODE_LEASES}" system namespace`);
  }
  return verb === 'create' || name === node
    ? ALLOWED
    : refuse('can only access node lease with the same name as the requesting node');
}

function authorizeCsiNode(node: string, { verb, subresource, name }: ResourceAttributes): Decision {
  if (!OWN_OBJECT_VERBS.has(verb)) {
    return refuse('can only get, create, update, patch, or delete a CSINode');
  }
  if (subresource !== '') return refuse('cannot authorize CSINode subresources');
  return verb === 'create' || name === node
    ? ALLOWED
    : refuse('can only access CSINode with the same name as the requesting node');
}

function allowIf(condition: boolean): Decision {
  return condition ? ALLOWED : NO_OPINION;
}

function refuse(reason: string): Decision {
  return { decision: 'none', reason };
}
