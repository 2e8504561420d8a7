// @kube-labs/scheduler: the public names of lab 03, and nothing else.

export { ClusterCache } from './cluster-cache.ts';
export type { Decision, FindNodeOptions } from './find-node.ts';
export { findNode } from './find-node.ts';
export { fitMessage } from './fit-error.ts';
export type {
  ClusterEvent,
  Plugin,
  PreFilterResult,
  Verdict,
  WeightedPlugin,
} from './framework.ts';
export { FITS, normalizeToMax, rejects, SCORE_MAX } from './framework.ts';
export type { SpreadListers } from './plugins/selector-spread.ts';
export { defaultPlugins } from './registry.ts';
export type { SchedulerOptions } from './scheduler.ts';
export { Scheduler } from './scheduler.ts';
export type { QueuedPod, SchedulingQueueOptions } from './scheduling-queue.ts';
export { SchedulingQueue } from './scheduling-queue.ts';
export type { HostPort, NodeInfo, Resources, Snapshot } from './snapshot.ts';
export { nodeInfo } from './snapshot.ts';
