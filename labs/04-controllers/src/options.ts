// Options: every number that a flag of the controller manager sets, with upstream's default.
//
// Upstream: kubernetes, cmd/kube-controller-manager/app/options. All durations are in milliseconds here.

export interface ControllerOptions {
  /** Controllers to run, by name; '*' stands for all, '-name' takes one out. */
  readonly controllers: readonly string[];
  readonly concurrentSyncs: Readonly<Record<ConcurrentSyncs, number>>;
  readonly allocateNodeCidrs: boolean;
  readonly clusterCidr: string;
  readonly nodeCidrMaskSize: number;
  readonly nodeMonitorPeriodMs: number;
  readonly nodeMonitorGracePeriodMs: number;
  readonly nodeStartupGracePeriodMs: number;
  /** Nodes per second and zone that may get their NoExecute taint, and so lose their Pods. */
  readonly nodeEvictionRate: number;
  /** The same for a zone in which more than `unhealthyZoneThreshold` of the nodes are not ready. */
  readonly secondaryNodeEvictionRate: number;
  readonly largeClusterSizeThreshold: number;
  readonly unhealthyZoneThreshold: number;
  readonly terminatedPodGcThreshold: number;
  readonly podGcPeriodMs: number;
  /** How long a node must have been gone before its Pods are removed. */
  readonly podGcQuarantineMs: number;
}

export type ConcurrentSyncs =
  | 'deployment'
  | 'replicaset'
  | 'rc'
  | 'daemonset'
  | 'endpoint'
  | 'service-endpoint'
  | 'namespace'
  | 'gc'
  | 'serviceaccount';

export const defaultOptions: ControllerOptions = {
  controllers: ['*'],
  concurrentSyncs: {
    deployment: 5,
    replicaset: 5,
    rc: 5,
    daemonset: 2,
    endpoint: 5,
    'service-endpoint': 5,
    namespace: 10,
    gc: 20,
    serviceaccount: 5,
  },
  allocateNodeCidrs: false,
  clusterCidr: '',
  nodeCidrMaskSize: 24,
  nodeMonitorPeriodMs: 5_000,
  nodeMonitorGracePeriodMs: 40_000,
  nodeStartupGracePeriodMs: 60_000,
  nodeEvictionRate: 0.1,
  secondaryNodeEvictionRate: 0.01,
  largeClusterSizeThreshold: 50,
  unhealthyZoneThreshold: 0.55,
  terminatedPodGcThreshold: 12_500,
  podGcPeriodMs: 20_000,
  podGcQuarantineMs: 40_000,
};
