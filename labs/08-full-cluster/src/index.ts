// @kube-labs/full-cluster: the public names of lab 08: the launcher's verbs, for programs and tests.

export type { ClockProfile } from './clock-profile.ts';
export type { ClusterConfig, NodeConfig } from './cluster-config.ts';
export {
  apiServerAddress,
  checkoutDir,
  controlPlaneContainer,
  kubeconfigPath,
  nodeContainer,
} from './cluster-config.ts';
export { ClusterError } from './cluster-error.ts';
export { clusterNames, loadCluster } from './cluster-state.ts';
export { down } from './down.ts';
export { demoImage, nodeImage } from './image-names.ts';
export { findKubectl } from './kubectl.ts';
export type { NodeAction } from './nodes.ts';
export { actOnNode, addNode, removeNode } from './nodes.ts';
export type { ClusterStatus, ComponentStatus, NodeStatus, PodStatus } from './status.ts';
export { readStatus } from './status.ts';
export type { RunSteps, Step } from './steps.ts';
export { runSteps } from './steps.ts';
export type { UpDeps, UpResult } from './up.ts';
export { up } from './up.ts';
export type { UpOptions } from './up-options.ts';
