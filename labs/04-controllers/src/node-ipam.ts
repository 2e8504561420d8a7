// NodeIpam: gives every node a range of addresses for its Pods, cut from the range of the cluster.
//
//   plan()        the range that a node should get
//   reconcile()   write it into spec.podCIDR and spec.podCIDRs
//
// Invariants: no two nodes have the same range; a node keeps its range for life. What is taken is read from the nodes
// themselves, plus what this process has written and the cache does not show yet; so a restart loses nothing, and a
// deleted node frees its range by being gone. The first range is never given away: its beginning looks like the cluster's own.
//
// Upstream: kubernetes, pkg/controller/nodeipam/ipam/range_allocator.go. Left out: IPv6, several cluster ranges, service ranges.

import { type Informer, resources } from '@kube-labs/apiserver';
import type { Node } from 'kubernetes-types/core/v1';
import {
  type Controller,
  type ControllerContext,
  newQueue,
  queueController,
} from './controller.ts';
import { meta } from './meta.ts';

export interface CidrRange {
  /** The first address, as a number. */
  readonly base: number;
  readonly maskSize: number;
}

export type CidrPlan =
  | { readonly kind: 'keep' }
  | { readonly kind: 'assign'; readonly podCidr: string }
  | { readonly kind: 'exhausted' };

/** `taken` are the ranges of all other nodes. The lowest free one is chosen. */
export function plan(
  node: Node,
  taken: ReadonlySet<string>,
  cluster: CidrRange,
  nodeMaskSize: number,
): CidrPlan {
  if (node.spec?.podCIDR !== undefined && node.spec.podCIDR !== '') return { kind: 'keep' };
  const size = 2 ** (32 - nodeMaskSize);
  const count = 2 ** (nodeMaskSize - cluster.maskSize);
  for (let index = 1; index < count; index++) {
    const podCidr = `${addressOf(cluster.base + index * size)}/${nodeMaskSize}`;
    if (!taken.has(podCidr)) return { kind: 'assign', podCidr };
  }
  return { kind: 'exhausted' };
}

/** Throws when the text is no IPv4 range or is too small for `nodeMaskSize`. */
export function parseClusterCidr(text: string, nodeMaskSize: number): CidrRange {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  const numbers = (match ?? []).slice(1).map(Number);
  const [maskSize = 33] = numbers.splice(4);
  if (match === null || numbers.some((byte) => byte > 255) || maskSize > 32) {
    throw new Error(
      `Cannot use --cluster-cidr "${text}": it must be an IPv4 range as 10.244.0.0/16`,
    );
  }
  if (nodeMaskSize <= maskSize || nodeMaskSize > 30) {
    throw new Error(
      `Cannot cut --cluster-cidr ${text} into pieces of /${nodeMaskSize}: --node-cidr-mask-size must be greater than ${maskSize} and at most 30`,
    );
  }
  const address = numbers.reduce((total, byte) => total * 256 + byte, 0);
  const size = 2 ** (32 - maskSize);
  return { base: Math.floor(address / size) * size, maskSize };
}

function addressOf(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

export function nodeIpamController(context: ControllerContext): Controller {
  const { allocateNodeCidrs, clusterCidr, nodeCidrMaskSize } = context.options;
  if (!allocateNodeCidrs) return { run: async () => {} };
  const cluster = parseClusterCidr(clusterCidr, nodeCidrMaskSize);
  const nodes = context.informers.of(resources.nodes);
  const queue = newQueue(context, 'node-ipam-controller');
  /** Ranges that were written and that the cache may not show yet, by node. */
  const assigned = new Map<string, string>();
  const enqueue = (node: Node) => queue.add(meta(node).name);
  nodes.addHandler({
    onAdd: enqueue,
    onUpdate: (_before, node) => enqueue(node),
    onDelete: enqueue,
  });
  return queueController(context, {
    name: 'node-ipam-controller',
    queue,
    informers: [nodes],
    // One worker: two would choose the same range.
    workers: 1,
    async reconcile(name, signal) {
      const node = nodes.get(name);
      if (node === undefined || (node.spec?.podCIDR ?? '') !== '') assigned.delete(name);
      if (node === undefined) return; // Deleted: its range is free now.
      const next = plan(node, takenBy(nodes, assigned, name), cluster, nodeCidrMaskSize);
      switch (next.kind) {
        case 'keep':
          return;
        case 'exhausted': {
          const message = `Node ${name} status is now: CIDRNotAvailable`;
          context.recorder('cidrAllocator').event(node, 'Normal', 'CIDRNotAvailable', message);
          throw new Error(`Cannot give node ${name} a range: all of ${clusterCidr} are taken`);
        }
        case 'assign': {
          assigned.set(name, next.podCidr);
          const spec = { podCIDR: next.podCidr, podCIDRs: [next.podCidr] };
          const patch = { metadata: { uid: meta(node).uid }, spec };
          await context.client.patch(resources.nodes, { name }, patch, { type: 'merge' }, signal);
          return;
        }
        default:
          next satisfies never;
      }
    },
  });
}

function takenBy(
  nodes: Informer<Node>,
  assigned: ReadonlyMap<string, string>,
  except: string,
): ReadonlySet<string> {
  const others = nodes.list().filter((node) => meta(node).name !== except);
  const seen = others.flatMap((node) => node.spec?.podCIDRs ?? node.spec?.podCIDR ?? []);
  const written = [...assigned].flatMap(([name, cidr]) => (name === except ? [] : cidr));
  return new Set([...seen, ...written]);
}
