// ChoosePlugin: the network plugin that a node's flags ask for.
//
// Same idea upstream: InitNetworkPlugin in kubernetes v1.23, pkg/kubelet/dockershim/network/plugins.go.

import { join } from 'node:path';
import type { Logger } from '@kube-labs/apiserver';
import type { NetworkOptions } from '../flags/network-flags.ts';
import type { HostCommand } from '../host-command.ts';
import { BridgeNetwork } from './bridge.ts';
import { CniNetwork } from './cni-network.ts';
import type { NodePlugin } from './network-plugin.ts';

export interface PluginOptions extends NetworkOptions {
  readonly rootDirectory: string;
}

export function choosePlugin(
  options: PluginOptions,
  node: { readonly run: HostCommand; readonly log: Logger },
): NodePlugin {
  const stateDirectory = join(options.rootDirectory, 'network');
  const { bridgeName: name, cniConfDirectory, cniBinDirectories } = options;
  if (options.networkPlugin === 'bridge')
    return new BridgeNetwork({ ...node, stateDirectory, name });
  const [confDirectory, binDirectories] = [cniConfDirectory, cniBinDirectories];
  return new CniNetwork({ ...node, stateDirectory, confDirectory, binDirectories });
}
