// ClockProfile: how fast the cluster notices that a node is gone.
//
// Four clocks decide it: how often a kubelet renews its lease and posts its status, how long the controller
// manager waits for that before the node is Unknown, and how long a pod tolerates such a node before it is
// evicted. `today` and `1.1` are upstream's values, `fast` is for a demonstration that fits into a minute.
//
// Upstream: the flags of kubelet, kube-controller-manager and kube-apiserver. In 1.1 the eviction wait was
// the controller manager's --pod-eviction-timeout (5 min) and there were no leases: the node status, posted
// every 10 s, was the heartbeat. Since 1.32 the grace period is 50 s.

export const clockProfiles = ['today', '1.1', 'fast'] as const;
export type ClockProfile = (typeof clockProfiles)[number];

export interface ClockFlags {
  readonly kubelet: readonly string[];
  readonly controllerManager: readonly string[];
  readonly apiServer: readonly string[];
}

interface Clocks {
  readonly statusUpdate: string;
  /** How often an unchanged status is written all the same. */
  readonly statusReport: string;
  readonly leaseSeconds: number;
  readonly monitorPeriod: string;
  readonly monitorGrace: string;
  readonly tolerationSeconds: number;
}

const clocks: Record<ClockProfile, Clocks> = {
  today: {
    statusUpdate: '10s',
    statusReport: '5m',
    leaseSeconds: 40,
    monitorPeriod: '5s',
    monitorGrace: '40s',
    tolerationSeconds: 300,
  },
  '1.1': {
    statusUpdate: '10s',
    statusReport: '10s',
    leaseSeconds: 40,
    monitorPeriod: '5s',
    monitorGrace: '40s',
    tolerationSeconds: 300,
  },
  fast: {
    statusUpdate: '1s',
    statusReport: '5m',
    leaseSeconds: 4,
    monitorPeriod: '1s',
    monitorGrace: '4s',
    tolerationSeconds: 2,
  },
};

/** The flags that set a profile's clocks, for each component that has one of them. */
export function clockFlags(profile: ClockProfile): ClockFlags {
  const { statusUpdate, statusReport, leaseSeconds, tolerationSeconds } = clocks[profile];
  const { monitorPeriod, monitorGrace } = clocks[profile];
  return {
    kubelet: [
      `--node-status-update-frequency=${statusUpdate}`,
      `--node-status-report-frequency=${statusReport}`,
      `--node-lease-duration-seconds=${leaseSeconds}`,
    ],
    controllerManager: [
      `--node-monitor-period=${monitorPeriod}`,
      `--node-monitor-grace-period=${monitorGrace}`,
    ],
    apiServer: [
      `--default-not-ready-toleration-seconds=${tolerationSeconds}`,
      `--default-unreachable-toleration-seconds=${tolerationSeconds}`,
    ],
  };
}
