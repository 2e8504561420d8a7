// network-policy: the strategy of network policies: who may talk to a pod, and whom it may talk to.
//
// Same rules upstream: pkg/apis/networking/v1/defaults.go, pkg/apis/networking/validation (ValidateNetworkPolicySpec).

import { BlockList, isIP } from 'node:net';
import type {
  IPBlock,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
  NetworkPolicySpec,
} from 'kubernetes-types/networking/v1';
import {
  type FieldError,
  forbiddenField,
  invalidValue,
  invalidValues,
  notSupported,
  required,
} from './field-error.ts';
import { validateLabelSelector } from './label-selector.ts';
import { dns1123Subdomain, portName, portNumberMessages } from './name-rules.ts';
import { defineStrategy, type Strategy } from './strategy.ts';

const PROTOCOLS = ['TCP', 'UDP', 'SCTP'] as const;
const POLICY_TYPES = ['Ingress', 'Egress'] as const;

export const networkPolicyStrategy: Strategy = defineStrategy<NetworkPolicy>({
  metadata: { name: dns1123Subdomain },
  hasStatus: false,
  hasGeneration: true,
  setDefaults({ spec }) {
    if (spec === undefined) return;
    const { ingress = [], egress = [] } = spec;
    for (const { ports = [] } of [...ingress, ...egress]) {
      for (const port of ports) port.protocol ??= 'TCP';
    }
    if ((spec.policyTypes ?? []).length > 0) return;
    spec.policyTypes = egress.length > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
  },
  validate: ({ spec }) => validateSpec(spec, 'spec'),
});

function validateSpec(spec: NetworkPolicySpec | undefined, field: string): FieldError[] {
  const { podSelector, ingress = [], egress = [], policyTypes = [] } = spec ?? {};
  return [
    ...validateLabelSelector(podSelector, `${field}.podSelector`),
    ...ingress.flatMap(({ ports = [], from = [] }, index) => [
      ...validatePorts(ports, `${field}.ingress[${index}].ports`),
      ...validatePeers(from, `${field}.ingress[${index}].from`),
    ]),
    ...egress.flatMap(({ ports = [], to = [] }, index) => [
      ...validatePorts(ports, `${field}.egress[${index}].ports`),
      ...validatePeers(to, `${field}.egress[${index}].to`),
    ]),
    ...validateTypes(policyTypes, `${field}.policyTypes`),
  ];
}

function validateTypes(types: readonly string[], field: string): FieldError[] {
  if (types.length > POLICY_TYPES.length) {
    return [invalidValue(field, types, 'may not specify more than two policyTypes')];
  }
  return types.flatMap((type, index) =>
    (POLICY_TYPES as readonly string[]).includes(type)
      ? []
      : [notSupported(`${field}[${index}]`, type, POLICY_TYPES)],
  );
}

function validatePorts(ports: readonly NetworkPolicyPort[], field: string): FieldError[] {
  return ports.flatMap((port, index) => {
    const at = `${field}[${index}]`;
    const { protocol } = port;
    return [
      ...(protocol === undefined || (PROTOCOLS as readonly string[]).includes(protocol)
        ? []
        : [notSupported(`${at}.protocol`, protocol, PROTOCOLS)]),
      ...validatePort(port, at),
    ];
  });
}

function validatePort({ port, endPort }: NetworkPolicyPort, field: string): FieldError[] {
  const end = `${field}.endPort`;
  if (port === undefined) {
    const detail = 'may not be specified when `port` is not specified';
    return endPort === undefined ? [] : [invalidValue(end, endPort, detail)];
  }
  if (typeof port === 'string') {
    const detail = 'may not be specified when `port` is non-numeric';
    return [
      ...(endPort === undefined ? [] : [invalidValue(end, endPort, detail)]),
      ...invalidValues(`${field}.port`, port, portName(port)),
    ];
  }
  const errors = invalidValues(`${field}.port`, port, portNumberMessages(port));
  if (endPort === undefined) return errors;
  if (endPort < port) {
    errors.push(invalidValue(end, port, 'must be greater than or equal to `port`'));
  }
  return [...errors, ...invalidValues(end, endPort, portNumberMessages(endPort))];
}

function validatePeers(peers: readonly NetworkPolicyPeer[], field: string): FieldError[] {
  return peers.flatMap(({ podSelector, namespaceSelector, ipBlock }, index) => {
    const at = `${field}[${index}]`;
    const hasSelector = podSelector !== undefined || namespaceSelector !== undefined;
    const errors = [
      ...validateLabelSelector(podSelector, `${at}.podSelector`),
      ...validateLabelSelector(namespaceSelector, `${at}.namespaceSelector`),
    ];
    if (ipBlock !== undefined) errors.push(...validateIpBlock(ipBlock, `${at}.ipBlock`));
    if (!hasSelector && ipBlock === undefined) errors.push(required(at, 'must specify a peer'));
    if (hasSelector && ipBlock !== undefined) {
      errors.push(forbiddenField(at, 'may not specify both ipBlock and another peer'));
    }
    return errors;
  });
}

interface Cidr {
  readonly address: string;
  readonly prefix: number;
  readonly family: 'ipv4' | 'ipv6';
}

function parseCidr(text: string): Cidr | undefined {
  const [address = '', length = '', ...rest] = text.split('/');
  const version = isIP(address);
  const prefix = Number(length);
  const fits = /^\d{1,3}$/.test(length) && prefix <= (version === 4 ? 32 : 128);
  if (version === 0 || !fits || rest.length > 0) return undefined;
  return { address, prefix, family: version === 4 ? 'ipv4' : 'ipv6' };
}

function validateIpBlock({ cidr = '', except = [] }: IPBlock, field: string): FieldError[] {
  if (cidr === '') return [required(`${field}.cidr`)];
  const whole = parseCidr(cidr);
  if (whole === undefined) return [invalidValue(`${field}.cidr`, cidr, 'not a valid CIDR')];
  const block = new BlockList();
  block.addSubnet(whole.address, whole.prefix, whole.family);
  const errors: FieldError[] = [];
  for (const [index, text] of except.entries()) {
    const at = `${field}.except[${index}]`;
    const part = parseCidr(text);
    if (part === undefined) return [...errors, invalidValue(at, text, 'not a valid CIDR')];
    const isInside = part.family === whole.family && block.check(part.address, part.family);
    if (!isInside || whole.prefix >= part.prefix) {
      errors.push(invalidValue(at, text, 'must be a strict subset of `cidr`'));
    }
  }
  return errors;
}
