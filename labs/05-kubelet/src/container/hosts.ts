// Hosts: what a pod is called, and its /etc/hosts: localhost, the pod itself, and the aliases of its spec. Pure.
//
// Same idea upstream: managedHostsFileContent and GeneratePodHostNameAndDomain in kubernetes, pkg/kubelet/kubelet_pods.go;
// GetNodenameForKernel in pkg/kubelet/util.

import type { Pod } from 'kubernetes-types/core/v1';

const HEADER = '# Kubernetes-managed hosts file.\n';
const KERNEL_HOSTNAME_MAX = 64;
const HEADER_HOST_NETWORK = '# Kubernetes-managed hosts file (host network).\n';
const LOCAL_ENTRIES = `127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
`;

export interface HostsView {
  readonly address: string;
  readonly clusterDomain: string;
  /** The node's own file, which a pod in the node's network gets. */
  readonly nodeFile: string;
}

export function hostsFileOf(pod: Pod, view: HostsView): string {
  if (pod.spec?.hostNetwork === true) {
    return `${HEADER_HOST_NETWORK}${view.nodeFile}${aliasesOf(pod)}`;
  }
  const hostname = hostnameOf(pod);
  const domain = domainOf(pod, view.clusterDomain);
  const names = domain === undefined ? hostname : `${hostname}.${domain}\t${hostname}`;
  return `${HEADER}${LOCAL_ENTRIES}${view.address}\t${names}\n${aliasesOf(pod)}`;
}

/** Linux allows 63 characters; a longer pod name is cut, and may not end in a dash or dot then. */
export function hostnameOf(pod: Pod): string {
  const name = pod.spec?.hostname || (pod.metadata?.name ?? '');
  return name.slice(0, 63).replace(/[-.]+$/, '');
}

/** What the kernel is told: the name alone, or all of it where the pod asks for that. Throws when that is too long. */
export function kernelHostnameOf(pod: Pod, clusterDomain: string): string {
  const hostname = hostnameOf(pod);
  const domain = domainOf(pod, clusterDomain);
  if (domain === undefined || pod.spec?.setHostnameAsFQDN !== true) return hostname;
  const name = `${hostname}.${domain}`;
  if (name.length <= KERNEL_HOSTNAME_MAX) return name;
  throw new Error(
    `failed to construct FQDN from pod hostname and cluster domain, FQDN ${name} is too long (${KERNEL_HOSTNAME_MAX} characters is the max, ${name.length} characters requested)`,
  );
}

function domainOf({ metadata, spec }: Pod, clusterDomain: string): string | undefined {
  if (!spec?.subdomain) return undefined;
  return `${spec.subdomain}.${metadata?.namespace}.svc.${clusterDomain}`;
}

function aliasesOf(pod: Pod): string {
  const aliases = pod.spec?.hostAliases ?? [];
  if (aliases.length === 0) return '';
  const lines = aliases.map(({ ip, hostnames }) => `${ip}\t${(hostnames ?? []).join('\t')}\n`);
  return `\n# Entries added by HostAliases.\n${lines.join('')}`;
}
