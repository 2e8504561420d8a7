// Service and kubelet flags: the addresses that services get, and how this server reaches the nodes' kubelets.
//
// Same names upstream: controlplane/apiserver/options and kubeapiserver/options.

import { parseIpv4Range, parsePortRange } from '../server/service-allocator.ts';
import type { FlagGroup } from './flag-group.ts';
import { checkTogether, defined, fileOf, textOf } from './values.ts';

const KUBELET_FILES = [
  '--kubelet-certificate-authority',
  '--kubelet-client-certificate',
  '--kubelet-client-key',
];

export const serviceFlags: FlagGroup = {
  title: 'Service and kubelet flags:',
  add(command) {
    command
      .option('--service-cluster-ip-range <cidr>', 'addresses of services', '10.96.0.0/16')
      .option('--service-node-port-range <range>', 'node ports of services', '30000-32767')
      .option(
        '--kubelet-certificate-authority <file>',
        'authority whose certificates prove kubelets',
      )
      .option('--kubelet-client-certificate <file>', 'what proves this server to kubelets')
      .option('--kubelet-client-key <file>', 'its key');
  },
  async options(flags) {
    checkTogether(flags, KUBELET_FILES);
    const serviceClusterIpRange = textOf(flags, '--service-cluster-ip-range');
    const serviceNodePortRange = textOf(flags, '--service-node-port-range');
    if (serviceClusterIpRange !== undefined) parseIpv4Range(serviceClusterIpRange);
    if (serviceNodePortRange !== undefined) parsePortRange(serviceNodePortRange);
    const [ca, cert, key] = await Promise.all(KUBELET_FILES.map((flag) => fileOf(flags, flag)));
    const isReachable = ca !== undefined && cert !== undefined && key !== undefined;
    return defined({
      serviceClusterIpRange,
      serviceNodePortRange,
      kubeletClient: isReachable ? { ca, cert, key } : undefined,
    });
  },
};
