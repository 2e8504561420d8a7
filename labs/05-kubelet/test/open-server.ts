// openServer: what a kubelet's server needs besides its pods, for tests that are not about who may ask.

import { healthListener, silentLogger } from '@kube-labs/apiserver';

export const openServer = {
  stats: undefined,
  log: silentLogger,
  health: healthListener({}),
  metrics: async () => '',
  probeMetrics: async () => '',
  configz: () => ({}),
  volumeUsage: async () => [],
  authenticate: async () => ({ name: 'anyone', groups: [] }),
  authorize: async () => {},
  counted: () => {},
};
