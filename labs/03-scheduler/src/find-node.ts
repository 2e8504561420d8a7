// findNode: the decision of one scheduling cycle. Pure: a pod, a snapshot and plugins in, a node or the reasons out.
//
//   preFilter → filter each node → score those that are left → the highest sum; between equals chance decides
//
// In a big cluster not every node is looked at: `feasibleNodesWanted` of them are enough, starting where the last cycle
// stopped, so that every node has its turn. `random` comes from outside: a test with a seed is repeatable.
// Same idea upstream: kubernetes, pkg/scheduler/schedule_one.go.

import type { Pod } from 'kubernetes-types/core/v1';
import { FITS, type Plugin, rejects, type Verdict, type WeightedPlugin } from './framework.ts';
import type { NodeInfo, Snapshot } from './snapshot.ts';

export type Decision =
  | {
      readonly kind: 'node';
      readonly nodeName: string;
      /** How many nodes were looked at, and how many of them fitted. */
      readonly evaluated: number;
      readonly feasible: number;
    }
  | {
      readonly kind: 'none';
      readonly nodeCount: number;
      readonly evaluated: number;
      /** How often each reason was given. */
      readonly reasons: ReadonlyMap<string, number>;
      readonly rejectedBy: ReadonlySet<string>;
    };

export interface FindNodeOptions {
  readonly plugins: readonly WeightedPlugin[];
  /** At least 0, below 1. */
  readonly random: () => number;
  /** Index of the node to look at first. */
  readonly startAt?: number;
}

/** What each plugin's preFilter returned. */
type States = ReadonlyMap<Plugin, unknown>;

const ALL_BELOW = 100;
const PERCENT_MIN = 5;

export function findNode(pod: Pod, snapshot: Snapshot, options: FindNodeOptions): Decision {
  const { plugins, random, startAt = 0 } = options;
  const { nodes } = snapshot;
  const states = new Map<Plugin, unknown>();
  const reasons = new Map<string, number>();
  const rejectedBy = new Set<string>();
  const none = (evaluated: number): Decision => {
    return { kind: 'none', nodeCount: nodes.length, evaluated, reasons, rejectedBy };
  };
  for (const { plugin } of plugins) {
    const result = plugin.preFilter?.(pod, snapshot);
    if (result?.kind === 'rejects') {
      rejectedBy.add(plugin.name);
      for (const reason of result.reasons) reasons.set(reason, nodes.length);
      return none(0);
    }
    states.set(plugin, result?.state);
  }
  const wanted = feasibleNodesWanted(nodes.length);
  const feasible: NodeInfo[] = [];
  let evaluated = 0;
  for (; evaluated < nodes.length && feasible.length < wanted; evaluated++) {
    const node = nodes[(startAt + evaluated) % nodes.length] as NodeInfo;
    const { verdict, by } = filterNode(pod, node, plugins, states);
    if (verdict.kind === 'fits') feasible.push(node);
    else {
      rejectedBy.add(by);
      for (const reason of verdict.reasons) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    }
  }
  if (feasible.length === 0) return none(evaluated);
  const totals = scoreNodes(pod, feasible, plugins, states);
  const { name } = feasible[pickHighest(totals, random)] as NodeInfo;
  return { kind: 'node', nodeName: name, evaluated, feasible: feasible.length };
}

/** All of a small cluster; of a big one a share that shrinks from 50 % to 5 %, but never fewer than 100. */
export function feasibleNodesWanted(nodeCount: number): number {
  if (nodeCount < ALL_BELOW) return nodeCount;
  const percent = Math.max(PERCENT_MIN, 50 - Math.floor(nodeCount / 125));
  return Math.max(ALL_BELOW, Math.floor((nodeCount * percent) / 100));
}

function filterNode(
  pod: Pod,
  node: NodeInfo,
  plugins: readonly WeightedPlugin[],
  states: States,
): { readonly verdict: Verdict; readonly by: string } {
  for (const { plugin } of plugins) {
    const verdict = plugin.filter?.(pod, node, states.get(plugin));
    if (verdict?.kind === 'rejects') return { verdict, by: plugin.name };
  }
  return { verdict: FITS, by: '' };
}

/** For each node the weighted sum of what the plugins think of it. */
function scoreNodes(
  pod: Pod,
  nodes: readonly NodeInfo[],
  plugins: readonly WeightedPlugin[],
  states: States,
): readonly number[] {
  const totals = nodes.map(() => 0);
  if (nodes.length === 1) return totals; // Nothing to choose.
  for (const { plugin, weight } of plugins) {
    if (plugin.score === undefined) continue;
    const raw = nodes.map((node) => plugin.score?.(pod, node, states.get(plugin)) ?? 0);
    const scores = plugin.normalizeScore?.(raw) ?? raw;
    for (const [index, score] of scores.entries()) {
      totals[index] = (totals[index] ?? 0) + weight * score;
    }
  }
  return totals;
}

/** The index of the highest; each of several equal ones with the same chance. */
function pickHighest(totals: readonly number[], random: () => number): number {
  const highest = Math.max(...totals);
  const equals = [...totals.keys()].filter((index) => totals[index] === highest);
  return equals[Math.floor(random() * equals.length)] ?? 0;
}

/** Asks every plugin to set aside what it must; takes it back when one refuses. */
export function reserve(pod: Pod, nodeName: string, plugins: readonly WeightedPlugin[]): Verdict {
  for (const { plugin } of plugins) {
    const verdict = plugin.reserve?.(pod, nodeName);
    if (verdict?.kind !== 'rejects') continue;
    unreserve(pod, nodeName, plugins);
    return rejects(...verdict.reasons);
  }
  return FITS;
}

/** In reverse order; safe for plugins that have reserved nothing. */
export function unreserve(pod: Pod, nodeName: string, plugins: readonly WeightedPlugin[]): void {
  for (const { plugin } of [...plugins].reverse()) plugin.unreserve?.(pod, nodeName);
}
