// What the tests of this lab share: short ways to write pods and nodes, as data.

import type { Container, Node, Pod, PodSpec, Taint } from 'kubernetes-types/core/v1';
import type { Plugin, Verdict } from '../src/framework.ts';
import { type NodeInfo, nodeInfo, type Snapshot } from '../src/snapshot.ts';

let sequence = 0;

export interface PodOptions {
  readonly name?: string;
  readonly namespace?: string;
  readonly labels?: Record<string, string>;
  readonly owner?: { readonly kind: string; readonly name: string };
  readonly requests?: Record<string, string>;
  readonly hostPorts?: readonly number[];
  readonly spec?: Partial<PodSpec>;
}

export function pod(options: PodOptions = {}): Pod {
  sequence++;
  const { name = `pod-${sequence}`, namespace = 'default', labels = {}, owner } = options;
  const container: Container = {
    name: 'main',
    image: 'demo',
    ...(options.requests === undefined ? {} : { resources: { requests: options.requests } }),
    ports: (options.hostPorts ?? []).map((port) => ({ containerPort: port, hostPort: port })),
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      uid: `uid-${sequence}`,
      labels,
      ...(owner === undefined
        ? {}
        : { ownerReferences: [{ apiVersion: 'v1', uid: 'owner', controller: true, ...owner }] }),
    },
    spec: { containers: [container], ...options.spec },
  };
}

export interface NodeOptions {
  readonly name?: string;
  readonly labels?: Record<string, string>;
  readonly taints?: Taint[];
  readonly unschedulable?: boolean;
  readonly allocatable?: Record<string, string>;
}

export function node(options: NodeOptions = {}): Node {
  const { name = 'node-1', labels = {}, taints = [], unschedulable = false } = options;
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels },
    spec: { taints, unschedulable },
    status: { allocatable: { cpu: '4', memory: '8Gi', pods: '110', ...options.allocatable } },
  };
}

export function info(options: NodeOptions = {}, pods: readonly Pod[] = []): NodeInfo {
  return nodeInfo(node(options), pods);
}

export function snapshotOf(...nodes: readonly NodeInfo[]): Snapshot {
  return { generation: 1, nodes };
}

/** Asks one plugin about one node, preFilter first, as the cycle does. */
export function ask<State>(plugin: Plugin<State>, subject: Pod, on: NodeInfo): Verdict {
  const state = plugin.preFilter?.(subject, snapshotOf(on));
  if (state?.kind === 'rejects') return state;
  return plugin.filter?.(subject, on, state?.state as State) ?? { kind: 'fits' };
}

/** The reasons of a rejection; nothing when the pod fits. */
export function reasonsOf(verdict: Verdict): readonly string[] {
  return verdict.kind === 'fits' ? [] : verdict.reasons;
}

/** The plugin's scores of these nodes, normalized. */
export function scoresOf<State>(
  plugin: Plugin<State>,
  subject: Pod,
  nodes: readonly NodeInfo[],
): readonly number[] {
  const state = plugin.preFilter?.(subject, snapshotOf(...nodes));
  const given = state?.kind === 'ready' ? state.state : (undefined as State);
  const scores = nodes.map((each) => plugin.score?.(subject, each, given) ?? 0);
  return plugin.normalizeScore?.(scores) ?? scores;
}

/** A repeatable source of chance. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
