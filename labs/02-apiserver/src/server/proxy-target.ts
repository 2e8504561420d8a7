// proxy-target: which address `pods/NAME/proxy` and its like mean: names with a scheme and a port, and addresses that may be reached.
//
//   name   name:port   scheme:name:port     the port is a number, or for services its name
//
// The server must not be talked into connecting to itself or to the link it stands on: only ordinary unicast addresses are reached.
//
// Same rules upstream: apimachinery, util/net (SplitSchemeNamePort) and util/proxy (IsProxyableIP).

import { BlockList, isIP, type Socket } from 'node:net';
import { badRequest } from '../api-error.ts';
import type { KubeletCredentials } from './kubelet-connection.ts';

/** Opens a connection into the cluster's network. Errors come as the socket's. */
export type Dial = (address: { readonly host: string; readonly port: number }) => Socket;

export interface ProxyTarget {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  /** Undefined: nobody proves anything to anybody; certificates of pods name no addresses. */
  readonly credentials?: KubeletCredentials;
}

export interface NamedTarget {
  readonly scheme: 'http' | 'https' | '';
  readonly name: string;
  readonly port: string;
}

const DEFAULT_PORTS = { http: 80, https: 443 } as const;
const PORT_MAX = 65_535;

const NOT_PROXYABLE = new BlockList();
NOT_PROXYABLE.addAddress('0.0.0.0');
NOT_PROXYABLE.addAddress('255.255.255.255');
NOT_PROXYABLE.addSubnet('127.0.0.0', 8);
NOT_PROXYABLE.addSubnet('169.254.0.0', 16);
NOT_PROXYABLE.addSubnet('224.0.0.0', 4);
NOT_PROXYABLE.addAddress('::', 'ipv6');
NOT_PROXYABLE.addAddress('::1', 'ipv6');
NOT_PROXYABLE.addSubnet('fe80::', 10, 'ipv6');
NOT_PROXYABLE.addSubnet('ff00::', 8, 'ipv6');

/** @param what `pod`, `service` or `node`, for the error */
export function splitSchemeNamePort(what: string, id: string): NamedTarget {
  const parts = id.split(':');
  const [scheme, name = '', port = ''] = parts.length === 3 ? parts : ['', ...parts];
  const isKnown = scheme === 'http' || scheme === 'https' || scheme === '';
  if (parts.length > 3 || !isKnown || name === '' || (parts.length === 3 && parts[0] === '')) {
    throw badRequest(`invalid ${what} request ${JSON.stringify(id)}`);
  }
  return { scheme, name, port };
}

/** The place that a name means, once its address is known. */
export function targetAt(
  { scheme }: Pick<NamedTarget, 'scheme'>,
  host: string,
  port: string,
): ProxyTarget {
  const family = isIP(host);
  if (family === 0) throw badRequest('no addresses found for host');
  if (NOT_PROXYABLE.check(host, family === 4 ? 'ipv4' : 'ipv6')) {
    throw badRequest('address not allowed');
  }
  const known = scheme === '' ? 'http' : scheme;
  const number = port === '' ? DEFAULT_PORTS[known] : Number(port);
  if (!Number.isInteger(number) || number < 1 || number > PORT_MAX) {
    throw badRequest(
      `invalid port ${JSON.stringify(port)}: must be a number from 1 to ${PORT_MAX}`,
    );
  }
  return { scheme: known, host, port: number };
}
