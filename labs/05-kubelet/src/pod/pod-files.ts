// PodFiles: the files that all containers of a pod share: /etc/hosts and /etc/resolv.conf.
//
// They are written when the pod has its address, and before any container of it starts.
//
// Same idea upstream: ensureHostsFile in kubernetes, pkg/kubelet/kubelet_pods.go.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod } from 'kubernetes-types/core/v1';
import {
  type ClusterDns,
  type DnsWarning,
  formatResolverConfig,
  parseResolverConfig,
  type ResolverConfig,
  resolverConfigOf,
} from '../container/dns.ts';
import { hostsFileOf } from '../container/hosts.ts';

export interface PodFiles {
  readonly dns: ClusterDns;
  /** The node's own, as this process sees it; empty: the node is to have none. */
  readonly resolverFile?: string;
  /** Is told what of the pod's resolver had to be left out. */
  warn?(pod: Pod, warning: DnsWarning): void;
  podDirectory(podUid: string): string;
}

export async function writePodFiles(files: PodFiles, pod: Pod, address: string): Promise<void> {
  const { dns } = files;
  const directory = files.podDirectory(pod.metadata?.uid ?? '');
  await mkdir(directory, { recursive: true });
  const resolver = resolverConfigOf(pod, dns, await nodeResolver(files));
  for (const warning of resolver.warnings) files.warn?.(pod, warning);
  const nodeFile = await readFile('/etc/hosts', 'utf8');
  const hosts = hostsFileOf(pod, { address, clusterDomain: dns.domain, nodeFile });
  // Written in place: containers that are bound to these files must see the new content.
  await writeFile(join(directory, 'resolv.conf'), formatResolverConfig(resolver.config));
  await writeFile(join(directory, 'etc-hosts'), hosts);
}

async function nodeResolver(files: PodFiles): Promise<ResolverConfig | undefined> {
  const { resolverFile = '/etc/resolv.conf' } = files;
  if (resolverFile === '') return undefined;
  return parseResolverConfig(await readFile(resolverFile, 'utf8'));
}
