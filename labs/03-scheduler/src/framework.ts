// The scheduling framework: what a plugin may be asked, and when.
//
//   preFilter       once a cycle: what filter and score will need      (may reject the pod on every node)
//   filter          once a node: can the pod run there?                the first plugin that says no decides
//   score           once a node that is left: how good is it?          any number
//   normalizeScore  once a cycle: brings the scores to 0…100           then they are weighted and added up
//   reserve         the node was chosen: set something aside           undone by unreserve if binding fails
//   bind            tells the API server                               the first plugin that can does it
//
// A plugin sees one snapshot for the whole cycle and changes nothing but its own state. What preFilter returns is handed to
// the same plugin's filter and score. `helpedBy` are the events after which a pod that it rejected is worth another try.
// Same contract upstream: kubernetes, pkg/scheduler/framework/interface.go.
// Left out: permit, postFilter (preemption), preBind and postBind, and the difference between rejections that
// preemption could cure and those that it could not.

import type { Pod } from 'kubernetes-types/core/v1';
import type { NodeInfo, Snapshot } from './snapshot.ts';

export type Verdict =
  | { readonly kind: 'fits' }
  | { readonly kind: 'rejects'; readonly reasons: readonly string[] };

export const FITS: Verdict = { kind: 'fits' };

export function rejects(...reasons: readonly string[]): Verdict {
  return { kind: 'rejects', reasons };
}

/** What can happen in a cluster that may make a pod fit that did not. Upstream's names. */
export type ClusterEvent =
  | 'NodeAdd'
  | 'NodeAllocatableChange'
  | 'NodeLabelChange'
  | 'NodeTaintChange'
  | 'NodeSpecUnschedulableChange'
  | 'AssignedPodAdd'
  | 'AssignedPodDelete';

export type PreFilterResult<State> =
  | { readonly kind: 'ready'; readonly state: State }
  | { readonly kind: 'rejects'; readonly reasons: readonly string[] };

export interface Plugin<State = unknown> {
  /** As upstream names it: NodeResourcesFit. */
  readonly name: string;
  readonly helpedBy?: readonly ClusterEvent[];
  preFilter?(pod: Pod, snapshot: Snapshot): PreFilterResult<State>;
  filter?(pod: Pod, node: NodeInfo, state: State): Verdict;
  score?(pod: Pod, node: NodeInfo, state: State): number;
  /** Without it the plugin's scores must already be within 0…SCORE_MAX. */
  normalizeScore?(scores: readonly number[]): readonly number[];
  reserve?(pod: Pod, nodeName: string): Verdict;
  unreserve?(pod: Pod, nodeName: string): void;
  /** False: not mine, ask the next. Throws when it could not. */
  bind?(pod: Pod, nodeName: string, signal: AbortSignal): Promise<boolean>;
}

export interface WeightedPlugin {
  readonly plugin: Plugin;
  /** How much its score counts against that of the others. */
  readonly weight: number;
}

export const SCORE_MAX = 100;

/** The best gets SCORE_MAX (or, reversed, nothing), the others in proportion. */
export function normalizeToMax(scores: readonly number[], reverse = false): readonly number[] {
  const max = Math.max(0, ...scores);
  if (max === 0) return scores.map(() => (reverse ? SCORE_MAX : 0));
  return scores.map((score) => {
    const share = Math.floor((SCORE_MAX * score) / max);
    return reverse ? SCORE_MAX - share : share;
  });
}
