// parseClusterName: what a name asks for, by the schema of cluster names.
//
//   SERVICE.NAMESPACE.svc.cluster.local                     a service
//   HOST.SERVICE.NAMESPACE.svc.cluster.local                one endpoint of it
//   _PORT._PROTOCOL.SERVICE.NAMESPACE.svc.cluster.local     where a port is served
//   10-244-1-5.NAMESPACE.pod.cluster.local                  a pod, by its address
//   7.0.96.10.in-addr.arpa                                  the name of an address
//
// Pure text, nothing is looked up. Names compare without case; a name may end with a dot.
// Same idea upstream: coredns, plugin/kubernetes/parse.go; the schema is docs/specification.md of kubernetes/dns.

import { isIPv4 } from 'node:net';

export type ClusterName =
  /** Not of this zone. */
  | { readonly kind: 'outside' }
  /** Of this zone, but nothing can have this name. */
  | { readonly kind: 'impossible' }
  /** The zone itself. */
  | { readonly kind: 'apex' }
  /** svc.ZONE or pod.ZONE: exists, holds nothing. */
  | { readonly kind: 'branch' }
  | { readonly kind: 'schema-version' }
  | { readonly kind: 'namespace'; readonly namespace: string }
  | { readonly kind: 'service'; readonly namespace: string; readonly service: string }
  | { readonly kind: 'endpoint'; namespace: string; service: string; readonly host: string }
  | { readonly kind: 'port'; namespace: string; service: string; port: string; protocol: string }
  | { readonly kind: 'pod'; readonly namespace: string; readonly ip: string }
  | { readonly kind: 'address'; readonly ip: string };

export function parseClusterName(name: string, zone: string): ClusterName {
  const lower = canonicalName(name);
  if (lower === zone) return { kind: 'apex' };
  if (lower.endsWith(`.${zone}`)) {
    return parseInZone(
      lower
        .slice(0, -zone.length - 1)
        .split('.')
        .reverse(),
    );
  }
  if (lower.endsWith('.in-addr.arpa')) return parseReverse(lower);
  return { kind: 'outside' };
}

/** Lower case, without a last dot. */
export function canonicalName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

function parseInZone(labels: readonly string[]): ClusterName {
  const [branch, namespace, third, fourth, fifth] = labels;
  if (branch === 'dns-version' && labels.length === 1) return { kind: 'schema-version' };
  if (branch !== 'svc' && branch !== 'pod') return { kind: 'impossible' };
  if (namespace === undefined) return { kind: 'branch' };
  if (third === undefined) return { kind: 'namespace', namespace };
  if (branch === 'pod') return labels.length === 3 ? parsePod(namespace, third) : impossible;
  if (fourth === undefined) return { kind: 'service', namespace, service: third };
  if (fifth === undefined) {
    return { kind: 'endpoint', namespace, service: third, host: fourth };
  }
  const isPort = labels.length === 5 && fifth.startsWith('_') && fourth.startsWith('_');
  if (!isPort) return impossible;
  const [port, protocol] = [fifth.slice(1), fourth.slice(1)];
  return { kind: 'port', namespace, service: third, port, protocol };
}

function parsePod(namespace: string, label: string): ClusterName {
  const ip = label.replaceAll('-', '.');
  return isIPv4(ip) ? { kind: 'pod', namespace, ip } : impossible;
}

function parseReverse(name: string): ClusterName {
  const ip = name.slice(0, -'.in-addr.arpa'.length).split('.').reverse().join('.');
  return isIPv4(ip) ? { kind: 'address', ip } : { kind: 'outside' };
}

const impossible: ClusterName = { kind: 'impossible' };
