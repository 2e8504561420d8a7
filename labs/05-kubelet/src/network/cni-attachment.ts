// CniAttachment: a sandbox on a network of the Container Network Interface: how it was attached, and whether it still is.
//
// It is a record from before the plugins are asked, so that a kubelet that is killed meanwhile leaves nobody behind, and keeps the
// configuration of its time, since DEL and CHECK are told of that. A namespace is known again by its own number: the process that
// held it may have ended, and its id be another's.
//
// Same idea upstream: containernetworking/cni, libcni/api.go (cachedInfo).

import { readFileSync, readlinkSync } from 'node:fs';
import type { CniStep } from './cni-chain.ts';
import type { CniConfig } from './cni-config.ts';
import type { NetworkSandbox } from './network-plugin.ts';

export interface Attachment extends CniStep {
  readonly config: CniConfig;
  readonly netns: string;
  /** e.g. net:[4026532008] */
  readonly netnsId: string;
  readonly pid: number;
}

export function attachmentFor(
  sandbox: NetworkSandbox,
  config: CniConfig,
  podCidr: string,
): Attachment {
  const { sandboxId: containerId, pid, netns, pod, portMappings } = sandbox;
  return {
    ...{ config, containerId, pid, netns, netnsId: netnsIdOf(netns) ?? '' },
    args: [
      ['IgnoreUnknown', '1'],
      ['K8S_POD_NAMESPACE', pod.namespace],
      ['K8S_POD_NAME', pod.name],
      ['K8S_POD_INFRA_CONTAINER_ID', containerId],
      ['K8S_POD_UID', pod.uid],
    ],
    capabilityArgs: {
      portMappings: portMappings.map(({ hostPort, containerPort, protocol, hostIp = '' }) => ({
        ...{ hostPort, containerPort, protocol: protocol.toLowerCase(), hostIP: hostIp },
      })),
      ...(podCidr === '' ? {} : { ipRanges: [[{ subnet: podCidr }]] }),
    },
  };
}

/** Is its namespace still the one that it was attached in? */
export function hasNamespace({ netns, netnsId }: Attachment): boolean {
  return netnsIdOf(netns) === netnsId;
}

/** Without starting a process: what devices the sandbox has, the kernel tells by its process. */
export function hasWire(attachment: Attachment): boolean {
  if (!hasNamespace(attachment)) return false;
  try {
    return readFileSync(`/proc/${attachment.pid}/net/dev`, 'utf8').includes('eth0:');
  } catch {
    return false;
  }
}

function netnsIdOf(netns: string): string | undefined {
  try {
    return readlinkSync(netns);
  } catch {
    return undefined;
  }
}
