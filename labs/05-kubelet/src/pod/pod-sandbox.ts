// PodSandboxes: a pod's sandbox with its address, and the files that all its containers share.
//
// Invariant: a sandbox that is ready has its wire, or is replaced; an address is given back only after the sandbox has
// gone. Pods in the node's network have the node's address, as long as it is still the same network namespace.
//
// Same idea upstream: createPodSandbox and killPodWithSyncResult in kubernetes, pkg/kubelet/kuberuntime.

import { readlinkSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod } from 'kubernetes-types/core/v1';
import {
  type ClusterDns,
  formatResolverConfig,
  parseResolverConfig,
  resolverConfigOf,
} from '../container/dns.ts';
import { hostnameOf, hostsFileOf } from '../container/hosts.ts';
import type { NetworkPlugin } from '../network/network-plugin.ts';
import type { Runtime, RuntimePod, RuntimeSandbox } from '../runtime/runtime.ts';
import { identityOf } from './pod-worker.ts';

export interface PodSandboxesOptions {
  readonly runtime: Runtime;
  readonly network: NetworkPlugin;
  readonly pauseImage: string;
  readonly dns: ClusterDns;
  readonly hostAddress: string;
  podDirectory(podUid: string): string;
}

export interface ReadySandbox {
  readonly sandbox: RuntimeSandbox;
  readonly address: string;
}

export class PodSandboxes {
  readonly #options: PodSandboxesOptions;

  constructor(options: PodSandboxesOptions) {
    this.#options = options;
  }

  /** The pod's address, if its newest sandbox is up and wired. */
  addressOf(runtime: RuntimePod): string | undefined {
    const [newest] = runtime.sandboxes;
    if (newest === undefined || newest.state !== 'ready') return undefined;
    if (newest.hostNetwork) {
      return isInOwnNetwork(newest.pid) ? this.#options.hostAddress : undefined;
    }
    return this.#options.network.addressOf(newest.id);
  }

  async create(pod: Pod, attempt: number): Promise<ReadySandbox> {
    const { runtime, network, pauseImage, hostAddress } = this.#options;
    const inHostNetwork = pod.spec?.hostNetwork === true;
    const sysctls = pod.spec?.securityContext?.sysctls ?? [];
    const sandbox = await runtime.runSandbox({
      pod: identityOf(pod),
      attempt,
      hostname: hostnameOf(pod),
      image: pauseImage,
      network: inHostNetwork ? 'host' : 'none',
      hostIpc: pod.spec?.hostIPC ?? false,
      sysctls: Object.fromEntries(sysctls.map(({ name, value }) => [name, value])),
      labels: pod.metadata?.labels ?? {},
    });
    try {
      const address = inHostNetwork ? hostAddress : await network.setUp(sandbox);
      await this.#writePodFiles(pod, address);
      return { sandbox, address };
    } catch (error) {
      await this.#remove(sandbox);
      throw error;
    }
  }

  /** All of them. Their containers must have been stopped. */
  async removeAll(runtime: RuntimePod): Promise<void> {
    await Promise.all(runtime.sandboxes.map((sandbox) => this.#remove(sandbox)));
  }

  async #remove(sandbox: RuntimeSandbox): Promise<void> {
    await this.#options.runtime.removeContainer(sandbox.id);
    if (!sandbox.hostNetwork) await this.#options.network.tearDown(sandbox.id);
  }

  async #writePodFiles(pod: Pod, address: string): Promise<void> {
    const { dns } = this.#options;
    const directory = this.#options.podDirectory(pod.metadata?.uid ?? '');
    await mkdir(directory, { recursive: true });
    const nodeResolver = parseResolverConfig(await readFile('/etc/resolv.conf', 'utf8'));
    const resolver = resolverConfigOf(pod, dns, nodeResolver);
    const nodeFile = await readFile('/etc/hosts', 'utf8');
    const hosts = hostsFileOf(pod, { address, clusterDomain: dns.domain, nodeFile });
    // Written in place: containers that are bound to these files must see the new content.
    await writeFile(join(directory, 'resolv.conf'), formatResolverConfig(resolver));
    await writeFile(join(directory, 'etc-hosts'), hosts);
  }
}

function isInOwnNetwork(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`) === readlinkSync('/proc/self/ns/net');
  } catch {
    // Not our pid namespace: there is nothing to compare.
    return true;
  }
}
