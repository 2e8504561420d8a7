// ClusterCache: what runs where, as the scheduler believes it; the source of snapshots.
//
//   assume()         the pod counts on its node from the moment it was chosen, before anybody else knows
//   finishBinding()  the API server said yes: from now the watch must confirm it within ASSUMED_TTL_MS
//   setPod()         the watch says so: what it says replaces what was assumed
//   forget()         binding failed: the pod does not count any more
//
// Invariants (assertConsistent() checks them): a pod counts on at most one node; what the watch confirmed is never forgotten or
// expired; a node's NodeInfo is made again only when the node or its pods changed. Pods on a node that is not
// there (yet, or any more) are kept, as the watches of pods and nodes do not wait for each other.
// Same idea upstream: kubernetes, pkg/scheduler/backend/cache.

import assert from 'node:assert/strict';
import { type Clock, realClock } from '@kube-labs/apiserver';
import type { Node, Pod } from 'kubernetes-types/core/v1';
import { type NodeInfo, nodeInfo, type Snapshot } from './snapshot.ts';

type Placement =
  | { readonly state: 'assumed'; readonly pod: Pod; readonly nodeName: string }
  | {
      readonly state: 'bound';
      readonly pod: Pod;
      readonly nodeName: string;
      readonly until: number;
    }
  | { readonly state: 'confirmed'; readonly pod: Pod; readonly nodeName: string };

/** As in Kubernetes 1.1; long enough for the slowest watch. */
const ASSUMED_TTL_MS = 30_000;

export class ClusterCache {
  readonly #clock: Clock;
  readonly #nodes = new Map<string, Node>();
  readonly #placements = new Map<string, Placement>();
  readonly #podsOn = new Map<string, Map<string, Pod>>();
  readonly #infos = new Map<string, NodeInfo>();
  /** Nodes whose NodeInfo is out of date. */
  readonly #stale = new Set<string>();
  #snapshot: Snapshot = { generation: 0, nodes: [] };

  constructor(clock: Clock = realClock) {
    this.#clock = clock;
  }

  setNode(node: Node): void {
    const name = node.metadata?.name ?? '';
    this.#nodes.set(name, node);
    this.#stale.add(name);
  }

  removeNode(name: string): void {
    if (this.#nodes.delete(name)) this.#stale.add(name);
  }

  /** The watch shows the pod on its node. */
  setPod(pod: Pod): void {
    this.#place({ state: 'confirmed', pod, nodeName: pod.spec?.nodeName ?? '' });
  }

  /** The pod is gone or has finished. */
  removePod(uid: string): void {
    const placement = this.#placements.get(uid);
    if (placement === undefined) return;
    this.#placements.delete(uid);
    const pods = this.#podsOn.get(placement.nodeName);
    pods?.delete(uid);
    if (pods?.size === 0) this.#podsOn.delete(placement.nodeName);
    this.#stale.add(placement.nodeName);
  }

  assume(pod: Pod, nodeName: string): void {
    assert(!this.#placements.has(uidOf(pod)), `pod ${uidOf(pod)} was assumed already`);
    this.#place({ state: 'assumed', pod, nodeName });
  }

  has(uid: string): boolean {
    return this.#placements.has(uid);
  }

  finishBinding(uid: string): void {
    const placement = this.#placements.get(uid);
    if (placement?.state !== 'assumed') return; // The watch was faster, or the pod is gone.
    const { pod, nodeName } = placement;
    const until = this.#clock.now() + ASSUMED_TTL_MS;
    this.#placements.set(uid, { state: 'bound', pod, nodeName, until });
  }

  /** True when the pod was only assumed, and no longer counts. */
  forget(uid: string): boolean {
    if (this.#placements.get(uid)?.state !== 'assumed') return false;
    this.removePod(uid);
    return true;
  }

  /** Drops what was bound but never confirmed: the pod was deleted while we were not watching. Tells how many. */
  expire(): number {
    let count = 0;
    for (const [uid, placement] of this.#placements) {
      if (placement.state !== 'bound' || placement.until > this.#clock.now()) continue;
      this.removePod(uid);
      count++;
    }
    return count;
  }

  /** The same object as before when nothing changed. */
  snapshot(): Snapshot {
    if (this.#stale.size === 0) return this.#snapshot;
    for (const name of this.#stale) {
      const node = this.#nodes.get(name);
      if (node === undefined) this.#infos.delete(name);
      else this.#infos.set(name, nodeInfo(node, [...(this.#podsOn.get(name)?.values() ?? [])]));
    }
    this.#stale.clear();
    const generation = this.#snapshot.generation + 1;
    this.#snapshot = { generation, nodes: [...this.#infos.values()] };
    return this.#snapshot;
  }

  /** Throws when an invariant is broken. */
  assertConsistent(): void {
    let count = 0;
    for (const [nodeName, pods] of this.#podsOn) {
      for (const [uid, pod] of pods) {
        const placement = this.#placements.get(uid);
        assert(
          placement?.nodeName === nodeName,
          `pod ${uid} counts on ${nodeName}, but is not there`,
        );
        assert(placement.pod === pod, `pod ${uid} counts in an old version`);
        count++;
      }
    }
    assert.equal(count, this.#placements.size, 'every placed pod counts exactly once');
  }

  #place(placement: Placement): void {
    const uid = uidOf(placement.pod);
    const previous = this.#placements.get(uid);
    if (previous !== undefined && previous.nodeName !== placement.nodeName) this.removePod(uid);
    this.#placements.set(uid, placement);
    let pods = this.#podsOn.get(placement.nodeName);
    if (pods === undefined) {
      pods = new Map();
      this.#podsOn.set(placement.nodeName, pods);
    }
    pods.set(uid, placement.pod);
    this.#stale.add(placement.nodeName);
  }
}

export function uidOf(pod: Pod): string {
  return pod.metadata?.uid ?? '';
}
