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
  formatResolverConfig,
  parseResolverConfig,
  resolverConfigOf,
} from '../container/dns.ts';
import { hostsFileOf } from '../container/hosts.ts';

export interface PodFiles {
  readonly dns: ClusterDns;
  podDirectory(podUid: string): string;
}

export async function writePodFiles(files: PodFiles, pod: Pod, address: string): Promise<void> {
  const { dns } = files;
  const directory = files.podDirectory(pod.metadata?.uid ?? '');
  await mkdir(directory, { recursive: true });
  const nodeResolver = parseResolverConfig(await readFile('/etc/resolv.conf', 'utf8'));
  const resolver = resolverConfigOf(pod, dns, nodeResolver);
  const nodeFile = await readFile('/etc/hosts', 'utf8');
  const hosts = hostsFileOf(pod, { address, clusterDomain: dns.domain, nodeFile });
  // Written in place: containers that are bound to these files must see the new content.
  await writeFile(join(directory, 'resolv.conf'), formatResolverConfig(resolver));
  await writeFile(join(directory, 'etc-hosts'), hosts);
}
